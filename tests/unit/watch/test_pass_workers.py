"""§10: passes of namespaces whose writes hang hold up no others."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.watch import pass_workers
from podcm_sync.watch.ledger import Ledger
from podcm_sync.watch.namespace import WHOLE
from podcm_sync.watch.pass_workers import MOST_WORKERS, WORKERS, Passes, PassPorts
from podcm_sync.watch.queue import Queue, Work
from podcm_sync.watch.store import Store
from tests.builders import outcome


class Hanging(Passes):
    """Each pass hangs until it is let go."""

    def __init__(self, queue: Queue) -> None:
        scope = Scope(namespaces=None)
        ports: Any = type("Ports", (), {"prepare": staticmethod(lambda: None)})
        super().__init__(Store(scope), queue, Ledger(scope), cast("PassPorts", ports))
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()

    def _passed(self, work: Work) -> None:
        self.begun.release()
        self.go_on.wait(10.0)


@contextmanager
def hanging(namespaces: int) -> Iterator[Hanging]:
    """As many passes as there are workers hang, of so many that are due."""
    queue = Queue()
    queue.activate(is_active=True)
    passes = Hanging(queue)
    for number in range(namespaces):
        queue.touch(f"n{number}", WHOLE, time.monotonic())
    passes.start()
    try:
        for _ in range(WORKERS):
            assert passes.begun.acquire(timeout=5.0)
        yield passes
    finally:
        passes.close()
        passes.go_on.set()


def test_while_all_workers_hang_there_is_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    with hanging(WORKERS + 2) as passes:
        passes.relieve()
        assert not passes.begun.acquire(timeout=0.05)  # they may just be at work
        monkeypatch.setattr(pass_workers, "HANGING_SECONDS", 0.0)
        for _ in range(2):
            passes.relieve()
            assert passes.begun.acquire(timeout=5.0)


def test_there_are_not_ever_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pass_workers, "HANGING_SECONDS", 0.0)
    with hanging(2 * MOST_WORKERS) as passes:
        for _ in range(MOST_WORKERS - WORKERS):
            passes.relieve()
            assert passes.begun.acquire(timeout=5.0)
        passes.relieve()
        assert not passes.begun.acquire(timeout=0.05)


def test_a_worker_that_waits_for_work_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pass_workers, "HANGING_SECONDS", 0.0)
    with hanging(WORKERS) as passes:
        passes.go_on.set()
        while passes._busy:
            time.sleep(0.01)
        for _ in range(3):
            passes.relieve()
        assert len(passes._workers) == WORKERS


@pytest.mark.parametrize(
    ("result", "reason", "is_repeated"),
    [
        (Result.FAILED, Reason.WEBHOOK_FAILED, True),
        (Result.SKIPPED, Reason.UNCONFIRMED, True),
        (Result.FAILED, Reason.SERVER_ERROR, True),
        (Result.FAILED, Reason.FORBIDDEN, False),
        (Result.SKIPPED, Reason.AWAITING_LIST, False),
    ],
)
def test_what_can_pass_by_itself_is_tried_again(
    result: Result, reason: Reason, *, is_repeated: bool
) -> None:
    report = Report(
        is_prediction=False,
        scope=Scope(namespaces=("shop",)),
        outcomes=(outcome(result, reason),),
        statuses=(),
        problems=(),
        incomplete={},
        counts={},
    )
    assert pass_workers.unfinished(report) == ({"shop"} if is_repeated else set())
