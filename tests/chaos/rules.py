"""What may go wrong with a request, which requests a fault is for, and faults chosen by seed."""

import json
import re
import time
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random


class Fault(StrEnum):
    """What a proxy does to a request."""

    NONE = "none"
    CUT = "cut"
    """The connection ends before the request is forwarded."""
    LOSE = "lose"
    """It is forwarded, and the connection ends instead of an answer."""
    LATE = "late"
    """The connection ends, and a while later the request is forwarded all the same."""
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
    """The proxy answers by itself, with a status."""
    FREEZE = "freeze"
    """It is neither forwarded nor answered."""
    SWALLOW = "swallow"
    """It is forwarded and never answered."""


UNANSWERED = {Fault.CUT, Fault.LOSE, Fault.LATE, Fault.REFUSE, Fault.FREEZE, Fault.SWALLOW}


@dataclass(frozen=True)
class Reply:
    """An answer, the server's or the proxy's own."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Seen:
    """One request: as it came, the fault it met, and the server's own answers to it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    fault: Fault = Fault.NONE
    codes: list[int] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.method} {self.target}: {self.fault} {self.codes or ''}"


@dataclass(frozen=True)
class Rule:
    """A fault for the nth and, if `times` is more or None (for good), later requests that match.

    `method` and `path` are regular expressions (the path is searched), `token` is in the
    Authorization header. `status` and `retry_after` are an ANSWER's; `seconds` how long a REFUSE,
    DELAY, LATE or TRICKLE takes. Chunked answers have no length in their head.

    `share` is how much is left by a TRUNCATE (at a half: the whole head and no body), which answer
    a DUPLICATE gives, and (up to a half) that the head TRICKLEs and not the body.
    """

    fault: Fault
    method: str = ".*"
    path: str = ""
    nth: int = 1
    times: int | None = 1
    token: str = ""
    status: int = 500
    retry_after: int | None = None
    seconds: float = 0.1
    share: float = 0.5
    is_chunked: bool = False

    def matches(self, request: Seen) -> bool:
        return bool(
            re.fullmatch(self.method, request.method)
            and re.search(self.path, request.path)
            and self.token in request.headers.get("authorization", "")
        )

    def is_due(self, count: int) -> bool:
        """Whether it is for the request that matched as so manieth."""
        return count >= self.nth and (self.times is None or count < self.nth + self.times)


NOTHING = Rule(Fault.NONE)
REASONS = {401: "Unauthorized", 409: "Conflict", 410: "Expired", 429: "TooManyRequests"}


def refusal(rule: Rule) -> Reply:
    """An answer as the API server gives it, or for 502 and 504 as a load balancer does."""
    after = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
    if rule.status in {502, 504}:
        return Reply(rule.status, after, b"<html>a load balancer's page</html>")
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"a fault: {rule.status}",
        "reason": REASONS.get(rule.status, "InternalError"),
        "code": rule.status,
    }
    if rule.status == 410:
        # What must never be used: it would mix two states of the list.
        body["metadata"] = {"continue": "an-inconsistent-token"}
    return Reply(rule.status, after, json.dumps(body).encode())


def random_rules(rng: Random) -> tuple[Rule, ...]:
    """One to four faults: the first is sure to happen, the others where a run comes by."""
    count = rng.choice((1, 1, 2, 2, 3, 4))
    sure, *others = (_random_rule(rng) for _ in range(count))
    return replace(sure, method=".*", path="", nth=rng.randrange(1, 16)), *others


def _random_rule(rng: Random) -> Rule:
    faults = [each for each in Fault if each is not Fault.NONE]
    # Those that cost a request's whole timeout are rarer.
    is_slow = {each: each in {Fault.FREEZE, Fault.SWALLOW} for each in faults}
    (fault,) = rng.choices(faults, [1 if is_slow[each] else 3 for each in faults])
    return Rule(
        fault,
        method=rng.choice((".*", "GET", "POST", "PATCH", "PATCH|DELETE", "DELETE", "POST|PATCH")),
        path=rng.choice(("", "", "/configmaps", "/podconfigmapconfigs", "/status$", "/pods$")),
        nth=rng.choice((1, 1, 1, 2, 2, 3, 4, 5, 8)),
        times=rng.choice((1, 1, 1, 1, 2, None) if is_slow[fault] else (1, 1, 1, 2, 3, None)),
        status=rng.choice((401, 409, 410, 429, 429, 500, 502, 503, 504)),
        retry_after=rng.choice((None, None, 0, 0, 0, 0, 0, 1)),
        seconds=rng.choice((0.02, 0.05, 0.1, 0.2)),
        share=rng.random(),
        is_chunked=rng.random() < 0.5,
    )
