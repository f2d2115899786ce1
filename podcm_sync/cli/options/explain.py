"""The options of `explain`, but for those of the cluster and the log."""

from pathlib import Path
from typing import Annotated

import typer

from podcm_sync.cli.options.words import env
from podcm_sync.settings import Explained

Subject = Annotated[
    list[str],
    typer.Argument(
        metavar="KIND/NAME",
        help="What to explain: pod/NAME, configmap/NAME (cm) or pcmc/NAME; KIND NAME will do too.",
        show_default=False,
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        envvar=env("NAMESPACE"),
        metavar="NAME",
        help="Where the object is. Default: the context's namespace; with --from, the only one "
        "that has it.",
    ),
]
Directory = Annotated[
    Path | None,
    typer.Option(
        "--from",
        envvar=env("FROM"),
        metavar="DIR",
        help="Read manifests from DIR instead of an API server.",
    ),
]
ExplanationFormat = Annotated[
    Explained, typer.Option("-o", "--output", help="The format of the explanation.")
]
