"""How a command says what it found: the format, colour, the log, and how much of it."""

from typing import Annotated

import typer

from podcm_sync.cli.options.words import env
from podcm_sync.settings import Colour, LogFormat, Output

OutputFormat = Annotated[
    Output,
    typer.Option("-o", "--output", envvar=env("OUTPUT"), help="The format of the report."),
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
