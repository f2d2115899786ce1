"""The life of a watching loop: watches from start to end, passes while this process leads.

Its full runs are those of any loop, with a Reader that fills the store. While another process
leads, the store is kept warm, so that a takeover can write at once.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from podcm_sync.cluster.interfaces import Looker, Reader
from podcm_sync.errors import RunError
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES
from podcm_sync.runtime import backoff
from podcm_sync.sync import Policy
from podcm_sync.watch.ledger import Ledger
from podcm_sync.watch.namespace import WHOLE
from podcm_sync.watch.pass_workers import Passes, PassPorts, unfinished
from podcm_sync.watch.queue import Queue
from podcm_sync.watch.readers import CheckCrd
from podcm_sync.watch.store import Store

log = logging.getLogger(__name__)

EARLY_SECONDS: Final = 5.0
"""A full run begins early at most so soon after the last one; later each time in a row."""
FINAL_SECONDS: Final = 10.0
"""How long a full run waits for a pass that deletes."""
POLL_SECONDS: Final = 0.2


class Reflectors(Protocol):
    """The watches, each on a thread of its own (`cluster.kube.reflector`)."""

    def start(self) -> None:
        """Begin to watch, once the store has versions to start from."""
        ...

    def stop(self) -> object:
        """End all watches."""
        ...


class Watching:
    """Watches, store, queue, and passes of one process."""

    def __init__(
        self,
        store: Store,
        lists: Reader,
        reflectors: Reflectors,
        check_crd: CheckCrd,
        looker: Looker,
    ) -> None:
        """`lists` fills the store while another process leads."""
        self.early_seconds = EARLY_SECONDS
        """How soon after another one a full run can begin."""
        self.store = store
        self.lists = lists
        self.queue = Queue()
        store.on_touched = self.queue.touch
        self._ledger = Ledger(store.scope)
        self._reflectors = reflectors
        self.check_crd = check_crd
        self.looker = looker
        self._is_over = threading.Event()
        self._leads = threading.Event()
        self._passes: Passes | None = None
        self._ended = time.monotonic()
        self._has_run = False
        self._early = 0
        """How many full runs in a row began early."""

    def start(self, ports: PassPorts) -> None:
        """Start the watches and the workers; `ports` are those of all passes."""
        self.queue.is_one_final_at_a_time = bool(ports.policy.max_prune_total)
        self._passes = Passes(self.store, self.queue, self._ledger, ports)
        self._passes.start()
        self._reflectors.start()
        threading.Thread(target=self._keep_warm, name="warm", daemon=True).start()

    def stop(self) -> None:
        """End the watches and begin no more passes."""
        self._is_over.set()
        self._reflectors.stop()
        if self._passes is not None:
            self._passes.close()

    @contextmanager
    def leading(self, remaining: Callable[[], float | None] = lambda: None) -> Iterator[None]:
        """Covers the time in which this process leads.

        It begins with a pass over each namespace that creates and updates what nobody did since
        the last leader stopped. The full run that begins at the same time does the rest. It ends
        when no pass is under way any more, or once no time is `remaining` for requests.
        """
        self._leads.set()
        self.queue.activate(is_active=True)
        now = time.monotonic()
        for namespace in self.store.namespaces():
            self.queue.touch(namespace, WHOLE, now)
        try:
            yield
        finally:
            self._leads.clear()
            self.queue.activate(is_active=False)
            while self.queue.running and remaining() != 0:
                time.sleep(POLL_SECONDS / 10)

    def within(self, policy: Policy) -> Policy:
        """The policy of a full run: what passes deleted since the last one counts too."""
        return self._ledger.within(policy)

    @contextmanager
    def full_run(self) -> Iterator[Callable[[Report], None]]:
        """Covers a full run, and takes its report.

        Meanwhile no pass deletes: one that is under way ends first, so that what it deleted counts.
        """
        began = time.monotonic()
        is_early = self._has_run and self.store.needs_lists
        self.queue.hold_final(is_held=True)
        until = began + FINAL_SECONDS
        while self._passes is not None and self.queue.is_final_running and time.monotonic() < until:
            time.sleep(POLL_SECONDS / 10)

        def finish(report: Report) -> None:
            self._ledger.restart(report)
            if not report.incomplete:
                self.queue.settle(began)
            # Until the next full run, only a pass repeats what failed.
            for namespace in unfinished(report) - {ALL_NAMESPACES}:
                self.queue.touch(namespace, WHOLE, time.monotonic())

        try:
            yield finish
        finally:
            self._early, self._has_run = self._early + 1 if is_early else 0, True
            self._ended = time.monotonic()
            self.queue.hold_final(is_held=False)

    def raise_failure(self) -> None:
        """Raise what a pass raised that none should raise."""
        if self._passes is not None and self._passes.failure is not None:
            raise self._passes.failure

    def is_due(self) -> bool:
        """Whether the next full run must begin before its time."""
        if self._passes is not None and self._passes.failure is not None:
            return True
        pause = backoff.delay(self._early + 1, EARLY_SECONDS, EARLY_SECONDS)
        return self.store.needs_lists and time.monotonic() >= self._ended + pause

    def _keep_warm(self) -> None:
        """See to it that passes can begin. List for the store while another process leads."""
        failures, due = 0, 0.0
        while not self._is_over.wait(POLL_SECONDS):
            if self._passes is not None:
                self._passes.relieve()
            if self._leads.is_set() or not self.store.needs_lists or time.monotonic() < due:
                continue
            try:
                self.lists.snapshot(self.store.scope)
            except RunError as error:
                failures += 1
                log.warning("cannot list while another process leads: %s", error)
            except Exception:
                # Without this thread, a takeover would find an old store.
                failures += 1
                log.exception("cannot list while another process leads")
            else:
                failures = 0
            due = time.monotonic() + backoff.delay(failures + 1, EARLY_SECONDS, EARLY_SECONDS)
