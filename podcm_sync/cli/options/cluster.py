"""Which cluster, as whom, which namespaces: the options of each command that asks a server."""

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from podcm_sync.cli.options.words import duration, env
from podcm_sync.core.validate import is_namespace
from podcm_sync.settings import Access, parse_duration

Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "-n",
        "--namespace",
        envvar=env("NAMESPACE"),
        metavar="NAME",
        help="Sync this namespace; may be given more than once, each is a scope of its own. "
        "Default: the context's, or in a Pod the ServiceAccount's.",
    ),
]
OfNamespaces = Annotated[
    list[str] | None,
    typer.Option(
        "-n",
        "--namespace",
        envvar=env("NAMESPACE"),
        metavar="NAME",
        help="For runs of this namespace; may be given more than once.",
    ),
]
OfAllNamespaces = Annotated[
    bool,
    typer.Option(
        "-A", "--all-namespaces", envvar=env("ALL_NAMESPACES"), help="For runs of every namespace."
    ),
]
AllNamespaces = Annotated[
    bool,
    typer.Option(
        "-A", "--all-namespaces", envvar=env("ALL_NAMESPACES"), help="Sync every namespace."
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        "--kubeconfig",
        envvar=env("KUBECONFIG"),
        metavar="FILE",
        help="Default: KUBECONFIG, the Pod's ServiceAccount, ~/.kube/config.",
    ),
]
KubeContext = Annotated[
    str | None,
    typer.Option(
        "--context",
        envvar=env("CONTEXT"),
        metavar="NAME",
        help="The kubeconfig's context to use. Default: its current one.",
    ),
]
Impersonate = Annotated[
    str | None,
    typer.Option(
        "--as",
        envvar=env("AS"),
        metavar="USER",
        help="Impersonate this user, as kubectl does.",
    ),
]
RequestTimeout = Annotated[
    str,
    typer.Option(
        "--request-timeout",
        envvar=env("REQUEST_TIMEOUT"),
        callback=duration,
        metavar="DURATION",
        help="How long one request may take, such as 30s; 0 is no limit.",
    ),
]


def access(
    kubeconfig: str | None, context: str | None, impersonate: str | None, request_timeout: str
) -> Access:
    """The options of the connection as one value. Raises BadParameter."""
    if impersonate is not None and not (impersonate.isascii() and impersonate.isprintable()):
        raise typer.BadParameter("--as has characters that no header can have")
    return Access(
        kubeconfig=kubeconfig,
        context=context,
        impersonate=impersonate,
        request_timeout=parse_duration(request_timeout),
    )


def namespaces(
    context: typer.Context, names: list[str] | None, *, is_all: bool
) -> tuple[tuple[str, ...], bool]:
    """The namespaces asked for, and whether it is all of them. Raises BadParameter for both.

    An option beats a variable, also that of the other option.
    """
    chosen = tuple(dict.fromkeys(namespace(name) for name in names or ()))
    if not (chosen and is_all):
        return chosen, is_all
    if is_typed(context, "namespaces") == is_typed(context, "all_namespaces"):
        raise typer.BadParameter("give either -n or -A, not both")
    is_all = is_typed(context, "all_namespaces")
    return (() if is_all else chosen), is_all


def one_namespace(name: str | None) -> tuple[str, ...]:
    """The namespace of a command that is about one object; () if none was given."""
    return () if name is None else (namespace(name),)


def refuse_with_directory(context: typer.Context, directory: Path | None) -> None:
    """With manifests there is no cluster to choose. Raises BadParameter."""
    names = {"kubeconfig", "kube_context", "impersonate", "shard"}
    if directory is None:
        return
    for parameter in context.command.params:
        if parameter.name in names and is_typed(context, parameter.name):
            raise typer.BadParameter(f"--from needs no cluster: leave out {parameter.opts[-1]}")


def refuse_before(context: typer.Context, command: str) -> None:
    """Options before a subcommand's name are not its own: `--context` would be lost unheard.

    The log's format is read from wherever it stands. Raises BadParameter.
    """
    for parameter in context.command.params:
        if parameter.name != "log_format" and is_typed(context, str(parameter.name)):
            option = parameter.opts[-1]
            own = getattr(context.command, "commands", {})[command].params
            if not any(option in each.opts for each in own):
                raise typer.BadParameter(
                    f"{option} stands before {command}, which has no such option: leave it out"
                )
            raise typer.BadParameter(
                f"{option} stands before {command}: write it after, "
                f"podcm-sync {command} ... {option}"
            )


def refuse_without(context: typer.Context, needed: str, names: Collection[str]) -> None:
    """Options that say nothing without another, which was not given. Raises BadParameter."""
    for parameter in context.command.params:
        if parameter.name in names and is_typed(context, parameter.name):
            raise typer.BadParameter(
                f"{parameter.opts[-1]} says nothing without {needed}: give both, or neither"
            )


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option was given on the command line, and not by its variable."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def namespace(name: str) -> str:
    """A namespace's name as it is. Raises BadParameter for one that no namespace can have."""
    if not is_namespace(name):
        raise typer.BadParameter(
            f"{name!r} cannot be a namespace's name", param_hint="-n / PODCM_SYNC_NAMESPACE"
        )
    return name
