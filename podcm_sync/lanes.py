"""Lanes of work, side by side: what one of them hangs on costs the others nothing.

A lane is a sequence of stages. The tasks of a stage are done in any order and many at a time; the
next stage begins when all of them are done. Workers take a task from each lane in turn. If a lane
gets no answers, it gets no further worker, and other workers take the place of those that it holds.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

WAIT_SECONDS: Final = 0.1
"""How often waiting for results looks whether to go on with it, and at what hangs."""
HANGING_SECONDS: Final = 2.0
"""A task that takes longer hangs. A write takes 10 ms, and one through a slow webhook 1 s."""
HANGING_LANES: Final = 3
"""So many lanes may hang at once without delaying the others, whatever the concurrency."""
MANY: Final = 100
NAP_SECONDS: Final = 0.01
"""While so many results are to come they are taken together: to wake up for each of 10,000 cost the
workers an eighth of their CPU, in turns at the interpreter's lock."""

T = TypeVar("T")


class Stopping(Struct, frozen=True, kw_only=True):
    """Whether to begin nothing new, and whether to wait no longer for what is under way."""

    begins_nothing: Callable[[], bool]
    waits_no_longer: Callable[[], bool]


NEVER: Final = Stopping(begins_nothing=lambda: False, waits_no_longer=lambda: False)


class Stage(Generic[T]):
    """Tasks that may be done in any order: one call of `work` for each index, on some thread.

    The caller's thread is told of each result (`done`). `skipped` gives the result of a task that
    time did not allow to begin, and `lost` that of one that is waited for no longer. A stage that
    `is_finishing` still begins when nothing new may begin: it records what was done.
    """

    def __init__(  # noqa: PLR0913 - what may become of a task
        self,
        indices: Sequence[int],
        work: Callable[[int], T],
        done: Callable[[int, T], None],
        *,
        skipped: Callable[[int], T],
        lost: Callable[[int], T],
        is_finishing: bool = False,
    ) -> None:
        self.indices = indices
        self.due = deque(indices)
        """What nobody has begun. To take an index from here is to begin it, or to skip it."""
        self.work = work
        self.done = done
        self.skipped = skipped
        self.lost = lost
        self.is_finishing = is_finishing


Lane = Iterator[Stage[Any]]
"""The stages, each of them made when the one before is done."""


class _Lane:
    """A lane under way.

    While it has tasks to begin it stands in the queue of those that are ready, once. If a worker
    takes it from there and it may not go on, it is parked. The thread that lifts the reason puts it
    back. Lists, deques and queues change by single atomic calls, so there is no lock.
    """

    def __init__(self, stages: Lane) -> None:
        self.stages = stages
        self.stage: Stage[Any] | None = None
        self.pending: dict[int, None] = {}
        self.unanswered = 0
        """How many tasks were begun since the last one was answered."""
        self.is_hanging = False
        self.parked: list[None] = []


class _Worker(threading.Thread):
    """A daemon thread: it does not outlive a second SIGINT by as long as a request blocks."""

    def __init__(self, number: int, work: Callable[["_Worker"], None]) -> None:
        super().__init__(name=f"worker-{number}", daemon=True)
        self.task: tuple[_Lane, float] | None = None
        """What it is at, and since when."""
        self._work = work

    def run(self) -> None:
        self._work(self)


def run_lanes(
    lanes: Iterable[Lane],
    workers: int,
    stopping: Stopping = NEVER,
    more: Callable[[], Sequence[Lane]] = tuple,
) -> None:
    """Take all lanes to their ends; what a task raises is raised here, and nothing more begins.

    `more` is asked for further lanes whenever nothing but hanging lanes is left.
    """
    running = _Running(workers, stopping, more)
    try:
        running.add(lanes)
        running.collect()
    finally:
        running.close()


class _Running:
    """The lanes under way, their workers, and in the caller's thread what comes of them."""

    def __init__(
        self, concurrency: int, stopping: Stopping, more: Callable[[], Sequence[Lane]]
    ) -> None:
        self._concurrency = concurrency
        self._stopping = stopping
        self._more = more
        self._ready: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[_Lane, int, Any]] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._most = concurrency
        """How many workers there may be: the concurrency, and one for each that hangs."""
        self._unfinished: dict[_Lane, None] = {}
        self._hanging: set[_Lane] = set()
        self._pending = 0
        self._share = concurrency
        self._looks_at = 0.0
        self._is_over = False
        self._is_closed = False

    # In the caller's thread.

    def add(self, lanes: Iterable[Lane]) -> None:
        added = [_Lane(stages) for stages in lanes]
        self._unfinished.update(dict.fromkeys(added))
        self._divide()
        for lane in added:
            self._go_on(lane)

    def collect(self) -> None:
        """Tell of each result as it comes, until there is nothing more to do."""
        while self._is_unfinished():
            try:
                lane, index, result = self._results.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                if self._stopping.waits_no_longer():
                    self._give_up()
                else:
                    self._look()
                continue
            if isinstance(result, BaseException):
                raise result
            self._tell(lane, index, result)
            if self._pending >= MANY and self._results.empty():
                time.sleep(NAP_SECONDS)
            if time.monotonic() >= self._looks_at:
                self._look()

    def close(self) -> None:
        """Nothing more begins; each worker ends when it is done with what it is at."""
        self._is_closed = True
        for _ in tuple(self._workers):
            self._ready.put(None)

    def _is_unfinished(self) -> bool:
        """Whether there is something to wait for. Further lanes come when the rest hangs."""
        while len(self._unfinished) <= len(self._hanging) and (lanes := self._more()):
            self.add(lanes)
        return bool(self._unfinished)

    def _tell(self, lane: _Lane, index: int, result: Any) -> None:
        assert lane.stage is not None
        del lane.pending[index]
        self._pending -= 1
        lane.stage.done(index, result)
        if not lane.pending:
            self._go_on(lane)

    def _go_on(self, lane: _Lane) -> None:
        """Begin the lane's next stage that has something to do, or finish the lane."""
        for stage in lane.stages:
            if self._is_over or (not stage.is_finishing and self._stopping.begins_nothing()):
                for index in stage.indices:
                    stage.done(index, stage.skipped(index))
            elif stage.indices:
                lane.stage = stage
                lane.unanswered = 0
                lane.pending = dict.fromkeys(stage.indices)
                self._pending += len(stage.indices)
                self._hire(len(self._workers) + len(stage.indices))
                self._ready.put(lane)
                return
        del self._unfinished[lane]
        self._hanging.discard(lane)
        self._divide()

    def _hire(self, wanted: int) -> None:
        """Have so many workers, if the concurrency allows."""
        while len(self._workers) < min(wanted, self._most):
            worker = _Worker(len(self._workers), self._take)
            self._workers.add(worker)
            worker.start()

    def _stuck(self) -> list[_Lane]:
        """The lane of each worker whose task hangs."""
        since = time.monotonic() - HANGING_SECONDS
        tasks = [worker.task for worker in tuple(self._workers)]
        return [task[0] for task in tasks if task is not None and task[1] <= since]

    def _divide(self) -> None:
        """Let no lane have more than its share of the workers before it has had an answer.

        Otherwise a lane whose server never answers would have all of them within a moment. Rounded
        up, so that no worker is idle, unless a few hanging lanes would then have all of them.
        """
        count = max(1, len(self._unfinished) - len(self._hanging))
        share = -(-self._concurrency // count)
        if share * min(count - 1, HANGING_LANES) >= self._concurrency:
            share = max(1, self._concurrency // count)
        is_larger = share > self._share
        self._share = share
        if is_larger:
            self._release(self._unfinished)

    def _look(self) -> None:
        """See what hangs, and what does so no longer."""
        self._looks_at = time.monotonic() + WAIT_SECONDS
        tasks = self._stuck()
        stuck = set(tasks)
        if stuck != self._hanging:
            for lane in self._hanging - stuck:
                lane.is_hanging = False
            self._hanging = stuck
            self._divide()
        # If all of them hang, there is no other lane to keep workers for.
        is_for_others = len(stuck) < len(self._unfinished)
        for lane in stuck:
            lane.is_hanging = is_for_others
        # More requests would not help a server that hangs as a whole.
        replacements = min(len(tasks), max(self._concurrency, HANGING_LANES))
        self._most = self._concurrency + (replacements if is_for_others else 0)
        self._release(self._unfinished)
        self._hire(len(self._workers) + self._ready.qsize())

    def _give_up(self) -> None:
        """Account for all tasks: no more is begun, and none is waited for."""
        self._is_over = True
        for lane in tuple(self._unfinished):
            stage = lane.stage
            assert stage is not None
            skipped = set(_drained(stage.due))
            for index in tuple(lane.pending):
                result = stage.skipped if index in skipped else stage.lost
                self._tell(lane, index, result(index))

    # In the workers' threads.

    def _take(self, worker: _Worker) -> None:
        """Do tasks, one of each lane in turn."""
        ready, results, now = self._ready, self._results, time.monotonic
        while (lane := ready.get()) is not None and not self._is_closed:
            if lane.is_hanging or lane.unanswered >= self._share:
                lane.parked.append(None)
                if self._may_go_on(lane):  # since a moment: who lifted it may have missed it
                    self._unpark(lane)
                continue
            stage = lane.stage
            assert stage is not None
            try:
                index = stage.due.popleft()
            except IndexError:  # they were given up
                continue
            lane.unanswered += 1
            if stage.due:
                ready.put(lane)
            worker.task = lane, now()
            try:
                result: Any = stage.work(index)
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                result = error
            worker.task = None
            lane.unanswered = 0
            if lane.parked and self._may_go_on(lane):
                self._unpark(lane)
            results.put((lane, index, result))
            if len(self._workers) > self._most:  # one that hung came back
                self._workers.discard(worker)
                return

    def _may_go_on(self, lane: _Lane) -> bool:
        return not lane.is_hanging and lane.unanswered < self._share

    def _unpark(self, lane: _Lane) -> None:
        try:
            lane.parked.pop()
        except IndexError:  # somebody else was faster
            return
        self._ready.put(lane)

    def _release(self, lanes: Iterable[_Lane]) -> None:
        for lane in tuple(lanes):
            if lane.parked and self._may_go_on(lane):
                self._unpark(lane)


def _drained(due: deque[int]) -> Iterator[int]:
    """What nobody has begun; a worker cannot take what is taken here."""
    while True:
        try:
            yield due.popleft()
        except IndexError:
            return
