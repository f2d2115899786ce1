"""The passes of a watching loop: `sync.run` over one namespace, fed from the store.

A prompt pass creates and updates what events concern. A final pass, once the namespace is quiet,
does all that a run does. The worker threads decide nothing themselves.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.cluster.interfaces import Looker, Reader, Recorder, Writer
from podcm_sync.errors import RunError
from podcm_sync.reconcile.changes import AnyOutcome, Outcome, Result, SyncPolicy
from podcm_sync.reconcile.renderer import Renderer
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.lanes import Stopping
from podcm_sync.sync import Observer, Policy, run
from podcm_sync.watch.confirming import ConfirmingWriter
from podcm_sync.watch.ledger import Ledger
from podcm_sync.watch.queue import Queue, Work
from podcm_sync.watch.readers import CheckCrd, StoreReader
from podcm_sync.watch.store import Store

log = logging.getLogger(__name__)

WORKERS: Final = 4
"""How many namespaces have a pass at the same time. Nearly all of a pass is waiting for answers."""
MOST_WORKERS: Final = 16
"""While all workers have been busy for HANGING_SECONDS, there is one more, up to so many."""
HANGING_SECONDS: Final = 2.0
WRITE_SECONDS: Final = 0.0003
"""A write takes about so much CPU time, on a thread of its own."""
POLL_SECONDS: Final = 0.5
_RETRIED: Final = frozenset(
    {
        Reason.CONFLICT,
        Reason.INTERRUPTED,
        Reason.INCOMPLETE,
        Reason.UNCONFIRMED,
        Reason.WEBHOOK_FAILED,
    }
)


class PassPorts(Struct, frozen=True, kw_only=True):
    """What passes work with."""

    lists: Reader
    """For a namespace of which the store lacks something."""
    check_crd: CheckCrd
    writer: Writer
    looker: Looker
    recorder: Recorder | None
    policy: Policy
    new_renderer: Callable[[], Renderer]
    prepare: Callable[[], None]
    """Called when a pass has ended, to get ready for the next one while nobody waits."""
    stopping: Stopping
    watch: Callable[[Outcome], None]
    """Called with each outcome, from any thread."""
    reacted: Callable[[float], None]
    """Called from any thread with the seconds from an event to the answer of a write."""
    passed: Callable[[Report, bool], None]
    """Called from any thread with each pass's report, and whether the pass was a final one."""


class Passes:
    """Makes the passes that are due, on threads of its own."""

    def __init__(self, store: Store, queue: Queue, ledger: Ledger, ports: PassPorts) -> None:
        self.failure: BaseException | None = None
        """What a pass raised that no pass should raise; the loop must end with it."""
        self._store = store
        self._queue = queue
        self._ledger = ledger
        self._ports = ports
        self._is_over = threading.Event()
        self._workers: list[threading.Thread] = []
        self._busy: dict[str, float] = {}
        """Since when each worker has been making a pass, by its name."""
        self._warned = ""
        """The last warning that no pass can succeed."""

    def start(self) -> None:
        """Start the worker threads."""
        for _ in range(WORKERS):
            self._start_worker()

    def relieve(self) -> None:
        """Start another worker if each one has hung for a while: others need passes, too."""
        since = time.monotonic() - HANGING_SECONDS
        hanging = [began for began in tuple(self._busy.values()) if began < since]
        if len(self._workers) <= len(hanging) and len(self._workers) < MOST_WORKERS:
            self._start_worker()

    def _start_worker(self) -> None:
        name = f"pass-{len(self._workers)}"
        self._workers.append(threading.Thread(target=self._work, name=name, daemon=True))
        self._workers[-1].start()

    def close(self) -> None:
        """Begin no more passes."""
        self._is_over.set()

    def _work(self) -> None:
        try:
            while not self._is_over.is_set():
                self.step(POLL_SECONDS)
        except Exception as error:  # noqa: BLE001 - the loop raises it again
            self.failure = error
            self._is_over.set()

    def step(self, timeout: float) -> bool:
        """Make the next pass if one is due within these seconds; whether there was one."""
        work = self._queue.next(timeout)
        if work is None:
            self._store.divergences.settle()
            return False
        worker = threading.current_thread().name
        self._busy[worker] = time.monotonic()
        cpu, cost, refused, has_failed = time.thread_time(), 0.0, 0, True
        try:
            report = self._passed(work)
            if report is not None:
                refused = _refused(report)
                cost = sum(map(_is_write, report.outcomes)) * WRITE_SECONDS
            has_failed = report is not None and bool(unfinished(report))
            self._warned = ""
        except RunError as error:
            self._warn(error)
        finally:
            self._busy.pop(worker, None)
            seconds = time.thread_time() - cpu + cost
            self._queue.done(work, cpu_seconds=seconds, refused=refused, has_failed=has_failed)
        self._ports.prepare()
        return True

    def _warn(self, error: RunError) -> None:
        """The server's trouble is that of all namespaces: warn once, until a pass succeeds."""
        level = logging.DEBUG if str(error) == self._warned else logging.WARNING
        self._warned = str(error)
        log.log(level, "cannot react to changes: %s", error)

    def _passed(self, work: Work) -> Report | None:
        """Make one pass; None if the namespace needs none."""
        with self._store.locked(work.namespace) as part:
            if part is None or (part.closed is not None and not part.must_list):
                return None
            must_list = part.must_list
        if not work.is_final:
            prompt = replace(
                self._ports.policy, sync_policy=SyncPolicy.UPSERT_ONLY, writes_statuses=False
            )
            return self._run(work, prompt, must_list=must_list)
        report = self._run(work, self._ledger.within(self._ports.policy), must_list=must_list)
        self._ledger.add(report)
        return report

    def _run(self, work: Work, policy: Policy, *, must_list: bool) -> Report:
        ports = self._ports
        stored = StoreReader(self._store, ports.check_crd, work.focus)
        report = run(
            Scope(namespaces=(work.namespace,)),
            ports.lists if must_list else stored,
            ports.writer
            if must_list
            else ConfirmingWriter(
                ports.writer, ports.looker, stored, lambda: self._queue.is_final_held
            ),
            policy,
            now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            renderer=ports.new_renderer(),
            observer=Observer(
                stopping=ports.stopping, watch=lambda outcome: self._note(work, outcome)
            ),
            recorder=ports.recorder if work.is_final else None,
        )
        written = {each.change.pod_name for each in report.outcomes if _is_write(each)}
        self._queue.wrote(work.namespace, written)
        ports.passed(report, work.is_final)
        return report

    def _note(self, work: Work, outcome: Outcome) -> None:
        if outcome.is_write:
            since = work.since(outcome.change.pod_name)
            if since is not None:
                self._ports.reacted(time.monotonic() - since)
        self._ports.watch(outcome)


def unfinished(report: Report) -> set[str]:
    """The namespaces where another pass can do better ("" for all).

    The server, or a change meanwhile, was the cause of a failure there.
    """
    names = set(report.incomplete)
    for outcome in report.outcomes:
        if _is_retried(outcome.result, outcome.reason):
            names.add(outcome.change.namespaced_name.namespace)
    for status in report.statuses:
        if _is_retried(status.result, status.reason):
            names.add(status.update.namespaced_name.namespace)
    return names


def _is_write(outcome: AnyOutcome) -> bool:
    return isinstance(outcome, Outcome) and outcome.is_write


def _refused(report: Report) -> int:
    """How many writes the server refused."""
    return sum(outcome.result is Result.FAILED for outcome in report.outcomes)


def _is_retried(result: Result, reason: Reason | None) -> bool:
    if reason is None or result not in {Result.FAILED, Result.SKIPPED}:
        return False
    is_api = result is Result.FAILED and class_of(reason) is ReasonClass.API
    return is_api or reason in _RETRIED
