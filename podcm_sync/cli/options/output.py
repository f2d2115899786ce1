"""How a command says what it found: the format, colour, the log, and how much of it."""

from typing import Annotated

import typer

from podcm_sync.cli.options.cluster import is_typed
from podcm_sync.cli.options.words import env
from podcm_sync.settings import LEAST_MAX_BYTES, Colour, LogFormat, Output

OutputFormat = Annotated[
    Output,
    typer.Option("-o", "--output", envvar=env("OUTPUT"), help="The format of the report."),
]
MaxBytes = Annotated[
    int,
    typer.Option(
        "--max-bytes",
        envvar=env("MAX_BYTES"),
        min=LEAST_MAX_BYTES,
        help="With -o markdown, the most bytes of UTF-8 that a report has; what is cut is said.",
    ),
]
Redaction = Annotated[
    bool,
    typer.Option(
        "--redact",
        envvar=env("REDACT"),
        help="Mask values in the report, in logs and in error messages; equal ones alike.",
    ),
]
Colouring = Annotated[
    Colour,
    typer.Option(
        "--color",
        envvar=env("COLOR"),
        help="Whether to colour the report; auto: on a terminal, unless NO_COLOR is set.",
    ),
]
LogFormatting = Annotated[
    LogFormat,
    typer.Option(
        "--log-format",
        envvar=env("LOG_FORMAT"),
        help="The format of the log on stderr; json has a line for each change.",
    ),
]
Verbosity = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        envvar=env("VERBOSE"),
        count=True,
        help="Show also what is unchanged or left alone; requests and tracebacks in the log.",
    ),
]


def see_that_format_fits(context: typer.Context, output: Output, *, is_loop: bool) -> None:
    """Raise BadParameter for options that make no sense with a format."""
    if output is Output.MARKDOWN and is_loop:
        raise typer.BadParameter("-o markdown is one comment for one run: leave out --loop")
    if output is not Output.MARKDOWN and is_typed(context, "max_bytes"):
        raise typer.BadParameter("--max-bytes cuts Markdown only: give -o markdown with it")
