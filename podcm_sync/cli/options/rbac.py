"""The options of `rbac`: those of a run that change its rights, and what to call and bind them."""

from typing import Annotated

import typer

from podcm_sync.cli.options.words import env
from podcm_sync.core.rights import Subject
from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.settings import Manifests


def _name(text: str) -> str:
    if not is_subdomain(text):
        raise typer.BadParameter(f"{text!r} cannot be a Role's name")
    return text


def _namespace(text: str) -> str:
    if text and not is_namespace(text):
        raise typer.BadParameter(f"{text!r} cannot be a namespace's name")
    return text


def subject(text: str | None) -> Subject | None:
    """`NAMESPACE:NAME` as a Subject. Raises BadParameter."""
    if text is None:
        return None
    namespace, _, name = text.partition(":")
    if not (is_namespace(namespace) and is_subdomain(name)):
        raise typer.BadParameter(
            f"--bind {text!r}: write NAMESPACE:SERVICEACCOUNT, such as podcm-sync:podcm-sync"
        )
    return Subject(namespace=namespace, name=name)


Preview = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        envvar=env("DRY_RUN"),
        help="The rights of dry runs only, which need nothing but list.",
    ),
]
LeaderElect = Annotated[
    bool, typer.Option("--leader-elect", help="The rights on the Lease of --leader-elect, too.")
]
LeaseNamespace = Annotated[
    str,
    typer.Option(
        "--lease-namespace",
        metavar="NAME",
        callback=_namespace,
        help="Where the Lease is. Default: left open, as kubectl apply -n says.",
    ),
]
RoleName = Annotated[
    str, typer.Option("--name", metavar="NAME", callback=_name, help="What to call the Roles.")
]
Bind = Annotated[
    str | None,
    typer.Option(
        "--bind",
        metavar="NAMESPACE:SERVICEACCOUNT",
        help="Print the bindings to this ServiceAccount as well.",
    ),
]
ManifestFormat = Annotated[Manifests, typer.Option("-o", "--output", help="The format.")]
