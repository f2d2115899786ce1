"""The pace of writes: one Retry-After slows all, --qps spaces them, namespaces take turns."""

import threading
from collections.abc import Callable

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.cluster.kube.retry import NotBegunError, RateLimiter, repeated
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.reconcile.changes import (
    Answer,
    Change,
    DesiredConfigMap,
    Plan,
    Result,
    StatusUpdate,
    Verb,
)
from podcm_sync.runtime.context import RunContext
from tests.fakes import outcomes_of

BUSY = Response(status=429, body=b"", retry_after=7.0)
DONE = Response(status=201, body=b"", retry_after=None)


class Times(RunContext):
    """A clock whose time goes on only while somebody waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, stops_after: float = 1e9) -> None:
        super().__init__()
        self.now = 100.0
        self.waits: list[float] = []
        self._stops = self.now + stops_after
        monkeypatch.setattr("podcm_sync.cluster.kube.retry.time.monotonic", lambda: self.now)

    def wait(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> bool:
        self.waits.append(seconds)
        self.now += seconds
        return self.now < self._stops


def test_without_limit_nothing_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Times(monkeypatch)
    limiter = RateLimiter(context)
    for _ in range(100):
        limiter.await_turn()
    assert context.waits == []


def test_qps_spaces_all_writes_evenly_and_repeats_too(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Times(monkeypatch)
    limiter = RateLimiter(context, qps=4)
    begun: list[float] = []

    def send() -> Response:
        begun.append(context.now)
        return DONE

    for _ in range(5):
        repeated(send, context, limiter=limiter)
    assert [at - begun[0] for at in begun] == [0.0, 0.25, 0.5, 0.75, 1.0]
    context.now += 10
    repeated(send, context, limiter=limiter)
    repeated(send, context, limiter=limiter)
    assert begun[-1] - begun[-2] == 0.25, "what was not used is not made up for by a burst"


class Held(RunContext):
    """A clock on which the wait that the server asked for lasts until a test ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun, self.ended = threading.Event(), threading.Event()

    def wait(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> bool:
        if seconds != BUSY.retry_after:
            return super().wait(seconds / 10)
        self.begun.set()
        return self.ended.wait(10)


def test_while_one_waits_as_told_no_other_begins() -> None:
    """A 429 with Retry-After: whoever comes while one waits so long waits with it."""
    context = Held()
    limiter = RateLimiter(context)
    answers = [BUSY, DONE, DONE]
    told, other = (
        threading.Thread(
            target=repeated, args=(lambda: answers.pop(0), context), kwargs={"limiter": limiter}
        )
        for _ in range(2)
    )
    told.start()
    assert context.begun.wait(10)
    other.start()
    other.join(0.2)
    assert len(answers) == 2, "the other has not begun"
    context.ended.set()
    told.join(10)
    other.join(10)
    assert answers == []


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([], NotBegunError),
        ([BUSY], NotBegunError),
        ([Response(status=503, body=b"", retry_after=None)], 503),
        ([TransportError("lost", is_sent=True)], TransportError),
    ],
)
def test_what_is_not_begun_at_a_runs_end_is_said_to_be_so(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[Response | TransportError],
    expected: type[Exception] | int,
) -> None:
    """Only what the server has surely not seen counts as not begun."""
    context = Times(monkeypatch, stops_after=60)
    limiter = RateLimiter(context, qps=0.01)
    if answers:
        limiter.await_turn()
        limiter._next = context.now
    else:
        limiter._next = context.now + 100

    def send() -> Response:
        answer = answers.pop(0)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    if isinstance(expected, int):
        assert repeated(send, context, limiter=limiter).status == expected
    else:
        with pytest.raises(expected):
            repeated(send, context, limiter=limiter)


class Noting:
    """A writer that notes the order of its work."""

    def __init__(self) -> None:
        self.created: list[NamespacedName] = []

    def create(self, desired: DesiredConfigMap) -> Answer:
        self.created.append(desired.namespaced_name)
        return Answer(result=Result.CREATED)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        raise AssertionError((existing, desired))

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        raise AssertionError(existing)

    def update_status(self, update: StatusUpdate) -> Answer:
        raise AssertionError(update)


def change(namespace: str, number: int) -> Change:
    name = NamespacedName(namespace, f"pod-{number:02}-cfg")
    wanted = DesiredConfigMap(
        namespaced_name=name, pod_name="web", pod_uid="u", pcmc_name="c", data={}
    )
    return Change(
        verb=Verb.CREATE,
        namespaced_name=name,
        pod_name="web",
        pcmc_name="c",
        reason=Reason.MISSING,
        message="",
        desired=wanted,
    )


def test_a_large_namespace_does_not_hold_up_a_small_one() -> None:
    sizes = {"large": 50, "middle": 3, "small": 1}
    plan = Plan(changes=tuple(change(name, n) for name, size in sizes.items() for n in range(size)))
    writer = Noting()
    outcomes = outcomes_of(plan, writer, concurrency=2)
    assert tuple(each.change for each in outcomes) == plan.changes
    first = [name.namespace for name in writer.created[:8]]
    assert sorted(first) == sorted(
        ["large", "middle", "small"] + ["large", "middle"] * 2 + ["large"]
    )
