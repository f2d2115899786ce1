"""Runs work on daemon threads and hands the results to the caller's thread.

It doesn't use ThreadPoolExecutor, whose threads keep the process alive after a second SIGINT for as
long as a request blocks (7.4 s measured). Daemon threads don't.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

POLL_SECONDS: Final = 0.1
"""How often a wait for results checks whether to stop waiting."""

T = TypeVar("T")


class Work(Generic[T]):
    """A function to run for each index, and the function that gets each result.

    If `on_abandoned` is given, the caller stops waiting once `is_cancelled` returns true. Then
    `on_abandoned` makes the result of each index that is still pending.
    """

    def __init__(
        self,
        work: Callable[[int], T],
        done: Callable[[int, T], None],
        *,
        on_abandoned: Callable[[int], T] | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.work: Callable[[int], T] = work
        self.done: Callable[[int, T], None] = done
        self.on_abandoned: Callable[[int], T] | None = on_abandoned
        self.is_cancelled = is_cancelled


def parallelize(indices: Sequence[int], work: Work[T], workers: int) -> None:
    """Run the work for every index on up to `workers` threads; `done` runs in the caller's thread.

    If the work raises, this function raises the same and starts nothing more. With 0 workers, the
    work runs in the caller's thread.
    """
    if not workers:
        for index in indices:
            work.done(index, work.work(index))
        return
    queued: queue.SimpleQueue[int] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[int, T | BaseException]] = queue.SimpleQueue()
    for index in indices:
        queued.put(index)
    for number in range(min(workers, len(indices))):
        threading.Thread(
            target=_run_queued,
            args=(queued, results, work.work),
            name=f"worker-{number}",
            daemon=True,
        ).start()
    try:
        _collect(dict.fromkeys(indices), results, work)
    finally:
        _empty(queued)


def _collect(
    pending: dict[int, None],
    results: "queue.SimpleQueue[tuple[int, T | BaseException]]",
    work: Work[T],
) -> None:
    """Pass each result to `done` as it arrives, then those of abandoned indices."""
    while pending:
        try:
            index, result = results.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if work.on_abandoned is not None and work.is_cancelled():
                break
            continue
        if isinstance(result, BaseException):
            raise result
        del pending[index]
        work.done(index, result)
    for index in pending:
        assert work.on_abandoned is not None, "only then is an index still pending"
        work.done(index, work.on_abandoned(index))


def _run_queued(
    queued: "queue.SimpleQueue[int]",
    results: "queue.SimpleQueue[tuple[int, T | BaseException]]",
    work: Callable[[int], T],
) -> None:
    """Run the work for queued indices until there are none."""
    while True:
        try:
            index = queued.get_nowait()
        except queue.Empty:
            return
        try:
            results.put((index, work(index)))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            results.put((index, error))


def _empty(queued: "queue.SimpleQueue[int]") -> None:
    while True:
        try:
            queued.get_nowait()
        except queue.Empty:
            return


log = logging.getLogger(__name__)

FIRST_WARNING_SECONDS: Final = 3.0
WARNING_FACTOR: Final = 3


class Waiting:
    """Warns about a wait after 3 s, 9 s, 27 s, and so on; `name` says what it waits for.

    Without these warnings, a frozen server looks like a program that hangs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._next = FIRST_WARNING_SECONDS

    def warn_if_due(self) -> None:
        """Log a warning if one is due. Call this often while waiting."""
        waited = time.monotonic() - self._began
        if waited >= self._next:
            self._next *= WARNING_FACTOR
            log.warning("waiting for %s (%.0f s)", self._name, waited)


def run_with_timeout(
    work: Callable[[], T],
    seconds: float,
    is_over: Callable[[], bool] = lambda: False,
    waiting: Waiting | None = None,
) -> T:
    """The result of `work`, which runs on a daemon thread; `waiting` warns while that takes long.

    Raises what `work` raises, and TimeoutError if it takes longer than `seconds` or if `is_over`
    returns true. Nothing can stop the thread then: it goes on, and its result is dropped.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, name="bounded", daemon=True)
    thread.start()
    until = time.monotonic() + seconds
    while thread.is_alive() and time.monotonic() < until and not is_over():
        thread.join(min(POLL_SECONDS, max(0.0, until - time.monotonic())))
        if waiting is not None:
            waiting.warn_if_due()
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"not finished within {seconds:.3g} s")
    return results[0]
