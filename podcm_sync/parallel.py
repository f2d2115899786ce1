"""Many at a time: work on daemon threads, results in the caller's.

Not a ThreadPoolExecutor: its threads outlive a second SIGINT by as long as a request blocks (7.4 s
seen), daemon threads do not.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

Done = TypeVar("Done")


def each(
    indices: Sequence[int],
    work: Callable[[int], Done],
    done: Callable[[int, Done], None],
    workers: int,
) -> None:
    """Call `work` for every index on daemon threads and `done`, here, for each result.

    What `work` raises is raised here, in the caller's thread, and nothing more is begun.
    """
    if workers <= 1 or len(indices) <= 1:
        for index in indices:
            done(index, work(index))
        return
    due: queue.SimpleQueue[int] = queue.SimpleQueue()
    results: queue.SimpleQueue[tuple[int, Done | BaseException]] = queue.SimpleQueue()
    for index in indices:
        due.put(index)
    for number in range(min(workers, len(indices))):
        threading.Thread(
            target=_take, args=(due, results, work), name=f"worker-{number}", daemon=True
        ).start()
    try:
        for _ in indices:
            index, result = results.get()
            if isinstance(result, BaseException):
                raise result
            done(index, result)
    finally:
        _empty(due)


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
