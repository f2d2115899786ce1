"""Text that others wrote as inline code, in Markdown or HTML: shown as it is, whatever it says.

Within code no renderer of GitHub or GitLab looks for mentions, references, links or emoji.
"""

import html
import re
from typing import Final

from podcm_sync.render.escape import printable

_RUNS: Final = re.compile("`+")
_LONGEST_RUN: Final = 80
"""Longer runs of backticks open no code span in cmark-gfm."""


def shortened(text: str, most: int) -> str:
    """The text on one printable line; of a longer one `most` characters, and how many are left."""
    shown = printable(text)
    return shown if len(shown) <= most else f"{shown[:most]}… {len(shown) - most:,} more"


def code(text: str) -> str:
    """A code span of exactly this text, once it is printable."""
    text = printable(text)
    if not text:
        return "(empty)"
    taken = set(map(len, _RUNS.findall(text)))
    length = next(number for number in range(1, len(taken) + 2) if number not in taken)
    if length > _LONGEST_RUN:
        return code(text.replace("`", r"\x60"))
    ticks = "`" * length
    # A space on both sides is taken off again, so that what begins or ends so needs one more.
    is_padded = text[0] == "`" or text[-1] == "`" or (text[0] == text[-1] == " " and text.strip())
    return f"{ticks} {text} {ticks}" if is_padded else f"{ticks}{text}{ticks}"


def html_code(text: str) -> str:
    """The same as HTML, for where Markdown is not read, as in a `<summary>`."""
    return f"<code>{html.escape(printable(text))}</code>"


def fence(longest_run: int) -> str:
    """A fence around lines whose longest run of backticks is so long."""
    return "`" * max(3, longest_run + 1)


def longest_run(line: str) -> int:
    """How long the longest run of backticks is."""
    return max(map(len, _RUNS.findall(line)), default=0) if "`" in line else 0
