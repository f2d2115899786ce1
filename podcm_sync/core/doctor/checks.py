"""One check of `doctor`: how one thing is, and what to do about it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

NAMED: Final = 4


class Level(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """Not checked, so nobody knows."""


class Check(Struct, frozen=True, kw_only=True):
    """One thing that was looked at: how it is, and what to do ("" where nothing is to do)."""

    level: Level
    name: str
    detail: str
    action: str = ""


def ok(name: str, detail: str) -> Check:
    """What is as it should be."""
    return Check(level=Level.OK, name=name, detail=detail)


def warn(name: str, detail: str, action: str) -> Check:
    """What is worth a look, and stops no run."""
    return Check(level=Level.WARN, name=name, detail=detail, action=action)


def fail(name: str, detail: str, action: str) -> Check:
    """What will stop or harm a run."""
    return Check(level=Level.FAIL, name=name, detail=detail, action=action)


def not_checked(name: str, why: str, action: str = "", *, level: Level = Level.SKIP) -> Check:
    """A check that could not be made. Without some of them no run can be expected to work."""
    return Check(level=level, name=name, detail=f"not checked: {why}", action=action)


def some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def count(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
