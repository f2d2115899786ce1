"""Descriptions of what is wrong. Each knows its quotes of others, which `--redact` withholds."""

from collections.abc import Iterable
from typing import TypeAlias

from msgspec import Struct

from podcm_sync.api.reasons import Reason
from podcm_sync.errors import DecodeError


class Quote(Struct, frozen=True):
    """A part of a message that others wrote. `--redact` shows `shown` in its place."""

    text: str
    shown: str = ""


Quotes: TypeAlias = tuple[Quote, ...] | None
"""The quotes of a message. None if they aren't known: `--redact` then withholds all of it."""


def quote(text: object, shown: str = "") -> tuple[Quote, ...]:
    """The only quote of a message; () if the text is empty."""
    return (Quote(str(text), shown),) if str(text) else ()


def quotes(message: str, quoted: Quotes) -> tuple[Quote, ...]:
    """The quotes of a sentence that repeats a message: all of it if its quotes aren't known."""
    return quote(message) if quoted is None else quoted


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is wrong with an object: its path, and a message that says what to write.

    A path of "" stands for the whole object. Only templates have a `hint`. It repeats the template,
    so it counts as quoted. In a template, `line` counts from 1, and `column` is the number of bytes
    before the place in that line. `line` is 0 if no place is known. A decoder names the type that
    it `wanted`, or the field that is `unknown`.
    """

    path: str
    message: str
    hint: str = ""
    quoted: Quotes = None
    line: int = 0
    column: int = 0
    wanted: str = ""
    unknown: str = ""
    newer: str = ""
    """What a newer CRD may know, such as "field `x`"; "" if it isn't unknown to this version."""
    reason: Reason = Reason.INVALID_SPEC
    """Why a config that has it is left alone."""

    def __str__(self) -> str:
        return f"{self.path}: {self._text}" if self.path else self._text

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """The quotes of `str(self)`: the whole message if they aren't known."""
        known = quotes(self.message, self.quoted)
        if not (self.hint and known):
            return known
        # A hint directly follows the quote of Go that it explains, so both are one quote.
        return *known[:-1], Quote(known[-1].text + self._hint, known[-1].shown)

    @property
    def _text(self) -> str:
        return self.message + self._hint

    @property
    def _hint(self) -> str:
        return f" (hint: {self.hint})" if self.hint else ""


Findings: TypeAlias = tuple[Finding, ...]


def joined(findings: Iterable[Finding]) -> str:
    """All findings in one line, each as `path: message`."""
    return "; ".join(map(str, findings))


def all_quotes(findings: Iterable[Finding]) -> tuple[Quote, ...]:
    """The quotes of the line that `joined` returns."""
    return tuple(quoted for finding in findings for quoted in finding.quotes)


class MalformedError(DecodeError):
    """Bytes that aren't the expected object; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


class QuotingError(Exception):
    """A message for the log. With --redact, the log leaves its quotes out."""

    def __init__(self, message: str, quoted: Quotes) -> None:
        super().__init__(message)
        self.quoted = quoted
