"""Many at a time: work on daemon threads, results in the caller's.

Not a ThreadPoolExecutor: its threads outlive a second SIGINT by as long as a request blocks (7.4 s
seen), daemon threads do not.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

WAIT_SECONDS: Final = 0.1
"""How often waiting for results looks up whether to go on with it."""

Done = TypeVar("Done")


class Work(Generic[Done]):
    """What to do for an index, whom to tell, and when to wait no longer.

    `lost` gives what an index came to that is waited for no longer; without it all are waited for.
    """

    def __init__(
        self,
        work: Callable[[int], Done],
        done: Callable[[int, Done], None],
        *,
        lost: Callable[[int], Done] | None = None,
        waits_no_longer: Callable[[], bool] = lambda: False,
    ) -> None:
        self.work: Callable[[int], Done] = work
        self.done: Callable[[int, Done], None] = done
        self.lost: Callable[[int], Done] | None = lost
        self.waits_no_longer = waits_no_longer


def each(indices: Sequence[int], work: Work[Done], workers: int) -> None:
    """Do the work of every index on daemon threads, and tell of each result here.

    What the work raises is raised here, in the caller's thread, and nothing more is begun. Without
    workers it is done here: then there is nothing to wait for.
    """
    if not workers:
        for index in indices:
            work.done(index, work.work(index))
        return
    due: queue.SimpleQueue[int] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[int, Done | BaseException]] = queue.SimpleQueue()
    for index in indices:
        due.put(index)
    for number in range(min(workers, len(indices))):
        threading.Thread(
            target=_take, args=(due, results, work.work), name=f"worker-{number}", daemon=True
        ).start()
    try:
        _collect(dict.fromkeys(indices), results, work)
    finally:
        _empty(due)


def _collect(
    pending: dict[int, None],
    results: "queue.SimpleQueue[tuple[int, Done | BaseException]]",
    work: Work[Done],
) -> None:
    """Tell of each result as it comes, and of those that do not come in time."""
    while pending:
        try:
            index, result = results.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            if work.lost is not None and work.waits_no_longer():
                break
            continue
        if isinstance(result, BaseException):
            raise result
        del pending[index]
        work.done(index, result)
    for index in pending:
        assert work.lost is not None, "only then is anything left"
        work.done(index, work.lost(index))


def _take(
    due: "queue.SimpleQueue[int]",
    results: "queue.SimpleQueue[tuple[int, Done | BaseException]]",
    work: Callable[[int], Done],
) -> None:
    """Work until nothing is due."""
    while True:
        try:
            index = due.get_nowait()
        except queue.Empty:
            return
        try:
            results.put((index, work(index)))
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            results.put((index, error))


def _empty(due: "queue.SimpleQueue[int]") -> None:
    while True:
        try:
            due.get_nowait()
        except queue.Empty:
            return
