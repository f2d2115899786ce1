"""The options of `rbac`: those of a run that change its rights, and what to call and bind them."""

from typing import Annotated

import typer

from podcm_sync.cli.options import election
from podcm_sync.cli.options.words import env
from podcm_sync.core.rights import Subject
from podcm_sync.core.shards import parse_shard
from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.model.rights import Use
from podcm_sync.settings import Manifests


def _name(text: str) -> str:
    if not is_subdomain(text):
        raise typer.BadParameter(f"{text!r} cannot be a Role's name")
    return text


def use(  # noqa: PLR0913 - the options that change rights
    *,
    is_preview: bool,
    writes_events: bool,
    leader_elect: bool,
    lease_namespace: str | None,
    lease_name: str | None,
    shard: str | None,
    is_all: bool,
) -> Use:
    """The options that change rights as one value. Raises BadParameter."""
    if shard and not is_all:
        raise typer.BadParameter("--shard is a part of all namespaces: give -A with it")
    return Use(
        writes=not is_preview,
        events=writes_events,
        leader_elect=leader_elect,
        lease_namespace=election.lease_namespace(lease_namespace) or "",
        lease_name=election.lease_name(lease_name, parse_shard(shard) if shard else None),
    )


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
    bool,
    typer.Option(
        "--leader-elect", envvar=env("LEADER_ELECT"), help="With the rights on the Lease as well."
    ),
]
LeaseNamespace = Annotated[
    str | None,
    typer.Option(
        "--lease-namespace",
        envvar=env("LEASE_NAMESPACE"),
        metavar="NAME",
        help="Where the Lease is. Default: the context's namespace; rbac, which knows none, leaves "
        "it to kubectl apply -n.",
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
