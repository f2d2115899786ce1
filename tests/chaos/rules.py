"""What can go wrong with a request, which requests a fault is for, and faults chosen by seed."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from random import Random
from typing import TypeVar
from urllib.parse import parse_qsl

T = TypeVar("T")


class Fault(StrEnum):
    """What a proxy does to a request."""

    NONE = "none"
    CUT = "cut"
    """The connection ends before the request is forwarded."""
    LOSE = "lose"
    """It is forwarded, and the connection ends instead of an answer."""
    LATE = "late"
    """The connection ends, and a while later the request is forwarded all the same."""
    HELD = "held"
    """The connection ends, and the request is forwarded once the next list has been answered."""
    TRUNCATE = "truncate"
    """The connection ends in the middle of the answer, its head or its body."""
    DELAY = "delay"
    """It is forwarded a while later."""
    TRICKLE = "trickle"
    """The answer's head or body comes in small pieces."""
    DUPLICATE = "duplicate"
    """It is forwarded twice; the answer is the first's, or the second's."""
    REFUSE = "refuse"
    """Every connection ends, and for a while no new one is accepted."""
    ANSWER = "answer"
    """The proxy answers by itself, with a status, as the API server does."""
    BALANCER = "balancer"
    """The proxy answers as a load balancer does: with a status, and with no `metav1.Status`."""
    HTML = "html"
    """The proxy answers with a web page, whatever the status."""
    EMPTY = "empty"
    """The proxy answers with success and no body."""
    WRONG_KIND = "wrong kind"
    """The proxy answers with success and a valid object of another kind."""
    OTHER_OBJECT = "other object"
    """A list gets another namespace's objects; all else, an answer about another object."""
    WEBHOOK = "webhook"
    """The API server's answer if it cannot call an admission webhook."""
    FREEZE = "freeze"
    """It is neither forwarded nor answered."""
    SWALLOW = "swallow"
    """It is forwarded and never answered."""
    CHANGED_PAGE = "changed page"
    """The page of a list has another resourceVersion, or the items of the first page."""
    BYTE_FLIP = "byte flip"
    """One byte of the answer is changed so that it is no UTF-8."""
    STREAM_CUT = "stream cut"
    """The connection of a watch ends."""
    STREAM_SILENT = "stream silent"
    """Nothing more is passed on of a watch, and its connection stays."""
    STREAM_PAUSE = "stream pause"
    """Nothing is passed on of a watch for a while, and then all of it."""
    STREAM_EXPIRED = "stream expired"
    """A watch ends with an ERROR event: its resourceVersion is too old (410)."""
    STREAM_GARBLED = "stream garbled"
    """One byte of a watch becomes 0xFF."""


OF_STREAMS = {
    Fault.STREAM_CUT,
    Fault.STREAM_SILENT,
    Fault.STREAM_PAUSE,
    Fault.STREAM_EXPIRED,
    Fault.STREAM_GARBLED,
}
"""Only a watch can meet them, after a number of bytes (`Rule.after`)."""
UNANSWERED = {
    Fault.CUT,
    Fault.LOSE,
    Fault.LATE,
    Fault.HELD,
    Fault.REFUSE,
    Fault.FREEZE,
    Fault.SWALLOW,
}
OWN = {
    Fault.ANSWER,
    Fault.BALANCER,
    Fault.HTML,
    Fault.EMPTY,
    Fault.WRONG_KIND,
    Fault.OTHER_OBJECT,
    Fault.WEBHOOK,
}
"""The proxy answers by itself."""
LOST = {Fault.BALANCER, Fault.HTML, Fault.EMPTY, Fault.WRONG_KIND}
"""Of these, the answers that can replace the server's own after it has carried out a request."""
WRITES = "POST|PATCH|DELETE"
IDENTITIES = (
    rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    rb"|t-[0-9a-f]{8}|(?:web|db)-\d|x\.y-1|(?<=-from-)[a-z]+(?=-cfg)|front|back|tier"
)
"""The uids, names and labels of a chaos world. Values such as annotations and phases are left out:
any bytes are a valid value."""


@dataclass(frozen=True)
class Reply:
    """An answer, the server's or the proxy's own; after `sent` bytes of its body it is cut."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None
    is_chunked: bool = False


@dataclass
class Observed:
    """One request: as it came, the fault it met, and the server's own answers to it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    fault: Fault = Fault.NONE
    codes: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    passed: int = 0
    """How many bytes of a watch were passed on."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]

    @property
    def parameters(self) -> dict[str, str]:
        """Those of its query, decoded."""
        return dict(parse_qsl(self.query, keep_blank_values=True))

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def object_name(self) -> str:
        """The name of the object that a write is about; a POST has it in the body."""
        if self.method == "POST":
            name: str = json.loads(self.body)["metadata"]["name"]
            return name
        return self.path.removesuffix("/status").rpartition("/")[2]

    @property
    def is_list(self) -> bool:
        return self.method == "GET" and "limit=" in self.query

    @property
    def is_watch(self) -> bool:
        return self.method == "GET" and "watch=1" in self.query

    def __str__(self) -> str:
        return f"{self.method} {self.target}: {self.fault} {self.codes or ''}"


@dataclass(frozen=True)
class Rule:
    """A fault for the nth and, if `times` is more or None (for good), later requests that match.

    `method`, `path` and `query` are regular expressions (the last two are searched), `token` is in
    the Authorization header. `status` and `retry_after` are an answer's; `body` and `content_type`
    are an ANSWER's own. With `is_forwarded` the server carries out the request before the proxy
    answers by itself. `seconds` is how long a REFUSE, DELAY, LATE or TRICKLE takes. Chunked
    answers have no length in their head.

    `share` is how much is left by a TRUNCATE (at a half: the whole head and no body), which answer
    a DUPLICATE gives, (up to a half) that the head TRICKLEs and not the body, and where there are
    variants of a fault, which one. `pattern` matches the bytes that a BYTE_FLIP may hit.
    `namespace` is where an OTHER_OBJECT reads. A fault of a stream happens `after` so many bytes
    of its body; a STREAM_PAUSE takes `seconds`.
    """

    fault: Fault
    method: str = ".*"
    path: str = ""
    query: str = ""
    nth: int = 1
    times: int | None = 1
    token: str = ""
    status: int = 500
    retry_after: int | None = None
    body: bytes | None = None
    content_type: str = "application/json"
    is_forwarded: bool = False
    seconds: float = 0.1
    share: float = 0.5
    is_chunked: bool = False
    pattern: bytes = IDENTITIES
    namespace: str = ""
    after: int = 0

    def __str__(self) -> str:
        """The fault, and what of it isn't the default."""
        values = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "fault"}
        defaults = {one.name: one.default for one in fields(self)}
        parts = [f"{name}={value!r}" for name, value in values.items() if value != defaults[name]]
        return f"{self.fault}: {', '.join(parts)}"

    def matches(self, request: Observed) -> bool:
        return bool(
            re.fullmatch(self.method, request.method)
            and re.search(self.path, request.path)
            and re.search(self.query, request.query)
            and self.token in request.headers.get("authorization", "")
        )

    def is_due(self, count: int) -> bool:
        """Whether it is for the request that matched as so manieth."""
        return count >= self.nth and (self.times is None or count < self.nth + self.times)

    def choice(self, variants: Sequence[T]) -> T:
        """The variant at the rule's share."""
        return variants[min(int(self.share * len(variants)), len(variants) - 1)]


NOTHING = Rule(Fault.NONE)
FOR = {
    Fault.HELD: WRITES,
    Fault.WEBHOOK: WRITES,
    Fault.BYTE_FLIP: "GET",
    Fault.CHANGED_PAGE: "GET",
}
"""The methods of faults that can only happen to some."""
STATUSES = {
    Fault.ANSWER: (401, 409, 410, 429, 429, 500, 502, 503, 504),
    Fault.BALANCER: (404, 404, 499, 502, 520, 522, 524),
    Fault.HTML: (200, 200, 201, 403, 404, 503),
}
PATHS = ("", "", "/configmaps", "/podconfigmapconfigs", "/status$", "/pods$")


def random_rules(rng: Random, other_namespace: str = "") -> tuple[Rule, ...]:
    """One to four faults: the first is sure to happen, the others if a run comes by."""
    count = rng.choice((1, 1, 2, 2, 3, 4))
    sure, *others = (random_rule(rng, other_namespace) for _ in range(count))
    method = FOR.get(sure.fault, ".*")
    nth = rng.randrange(1, 16 if method == ".*" else 5)
    return replace(sure, method=method, path="", nth=nth), *others


def random_rule(rng: Random, other_namespace: str) -> Rule:
    """One fault, but none of a stream."""
    faults = [fault for fault in Fault if fault not in {Fault.NONE, *OF_STREAMS}]
    # Those that cost a request's whole timeout are rarer.
    is_slow = {fault: fault in {Fault.FREEZE, Fault.SWALLOW} for fault in faults}
    (fault,) = rng.choices(faults, [1 if is_slow[fault] else 3 for fault in faults])
    methods = (".*", "GET", "POST", "PATCH", "PATCH|DELETE", "DELETE", "POST|PATCH")
    only = FOR.get(fault)
    return Rule(
        fault,
        method=only or rng.choice(methods),
        path=rng.choice(PATHS),
        query="continue=" if fault is Fault.CHANGED_PAGE else "",
        nth=rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 8)),
        times=rng.choice((1, 1, 1, 1, 2, None) if is_slow[fault] else (1, 1, 1, 2, 3, None)),
        status=rng.choice(STATUSES.get(fault, (500,))),
        retry_after=rng.choice((None, None, 0, 0, 0, 0, 0, 1)),
        is_forwarded=fault in LOST and rng.random() < 0.3,
        seconds=rng.choice((0.02, 0.05, 0.1, 0.2, 0.4)),
        share=rng.random(),
        is_chunked=rng.random() < 0.5,
        namespace=other_namespace,
    )
