"""The options of `validate`."""

from typing import Annotated

import typer

from podcm_sync.settings import Findings

Files = Annotated[
    list[str],
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE|DIR|-",
        help="What to check: a file, a directory with all below it, or - for stdin; may be given "
        "more than once.",
    ),
]
ValidationFormat = Annotated[
    Findings, typer.Option("-o", "--output", help="The format of the findings.")
]
AllowEmpty = Annotated[
    bool,
    typer.Option(
        "--allow-empty", help="Exit with 0 if there is no PodConfigMapConfig to check, not with 2."
    ),
]
