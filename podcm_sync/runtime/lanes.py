"""Runs lanes of work side by side, so that a lane that hangs doesn't delay the others.

A lane is a sequence of stages. The tasks of a stage run in any order and many at a time; the next
stage begins when all of them are done. Workers take one task from each lane in turn. If a lane gets
no answers, it gets no further worker, and new workers replace those that it holds. The rules and
the reasons are in docs/design/decisions/lanes.md.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

POLL_SECONDS: Final = 0.1
"""How often a wait for results checks whether to stop waiting, and which tasks hang."""
HANGING_SECONDS: Final = 2.0
"""A task that takes longer hangs. A write takes 10 ms, and one through a slow webhook 1 s."""
HANGING_LANES: Final = 3
"""This many lanes can hang at once without delaying the others, whatever the concurrency."""
BATCHING_TASKS: Final = 100
BATCH_SECONDS: Final = 0.01
"""With 100 tasks or more pending, results are collected for 10 ms at a time. When the collecting
thread woke up for each of 10,000 results, contention for the interpreter's lock cost the workers an
eighth of their CPU."""

T = TypeVar("T")


class Stopping(Struct, frozen=True, kw_only=True):
    """Whether to begin nothing new, and whether to stop waiting for tasks under way.

    The other two return the reasons, as messages that name the limit.
    """

    is_stopping: Callable[[], bool]
    is_cancelled: Callable[[], bool]
    why_nothing_begins: Callable[[], str]
    why_no_longer: Callable[[], str]


NEVER: Final = Stopping(
    is_stopping=lambda: False,
    is_cancelled=lambda: False,
    why_nothing_begins=str,
    why_no_longer=str,
)


@dataclass(eq=False)
class Stage(Generic[T]):
    """Tasks that can run in any order: a worker calls `work` once for each index.

    `done` gets each result, in the caller's thread. `skipped` makes the result of a task that did
    not begin in time, and `on_abandoned` that of a task that nobody waits for any longer. A stage
    with `is_finishing` begins even if nothing new may begin, because it records earlier work.
    """

    indices: Sequence[int]
    work: Callable[[int], T]
    done: Callable[[int, T], None]
    _: KW_ONLY
    skipped: Callable[[int], T]
    on_abandoned: Callable[[int], T]
    is_finishing: bool = False
    queued: deque[int] = field(init=False)
    """Tasks that didn't begin. Whoever removes an index from here begins it or skips it."""

    def __post_init__(self) -> None:
        self.queued = deque(self.indices)


Lane = Iterator[Stage[Any]]
"""The stages. Each is made only when the one before is done, from what that one came to."""


class _Lane:
    """A lane under way.

    While it has tasks that didn't begin, it is in the queue of ready lanes exactly once, or parked.
    A worker that takes it from the queue parks it if it may not go on; the thread that removes the
    reason puts it back. There is no lock: each change is one call on a list, deque, or queue, which
    is atomic in CPython.
    """

    def __init__(self, stages: Lane) -> None:
        self.stages = stages
        self.stage: Stage[Any] | None = None
        self.pending: dict[int, None] = {}
        self.unanswered = 0
        """How many tasks began since the last answer."""
        self.is_hanging = False
        self.parked: list[None] = []
        """One element while the lane is parked: of several threads, only one can pop it."""


class _Worker(threading.Thread):
    """A daemon thread, so that a blocked request doesn't keep the process alive after a signal."""

    def __init__(self, number: int, work: Callable[["_Worker"], None]) -> None:
        super().__init__(name=f"worker-{number}", daemon=True)
        self.task: tuple[_Lane, float] | None = None
        """The lane of its task, and the monotonic time at which the task began."""
        self._work = work

    def run(self) -> None:
        self._work(self)


def run_lanes(
    lanes: Iterable[Lane],
    workers: int,
    stopping: Stopping = NEVER,
    more: Callable[[], Sequence[Lane]] = tuple,
) -> None:
    """Run all lanes to their ends, on up to `workers` threads and one more for each that hangs.

    If a task raises, this function raises the same and begins nothing more. Whenever only hanging
    lanes are left, it calls `more` for further ones.
    """
    running = _Running(workers, stopping, more)
    try:
        running.add(lanes)
        running.collect()
    finally:
        running.close()


class _Running:
    """The lanes under way and their workers. The caller's thread collects the results."""

    def __init__(
        self, concurrency: int, stopping: Stopping, more: Callable[[], Sequence[Lane]]
    ) -> None:
        self._concurrency = concurrency
        self._stopping = stopping
        self._more = more
        self._ready: queue.SimpleQueue[_Lane | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[_Lane, int, Any]] = queue.SimpleQueue()
        self._workers: set[_Worker] = set()
        self._max_workers = concurrency
        """The concurrency, and a replacement for each worker whose task hangs."""
        self._unfinished: dict[_Lane, None] = {}
        self._hanging: set[_Lane] = set()
        self._pending = 0
        self._share = concurrency
        """How many tasks of a lane can begin before one of them is answered."""
        self._next_check = 0.0
        self._is_abandoned = False
        self._is_closed = False

    # In the caller's thread.

    def add(self, lanes: Iterable[Lane]) -> None:
        added = [_Lane(stages) for stages in lanes]
        self._unfinished.update(dict.fromkeys(added))
        self._set_share()
        for lane in added:
            self._advance(lane)

    def collect(self) -> None:
        """Pass each result to its stage as it arrives, until every lane has ended."""
        while self._is_unfinished():
            try:
                lane, index, result = self._results.get(timeout=POLL_SECONDS)
            except queue.Empty:
                if self._stopping.is_cancelled():
                    self._abandon()
                else:
                    self._check_hanging()
                continue
            if isinstance(result, BaseException):
                raise result
            self._finish_task(lane, index, result)
            if self._pending >= BATCHING_TASKS and self._results.empty():
                time.sleep(BATCH_SECONDS)
            if time.monotonic() >= self._next_check:
                self._check_hanging()

    def close(self) -> None:
        """Begin nothing more. Each worker ends when its task ends; nobody waits for it."""
        self._is_closed = True
        for _ in tuple(self._workers):
            self._ready.put(None)  # ends one worker

    def _is_unfinished(self) -> bool:
        """Whether a lane has yet to end. Adds further lanes if only hanging ones are left."""
        while len(self._unfinished) <= len(self._hanging) and (lanes := self._more()):
            self.add(lanes)
        return bool(self._unfinished)

    def _finish_task(self, lane: _Lane, index: int, result: Any) -> None:
        assert lane.stage is not None
        del lane.pending[index]
        self._pending -= 1
        lane.stage.done(index, result)
        if not lane.pending:
            self._advance(lane)

    def _advance(self, lane: _Lane) -> None:
        """Begin the lane's next stage that has tasks, or end the lane."""
        for stage in lane.stages:
            if self._is_abandoned or (not stage.is_finishing and self._stopping.is_stopping()):
                for index in stage.indices:
                    stage.done(index, stage.skipped(index))
            elif stage.indices:
                lane.stage = stage
                lane.unanswered = 0
                lane.pending = dict.fromkeys(stage.indices)
                self._pending += len(stage.indices)
                self._start_workers(len(self._workers) + len(stage.indices))
                self._ready.put(lane)
                return
        del self._unfinished[lane]
        self._hanging.discard(lane)
        self._set_share()

    def _start_workers(self, wanted: int) -> None:
        """Start workers until there are `wanted`, or as many as there may be."""
        while len(self._workers) < min(wanted, self._max_workers):
            worker = _Worker(len(self._workers), self._run_tasks)
            self._workers.add(worker)
            worker.start()

    def _lanes_of_hanging_tasks(self) -> list[_Lane]:
        """The lane of each worker whose task hangs; a lane occurs once for each such worker."""
        since = time.monotonic() - HANGING_SECONDS
        tasks = [worker.task for worker in tuple(self._workers)]
        return [task[0] for task in tasks if task is not None and task[1] <= since]

    def _set_share(self) -> None:
        """Limit each lane to its share of the workers until it gets an answer.

        Without this limit, a lane that gets no answers holds all workers within a moment. The share
        is rounded up so that no worker is idle, unless a few hanging lanes could then hold them
        all.
        """
        count = max(1, len(self._unfinished) - len(self._hanging))
        share = -(-self._concurrency // count)
        if share * min(count - 1, HANGING_LANES) >= self._concurrency:
            share = max(1, self._concurrency // count)
        is_larger = share > self._share
        self._share = share
        if is_larger:
            self._unpark_all(self._unfinished)

    def _check_hanging(self) -> None:
        """Update which lanes hang, and replace the workers that they hold."""
        self._next_check = time.monotonic() + POLL_SECONDS
        lanes = self._lanes_of_hanging_tasks()
        hanging = set(lanes)
        if hanging != self._hanging:
            for lane in self._hanging - hanging:
                lane.is_hanging = False
            self._hanging = hanging
            self._set_share()
        # If all lanes hang, the server does: there is no lane to keep workers for, and more
        # requests don't help.
        is_partial = len(hanging) < len(self._unfinished)
        for lane in hanging:
            lane.is_hanging = is_partial
        replacements = min(len(lanes), max(self._concurrency, HANGING_LANES))
        self._max_workers = self._concurrency + (replacements if is_partial else 0)
        self._unpark_all(self._unfinished)
        self._start_workers(len(self._workers) + self._ready.qsize())

    def _abandon(self) -> None:
        """Give every pending task a result: begin nothing more, and wait for nothing."""
        self._is_abandoned = True
        for lane in tuple(self._unfinished):
            stage = lane.stage
            assert stage is not None
            skipped = set(_drained(stage.queued))
            for index in tuple(lane.pending):
                result = stage.skipped if index in skipped else stage.on_abandoned
                self._finish_task(lane, index, result(index))

    # In the workers' threads.

    def _run_tasks(self, worker: _Worker) -> None:
        """Run tasks until the end, one of each lane in turn."""
        ready, results, now = self._ready, self._results, time.monotonic
        while (lane := ready.get()) is not None and not self._is_closed:
            if lane.is_hanging or lane.unanswered >= self._share:
                lane.parked.append(None)
                # The reason may have ended between the check and the parking. Whoever ended it
                # found nothing parked, so without a second check the lane would stay parked
                # forever.
                if self._may_go_on(lane):
                    self._unpark(lane)
                continue
            stage = lane.stage
            assert stage is not None
            try:
                index = stage.queued.popleft()
            except IndexError:  # the caller's thread abandoned the tasks
                continue
            # No lock: a lane is in the queue once, so no other worker increments it meanwhile.
            lane.unanswered += 1
            if stage.queued:
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
            if len(self._workers) > self._max_workers:  # a task that hung ended, so one is surplus
                self._workers.discard(worker)
                return

    def _may_go_on(self, lane: _Lane) -> bool:
        return not lane.is_hanging and lane.unanswered < self._share

    def _unpark(self, lane: _Lane) -> None:
        try:
            lane.parked.pop()
        except IndexError:  # another thread was faster
            return
        self._ready.put(lane)

    def _unpark_all(self, lanes: Iterable[_Lane]) -> None:
        for lane in tuple(lanes):
            if lane.parked and self._may_go_on(lane):
                self._unpark(lane)


def _drained(queued: deque[int]) -> Iterator[int]:
    """The tasks that didn't begin. A worker can't begin one that this removed."""
    while True:
        try:
            yield queued.popleft()
        except IndexError:
            return
