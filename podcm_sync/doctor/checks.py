"""One check of `doctor`: the state of one thing, and what to do about it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

NAMED: Final = 4
"""How many names a list in a message shows."""


class Level(StrEnum):
    """The result of a check."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """Not checked, so the state is unknown."""


class Check(Struct, frozen=True, kw_only=True):
    """The state of one thing, and what to do about it.

    `commands` can be pasted one after the other, and are enough. `action` is advice in words.
    """

    level: Level
    name: str
    detail: str
    action: str = ""
    commands: tuple[str, ...] = ()


def ok(name: str, detail: str) -> Check:
    """A check that found no problem."""
    return Check(level=Level.OK, name=name, detail=detail)


def warn(name: str, detail: str, action: str = "", *commands: str) -> Check:
    """A check that found something to look at, which stops no run."""
    return Check(level=Level.WARN, name=name, detail=detail, action=action, commands=commands)


def fail(name: str, detail: str, action: str = "", *commands: str) -> Check:
    """A check that found something that stops or harms a run."""
    return Check(level=Level.FAIL, name=name, detail=detail, action=action, commands=commands)


def not_checked(name: str, why: str, action: str = "", *, level: Level = Level.SKIP) -> Check:
    """A check that was not possible, and why. `level` is FAIL if no run can work without it."""
    return Check(level=level, name=name, detail=f"not checked: {why}", action=action)


def some(names: Sequence[str]) -> str:
    """The first few names, and the number of the others."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def count(number: int, noun: str) -> str:
    """A number with its noun in the right form: `1 Pod`, `2 Pods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
