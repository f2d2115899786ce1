"""A Report on stdout, in the format asked for, and in colour where a person looks at it."""

import logging
import os
import shutil
import sys
from collections.abc import Callable
from io import TextIOWrapper
from typing import Final

from podcm_sync.cli import logs
from podcm_sync.core.redact import redacted
from podcm_sync.core.report import Report
from podcm_sync.errors import OutputError
from podcm_sync.runtime.masking import masker
from podcm_sync.settings import Colour, Output, Settings

log = logging.getLogger(__name__)


def show(report: Report, settings: Settings, code: int) -> None:
    """Write the report to stdout, and what it lacks to the log. Raises OutputError."""
    put(rendered(report, settings, code, logs.run_id.value))
    if not (report.outcomes or report.statuses or report.problems or report.incomplete):
        log.info("there is no PodConfigMapConfig and no generated ConfigMap in %s", report.scope)
    for message in (redacted(report) if settings.is_redacted else report).incomplete.values():
        log.error("%s", message)
    if report.is_unexpected:
        log.error(
            "the plan is not %s, so nothing was changed: review the one above, and if it is meant "
            "give --expect-plan %s",
            report.expected_digest,
            report.digest,
        )


def put(text: str) -> None:
    """Write a command's result to stdout. Raises OutputError where it cannot be written."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal that cannot show a character must not cost the report.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.stdout.write(masker.mask(text))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"the report cannot be written: {error.strerror}") from error


def rendered(report: Report, settings: Settings, code: int, run_id: str) -> str:
    """The report in the format, and with the colour and detail, that the settings ask for."""
    if settings.is_redacted:
        report = redacted(report)
    return _FORMATS[settings.output](report, settings, code, run_id)


def _text(report: Report, settings: Settings, _code: int, _run_id: str) -> str:
    from podcm_sync.render.text import text

    return text(
        report,
        is_coloured=is_coloured(settings.colour),
        is_verbose=settings.verbosity > 0,
        width=_width(),
    )


def _json(report: Report, settings: Settings, code: int, run_id: str) -> str:
    from podcm_sync.render.document import as_json, document

    content = document(report, exit_code=code, run_id=run_id)
    return as_json(content, is_one_line=settings.is_loop)


def _yaml(report: Report, _: Settings, code: int, run_id: str) -> str:
    from podcm_sync.render.document import as_yaml, document

    return as_yaml(document(report, exit_code=code, run_id=run_id))


def _markdown(report: Report, settings: Settings, code: int, _run_id: str) -> str:
    from podcm_sync.render.markdown import markdown

    return markdown(report, exit_code=code, max_bytes=settings.max_bytes)


_FORMATS: Final[dict[Output, Callable[[Report, Settings, int, str], str]]] = {
    Output.TEXT: _text,
    Output.JSON: _json,
    Output.YAML: _yaml,
    Output.MARKDOWN: _markdown,
}
"""A format is a row here, a member of Output, and a file in `render`, imported when asked for."""


def _width() -> int | None:
    """The columns of the terminal that stdout is; None where it is none, or does not say."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size((0, 0)).columns or None


def is_coloured(colour: Colour) -> bool:
    """Whether to colour what goes to stdout."""
    if colour is not Colour.AUTO:
        return colour is Colour.ALWAYS
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain
