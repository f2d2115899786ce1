"""The log on stderr, as text or as JSON lines, from the very first line on.

The format is read from the raw arguments, before anything can go wrong with them. JSON lines carry
a run id and `severity`, the word that log collectors know; no line holds a value of any ConfigMap.
"""

import logging
import os
import secrets
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from podcm_sync.render.escape import json_text, printable
from podcm_sync.settings import LogFormat

ENVIRONMENT: Final = "PODCM_SYNC_LOG_FORMAT"
OPTION: Final = "--log-format"


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
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if _is_json(arguments) else _Text())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("podcm_sync").setLevel(logging.INFO)
    # It warns, with a traceback, of heads that break off, which are said as what they are.
    logging.getLogger("urllib3").setLevel(logging.ERROR)


def is_json() -> bool:
    """Whether the log is JSON, which then has a line for each change; text has the report."""
    return any(isinstance(each.formatter, _Json) for each in logging.getLogger().handlers)


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


class _Text(logging.Formatter):
    """`podcm-sync: error: …`; the level only where it matters."""

    def format(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
        said = f"podcm-sync: {level}{printable(record.getMessage())}"
        return f"{said}\n{self.formatException(record.exc_info)}" if record.exc_info else said


class _Json(logging.Formatter):
    """One JSON object a line; a change's fields stand beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        content = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity": record.levelname,
            "runId": run_id.value,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json_text(content)
