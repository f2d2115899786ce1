"""Work that may never end, with an end: done on a daemon thread, and left alone when it is late.

Socket timeouts are per read, so a server that trickles outlasts them all; an exec plugin has none.
"""

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

STEP_SECONDS: Final = 0.1
T = TypeVar("T")


def in_time(
    work: Callable[[], T], seconds: float, is_over: Callable[[], bool] = lambda: False
) -> T:
    """The result of `work`, or what it raises.

    Raises TimeoutError where it takes longer, or where `is_over` says so meanwhile.
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
        thread.join(STEP_SECONDS)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError(f"not finished within {seconds:.3g} s")
    return results[0]
