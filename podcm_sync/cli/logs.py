"""The log on stderr, as text or as JSON lines, from the very first line on.

The format is read from the raw arguments, before anything can go wrong with them. JSON lines carry
a run id and `severity`, the word that log collectors know; no line holds a value of any ConfigMap,
but for what an error quotes, which --redact withholds.
"""

import logging
import os
import secrets
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, TextIO

from podcm_sync.cli.screen import width
from podcm_sync.cli.shared_options import LogFormat
from podcm_sync.output.escape import json_text, printable
from podcm_sync.output.terminal import Style
from podcm_sync.output.withhold import WITHHELD, withheld_error
from podcm_sync.runtime.masking import masker

ENVIRONMENT: Final = "PODCM_SYNC_LOG_FORMAT"
OPTION: Final = "--log-format"
REDACT_ENVIRONMENT: Final = "PODCM_SYNC_REDACT"
REDACT_OPTION: Final = "--redact"
_ERASE: Final = "\r\x1b[K"


class RunId:
    """The id that a run's log lines and its report have in common."""

    def __init__(self) -> None:
        self.value = ""
        self.renew()

    def renew(self) -> str:
        """A new run begins."""
        self.value = secrets.token_hex(8)
        return self.value


run_id: Final = RunId()


def begin(arguments: Sequence[str]) -> None:
    """Send all logs to stderr, in the format that the arguments or the environment ask for."""
    handler = _Stderr(sys.stderr)
    formatter = _Json if _is_json(arguments) else _Text
    handler.setFormatter(formatter(is_redacted=_is_redacted(arguments)))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("podcm_sync").setLevel(logging.INFO)
    # It warns, with a traceback, of heads that break off, which podcm-sync reports itself.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def is_json() -> bool:
    """Whether the log is JSON, which then has a line for each change; text has the report."""
    return any(isinstance(handler.formatter, _Json) for handler in logging.getLogger().handlers)


def set_verbosity(verbosity: int) -> None:
    """With any `-v`, requests and the like too."""
    if verbosity:
        logging.getLogger("podcm_sync").setLevel(logging.DEBUG)


def _is_json(arguments: Sequence[str]) -> bool:
    chosen = os.environ.get(ENVIRONMENT, "")
    for argument, following in pairwise([*arguments, chosen]):
        if argument == OPTION:
            chosen = following
        elif argument.startswith(f"{OPTION}="):
            chosen = argument.partition("=")[2]
    return chosen == LogFormat.JSON


def _is_redacted(arguments: Sequence[str]) -> bool:
    """Whatever does not say no is a yes: a slip must not show what was to be hidden."""
    chosen = os.environ.get(REDACT_ENVIRONMENT, "").strip().lower()
    return REDACT_OPTION in arguments or chosen not in {"", "0", "f", "false", "n", "no", "off"}


class StatusLine:
    """One line on a terminal's stderr that the next log line, or a newer text, erases."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._is_shown = False

    def show(self, text: str, *, unless: Callable[[], bool] = lambda: False) -> None:
        """Show the text in place of the earlier one, unless it is too late for that."""
        with self._lock:
            if not unless():
                limit = width(sys.stderr)
                sys.stderr.write(f"{_ERASE}{text if limit is None else text[: limit - 1]}")
                sys.stderr.flush()
                self._is_shown = True

    def erase(self) -> None:
        """Erase the text, if one is shown."""
        with self._lock:
            if self._is_shown:
                sys.stderr.write(_ERASE)
                sys.stderr.flush()
                self._is_shown = False


status_line: Final = StatusLine()


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to stderr, and erases the status line first."""

    def emit(self, record: logging.LogRecord) -> None:
        status_line.erase()
        super().emit(record)


class _Formatter(logging.Formatter):
    """What a record says, with what errors quote or without it, and never with a credential."""

    def __init__(self, *, is_redacted: bool) -> None:
        super().__init__()
        self._is_redacted = is_redacted

    def message(self, record: logging.LogRecord) -> str:
        return masker.mask_message(self._message(record))

    def raised(self, record: logging.LogRecord) -> str:
        """The traceback; "" where there is none."""
        return masker.mask_message(self._raised(record))

    def hint(self, record: logging.LogRecord) -> str:
        """The hint of the error that the record reports; "" if there is none, or with --redact."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        hints = (getattr(argument, "hint", "") for argument in arguments)
        return "" if self._is_redacted else masker.mask_message(next(filter(None, hints), ""))

    def _message(self, record: logging.LogRecord) -> str:
        if not self._is_redacted:
            return record.getMessage()
        if not record.name.startswith("podcm_sync"):
            return f"{record.name}: {WITHHELD}"
        arguments = record.args if isinstance(record.args, tuple) else ()
        shown = (withheld_error(x) if isinstance(x, BaseException) else x for x in arguments)
        return str(record.msg) % tuple(shown) if arguments else record.getMessage()

    def _raised(self, record: logging.LogRecord) -> str:
        if not record.exc_info:
            return ""
        if not self._is_redacted:
            return self.formatException(record.exc_info)
        return "\n".join(_frames(record.exc_info[1]))


def _frames(error: BaseException | None) -> Iterator[str]:
    """A traceback without what the exceptions say: our own lines of code, and types."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield "Traceback (most recent call last):"
        yield "".join(traceback.format_tb(error.__traceback__)).rstrip()
        yield f"{type(error).__name__}: {WITHHELD}"
        error = error.__cause__ or error.__context__


class _Text(_Formatter):
    """`podcm-sync: error: …`; the level only if it is a warning or worse."""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        first = f"podcm-sync: {level}{printable(self.message(record))}"
        hint = [f"  hint: {printable(hint)}"] if (hint := self.hint(record)) else []
        # An exception's message can have lines of its own, written by others.
        lines = [first, *hint, *map(printable, self.raised(record).splitlines())]
        style = Style(columns=width(sys.stderr))
        return "\n".join(part for line in lines for part in style.fold(line, "    ", start=""))


class _Json(_Formatter):
    """One JSON object a line; a change's fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "runId": run_id.value,
            "message": self.message(record),
            **getattr(record, "fields", {}),
        }
        if hint := self.hint(record):
            content["hint"] = hint
        if raised := self.raised(record):
            content["traceback"] = raised
        return json_text(content)
