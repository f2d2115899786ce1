"""How this process uses memory: settings for the whole process, made once at its start."""

import ctypes
import gc
from typing import Final

_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
LARGE_BYTES: Final = 256 * 1024
ARENAS: Final = 2


def tune() -> None:
    """Collect garbage less often, and give large blocks back to the system.

    A run keeps nearly all objects and makes few cycles: with the interpreter's thresholds,
    collection took a seventh of the CPU time of a large run that writes nothing.

    glibc raises the size from which it maps a block of its own, up to 32 MiB, and has an arena for
    each thread. Pages of lists then left holes that nothing else filled: 405 to 442 MiB in place of
    494 to 560 with hostile namespaces (tests/benchmarks/README.md).
    """
    gc.set_threshold(100_000, 50, 100)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl and macOS don't have it
        mallopt(_M_MMAP_THRESHOLD, LARGE_BYTES)
        mallopt(_M_ARENA_MAX, ARENAS)
