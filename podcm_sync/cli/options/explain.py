"""The options of `explain`, but for those of the cluster and the log."""

from pathlib import Path
from typing import Annotated

import typer

from podcm_sync.cli.options.run import prune_limit
from podcm_sync.cli.options.words import env
from podcm_sync.core.guards import PruneLimit
from podcm_sync.settings import Colour, Explained

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
MaxPrune = Annotated[
    list[PruneLimit] | None,
    typer.Option(
        "--max-prune",
        envvar=env("MAX_PRUNE"),
        parser=prune_limit,
        metavar="N|P%",
        help="Explain a run of this namespace with this limit; may be given more than once.",
    ),
]
Colouring = Annotated[
    Colour,
    typer.Option(
        "--color",
        envvar=env("COLOR"),
        help="Whether to colour the text; auto: on a terminal, unless NO_COLOR is set.",
    ),
]
Verbosity = Annotated[
    int,
    typer.Option(
        "-v",
        "--verbose",
        envvar=env("VERBOSE"),
        count=True,
        help="Of a config show every ConfigMap and Pod; requests and tracebacks in the log.",
    ),
]
ExplanationFormat = Annotated[
    Explained, typer.Option("-o", "--output", help="The format of the explanation.")
]
