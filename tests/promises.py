"""A line for each promise that a script saw kept; the first broken one ends the script."""

import sys


def check(promise: str, found: object, expected: object) -> None:
    """Prints the promise, or ends with what was found instead."""
    if found != expected:
        sys.exit(f"FAILED {promise}\n  expected: {expected!r}\n  found:    {found!r}")
    print(f"ok     {promise}", flush=True)


def note(fact: str) -> None:
    """Prints something measured, below the promise that it belongs to."""
    print(f"       {fact}", flush=True)
