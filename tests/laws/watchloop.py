"""A watching loop whose every step a test takes: events, passes, full runs, and a clock by hand.

While a pass or a full run is under way, the steps of the law's history that are marked so happen
between its requests. Each delete is judged when it reaches the server, from the server's history.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import product
from unittest import mock

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.kube.crd import check_crd
from podcm_sync.cluster.kube.looker import KubeLooker
from podcm_sync.cluster.kube.pager import Pager
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.cluster.object_memory import NO_MEMORY, ListMemory
from podcm_sync.reconcile.bounds import LIMITS, Limits
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.renderer import NO_RENDERER
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.runtime.lanes import NEVER
from podcm_sync.sync import Policy, run
from podcm_sync.watch import divergence, lives, pass_workers, watching
from podcm_sync.watch import store as store_module
from podcm_sync.watch.pass_workers import Passes, PassPorts
from podcm_sync.watch.queue import Queue
from podcm_sync.watch.readers import ListingReader
from podcm_sync.watch.store import Store
from podcm_sync.watch.watching import Watching
from tests.allowed import Objects, why_not_deleted
from tests.builders import NOW, Json
from tests.watched import Stream, WatchedCluster, WatchedServer

QUIET_STEPS = 400
STILL_SECONDS = 60.0
"""Longer than any retry or pass waits."""
_TIMED = (divergence, lives, pass_workers, store_module, watching)
POLICY = Policy(concurrency=1)


class Clock:
    """Stands for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class _NoThreads:
    """Stands for the Reflectors: a test moves its streams by hand."""

    def start(self) -> None:
        pass

    def stop(self) -> None:
        pass


@dataclass
class Frame:
    """A pass or a full run that is under way."""

    is_full: bool
    began: int
    """The version of the cluster when it began."""
    looked: int | None = None
    """The version of the cluster when it began to look at what can need the next ConfigMap."""
    has_looked_at_config: bool = False
    """Configs come last, so another Pod is for the next ConfigMap."""
    is_from_store: bool = False
    closed_watches: Collection[str] = field(default_factory=tuple)
    """The watches that weren't open when it read the store."""


class Loop:
    """Store, queue, passes, and full runs over a server with streams of events."""

    def __init__(self, scope: Scope, policy: Policy = POLICY, limits: Limits = LIMITS) -> None:
        self.scope = scope
        self.policy = policy
        self.limits = limits
        self.clock = Clock()
        self.cluster = WatchedCluster()
        self.server = WatchedServer(self.cluster)
        self.server.hook = self._hook
        self.server.deleting = self._judge_delete
        self.server.looking = self._note_look
        self.between: Callable[[], None] = lambda: None
        """Called between the requests of passes and full runs."""
        self.store = Store(scope, limits=limits)
        self.diverged: Counter[str] = Counter()
        self.store.divergences.on_diverged = lambda resource: self.diverged.update([resource])
        self.writer = KubeWriter(self.server, memory=self.store)
        self.lists = ListingReader(self.store, self._reader)
        self.watching = Watching(
            self.store, self.lists, _NoThreads(), self._check_crd, KubeLooker(self.server)
        )
        self.queue = self.watching.queue = Queue(now=self.clock.monotonic)
        self.store.on_touched = self.queue.touch
        self.passes = self.watching._passes = Passes(
            self.store,
            self.queue,
            self.watching._ledger,
            PassPorts(
                lists=self.lists,
                check_crd=self._check_crd,
                writer=self.writer,
                looker=self.watching.looker,
                recorder=None,
                policy=policy,
                new_renderer=lambda: NO_RENDERER,
                stopping=NEVER,
                watch=lambda _: None,
                reacted=lambda _: None,
                prepare=lambda: None,
                passed=lambda *_: None,
            ),
        )
        self.streams = [
            Stream(self.cluster, watch, self.store, self.clock.monotonic)
            for watch in self.store.lives.watches
        ]
        self.queue.activate(is_active=True)
        self.frames: list[Frame] = []
        self.deleted: Counter[str] = Counter()
        """How many ConfigMaps were deleted in each namespace since the last full run ended."""
        self.most_deleted: Counter[str] = Counter()

    @contextmanager
    def in_its_time(self) -> Iterator["Loop"]:
        """Covers all that the loop does: nothing in it asks the real time."""
        with ExitStack() as stack:
            for module in _TIMED:
                stack.enter_context(mock.patch.object(module, "time", self.clock))
            # They were made before.
            for life in self.store.lives._lives.values():
                life.opened = life.heard = self.clock.now
            yield self

    # Steps.

    def make_pass(self) -> bool:
        """The next pass, if one is due."""
        self.frames.append(self._frame(is_full=False))
        try:
            has_passed = self.passes.step(0.0)
        finally:
            self.frames.pop()
        if self.passes.failure is not None:
            raise self.passes.failure
        return has_passed

    def full_run(self) -> Report:
        """A full run."""
        self.frames.append(self._frame(is_full=True))
        try:
            with self.watching.full_run() as finish:
                policy = self.watching.within(self.policy)
                report = run(self.scope, self.lists, self.writer, policy, now=NOW)
                finish(report)
        finally:
            self.frames.pop()
        self.deleted.clear()
        return report

    def deliver_all(self) -> int:
        """All events of all open watches; how many there were."""
        return sum(stream.deliver(1_000_000) for stream in self.streams)

    def settle(self) -> None:
        """Until nothing happens any more: no faults, all events delivered, all passes made.

        A full run that must come early comes, as in the loop.
        """
        self.server.fates.clear()
        self.server.failing_lists.clear()
        still_since, version = self.clock.now, self.cluster.version
        for _ in range(QUIET_STEPS):
            opened = [stream.open() for stream in self.streams]
            if self.store.needs_lists or not all(opened):
                if self.watching.is_due():
                    self.full_run()
                else:
                    self.clock.now += 1.0
                continue
            moved = self.deliver_all()
            for stream in self.streams:
                stream.bookmark()
            if self.make_pass() or moved:
                if self.cluster.version != version:
                    still_since, version = self.clock.now, self.cluster.version
                elif self.clock.now > still_since + STILL_SECONDS:
                    return
            elif self.queue.is_idle() or self.clock.now > still_since + STILL_SECONDS:
                return
            else:
                self.clock.now += 0.5
        raise AssertionError("the loop never came to rest")

    def expected(self) -> WatchedCluster:
        """The cluster as one run alone would leave it."""
        clone = WatchedCluster()
        clone.stored.update(self.cluster.dump())
        clone._version = self.cluster.version
        server = WatchedServer(clone)
        server.denied = self.server.denied
        run(self.scope, KubeReader(server, limits=self.limits), KubeWriter(server), POLICY, now=NOW)
        return clone

    def listed_afresh(self) -> Store:
        """A store that has what lists say now."""
        fresh = Store(self.scope, limits=self.limits)
        ListingReader(fresh, self._reader).snapshot(self.scope)
        return fresh

    # Judging.

    def _judge_delete(self, name: NamespacedName, raw: Json) -> None:
        """Whether a run at this time could have deleted the ConfigMap, from what it could see.

        A pass must have looked at a moment by which nothing wants it. Lists of configs and Pods are
        those of two moments since the full run began.
        """
        frame = self.frames[-1]
        if frame.is_from_store:
            assert not frame.closed_watches, f"{name} deleted without {frame.closed_watches}"
            assert frame.looked is not None, f"{name} deleted without a look"
            moments = [(at, at) for at in self._moments(name, frame.looked)]
        else:
            every = self._moments(name, frame.began)
            moments = list(product(every, every))
        reasons = {
            why_not_deleted(
                raw,
                Objects(
                    pods=self._at(at_pods, name, "Pod"),
                    configs=self._at(at_configs, name, "PodConfigMapConfig"),
                ),
            )
            for at_pods, at_configs in moments
        }
        assert "" in reasons, f"{name} was deleted: {reasons}"
        frame.looked = None
        self.deleted[name.namespace] += 1
        count = self.deleted[name.namespace]
        self.most_deleted[name.namespace] = max(self.most_deleted[name.namespace], count)

    def _moments(self, name: NamespacedName, since: int) -> list[int]:
        """The version `since` and each later one that changed anything in the namespace."""
        changes = [
            each.version
            for each in self.cluster.log
            if each.version > since and each.key[1].namespace == name.namespace
        ]
        return [since, *changes]

    def _at(self, version: int, name: NamespacedName, kind: str) -> list[Json]:
        return list(self.cluster.at(version, name.namespace, kind).values())

    def _note_look(self, kind: str) -> None:
        if not self.frames or kind == "ConfigMap":
            return
        frame = self.frames[-1]
        if frame.looked is None or (frame.has_looked_at_config and kind == "Pod"):
            frame.looked = self.cluster.version
        frame.has_looked_at_config = kind != "Pod"

    def _frame(self, *, is_full: bool) -> Frame:
        return Frame(is_full=is_full, began=self.cluster.version)

    def _hook(self) -> None:
        self.between()

    def _reader(self, memory: ListMemory | None) -> "_Lists":
        return _Lists(self, KubeReader(self.server, limits=self.limits, memory=memory or NO_MEMORY))

    def _check_crd(self, namespaces: Collection[str], builder: SnapshotBuilder) -> None:
        """The store has just been read."""
        (namespace,) = namespaces
        frame = self.frames[-1]
        frame.is_from_store = True
        frame.closed_watches = [
            stream.watch.resource
            for stream in self.streams
            if not stream.is_open and stream.watch.namespace in {"", namespace}
        ]
        check_crd(Pager(self.server), namespaces, builder)


class _Lists:
    """The Reader that lists, which tells the loop so."""

    def __init__(self, loop: Loop, reader: KubeReader) -> None:
        self._loop = loop
        self._reader = reader
        self.namespaces = reader.namespaces
        self.occupied_names = reader.occupied_names
        self.remaining = reader.remaining

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        if self._loop.frames:
            self._loop.frames[-1].is_from_store = False
        return self._reader.snapshot(scope, may_defer=may_defer)


def is_failed(report: Report) -> bool:
    """Whether anything failed in a run."""
    return any(outcome.result is Result.FAILED for outcome in report.outcomes)
