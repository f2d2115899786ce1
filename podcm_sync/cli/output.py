"""Writes a Report to stdout, in the chosen format, and in color if a person looks at it."""

import logging
import os
import shlex
import sys
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from podcm_sync.cli import logs
from podcm_sync.cli.screen import Diff, is_ascii, width
from podcm_sync.cli.shared_options import Colour, Output, ReportOptions
from podcm_sync.cluster.interfaces import Origin
from podcm_sync.errors import OutputError
from podcm_sync.output.redact import redacted
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import Occasion, text
from podcm_sync.reconcile.changes import WRITES, Outcome, Plan
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.masking import masker

if TYPE_CHECKING:
    import rich.progress

WORTH_A_BAR: Final = 50


class Progress:
    """Counts a plan's writes as they come; shows nothing elsewhere than on a terminal."""

    def __init__(self) -> None:
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def begin(self, plan: Plan) -> None:
        """A plan is about to be applied."""
        writes = sum(change.verb in WRITES for change in plan.changes)
        if writes < WORTH_A_BAR or not sys.stderr.isatty():
            return
        # Late: rich is only worth its import where there is a bar to draw.
        from rich.console import Console
        from rich.progress import MofNCompleteColumn
        from rich.progress import Progress as Bar

        if self._bar is None:
            columns = (*Bar.get_default_columns(), MofNCompleteColumn())
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        self._task = self._bar.add_task("ConfigMaps", total=writes)

    def advance(self, outcome: Outcome) -> None:
        """One change is done."""
        if self._bar is not None and self._task is not None and outcome.change.verb in WRITES:
            self._bar.advance(self._task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()


log = logging.getLogger(__name__)


def show(
    report: Report,
    options: ReportOptions,
    code: int,
    *,
    is_one_of_many: bool = False,
    next_step: str = "",
) -> None:
    """Write the report to stdout, and what it lacks to the log. Raises OutputError."""
    time = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if is_one_of_many else ""
    occasion = Occasion(next_step=next_step, time=time)
    put(rendered(report, options, code, logs.run_id.value, occasion))
    for message in (redacted(report) if options.redact else report).incomplete.values():
        log.error("%s", message)
    # Text says so itself.
    if report.is_unexpected and options.output is not Output.TEXT:
        log.error(
            "the plan is %s, not the expected %s: nothing was changed",
            report.reviewable_digest or "incomplete",
            report.expected_digest,
        )


def next_step(origin: Origin, scope: Scope, plan: Path | None) -> str:
    """How to make the changes of a dry run, or of the plan that it saved."""
    directory, first = origin.directory, ""
    if origin.files and directory:
        first = f"copy the files of -f to {shlex.quote(directory)}, then "
    elif origin.files:
        words = ["kubectl", "apply"]
        if scope.namespaces is not None and len(scope.namespaces) == 1:
            words += ["-n", *scope.namespaces]
        words += ["-R"] * any(Path(name).is_dir() for name in origin.files)
        words += [word for name in origin.files for word in ("-f", name)]
        first = f"{shlex.join(words)}, then "
    if plan is not None:
        where = ["--from", directory] if directory else []
        return (
            f"To apply this plan: {first}{shlex.join(['podcm-sync', 'apply', *where, str(plan)])}"
        )
    if first:
        return f"To make these changes: {first}run without -f and --dry-run."
    return "To make these changes, run without --dry-run. For all details: --diff full"


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


def rendered(
    report: Report, options: ReportOptions, code: int, run_id: str, occasion: Occasion
) -> str:
    """The report in the format, and with the color and detail, that the options request.

    If it is one of many, its document is a summary, and its JSON is one line.
    """
    if options.redact:
        report = redacted(report)
    # A format is a case here, a member of Output, and a file in `output`. Only text loads early.
    match options.output:
        case Output.TEXT:
            return text(
                report,
                style=style(options.colour),
                is_verbose=options.verbosity > 0,
                is_full_diff=options.diff is Diff.FULL,
                occasion=occasion,
            )
        case Output.MARKDOWN:
            from podcm_sync.output.markdown import markdown

            return markdown(report, exit_code=code, max_bytes=options.max_bytes)
        case Output.JSON:
            from podcm_sync.output.document import as_json, document

            content = document(report, exit_code=code, run_id=run_id, time=occasion.time)
            return as_json(content, is_one_line=bool(occasion.time))
        case Output.YAML:
            from podcm_sync.output.document import as_yaml, document

            content = document(report, exit_code=code, run_id=run_id, time=occasion.time)
            return as_yaml(content)


def style(colour: Colour = Colour.AUTO) -> Style:
    """What the terminal that stdout is can show; for a pipe, text without a width or color."""
    return Style(
        is_colored=is_coloured(colour), is_ascii=is_ascii(sys.stdout), columns=width(sys.stdout)
    )


def is_coloured(colour: Colour) -> bool:
    """Whether to color what goes to stdout."""
    if colour is not Colour.AUTO:
        return colour is Colour.ALWAYS
    is_plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_plain
