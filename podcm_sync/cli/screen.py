"""What a terminal can show, and how much of a diff is to be shown there."""

import os
from enum import StrEnum
from typing import TextIO


class Diff(StrEnum):
    """How a dry run shows its changes as text."""

    COMPACT = "compact"
    FULL = "full"


def width(stream: TextIO) -> int | None:
    """The columns of the terminal that a stream writes to; None if it isn't one or doesn't say."""
    if not stream.isatty():
        return None
    chosen = os.environ.get("COLUMNS", "")
    if chosen.isdecimal() and int(chosen):
        return int(chosen)
    try:
        return os.get_terminal_size(stream.fileno()).columns or None
    except (OSError, ValueError):  # closed in the meantime, or a terminal of no known size
        return None


def is_ascii(stream: TextIO) -> bool:
    """Whether our own marks must be ASCII.

    In the locale C, Python itself writes UTF-8 (PEP 540), but the terminal doesn't expect it.
    """
    variables = ("LC_ALL", "LC_CTYPE", "LANG")
    locale = next((value for name in variables if (value := os.environ.get(name))), "")
    encoding = (stream.encoding or "").lower().replace("-", "")
    return locale in {"C", "POSIX"} or not encoding.startswith("utf")
