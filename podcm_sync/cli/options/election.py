"""The options of the election: whether, by which Lease, and its times."""

from typing import Annotated

import typer

from podcm_sync.cli.options.cluster import is_typed
from podcm_sync.cli.options.words import duration, env
from podcm_sync.core.validate import is_namespace, is_subdomain
from podcm_sync.model.objects import Shard
from podcm_sync.model.rights import LEASE
from podcm_sync.settings import LeaderElection, Timing, parse_duration

JITTER = 1.2
"""What client-go asks of the renew deadline: more than so many retry periods."""

LeaderElect = Annotated[
    bool,
    typer.Option(
        "--leader-elect",
        envvar=env("LEADER_ELECT"),
        help="With --loop, run only while this process holds the Lease; the others wait.",
    ),
]
LeaseNamespace = Annotated[
    str | None,
    typer.Option(
        "--lease-namespace",
        envvar=env("LEASE_NAMESPACE"),
        metavar="NAME",
        help="Where the Lease is. Default: the context's namespace, or in a Pod the "
        "ServiceAccount's.",
    ),
]
LeaseName = Annotated[
    str | None,
    typer.Option(
        "--lease-name",
        envvar=env("LEASE_NAME"),
        metavar="NAME",
        help="The Lease's name, another for each set of replicas with a scope of its own. Default: "
        "podcm-sync, or podcm-sync-shard-INDEX-of-COUNT.",
    ),
]
LeaseDuration = Annotated[
    str,
    typer.Option(
        "--lease-duration",
        envvar=env("LEASE_DURATION"),
        callback=duration,
        metavar="DURATION",
        help="How long the others wait for a leader that is not heard of.",
    ),
]
RenewDeadline = Annotated[
    str,
    typer.Option(
        "--renew-deadline",
        envvar=env("RENEW_DEADLINE"),
        callback=duration,
        metavar="DURATION",
        help="How long after its last renewal a leader stops writing; less than --lease-duration.",
    ),
]
RetryPeriod = Annotated[
    str,
    typer.Option(
        "--retry-period",
        envvar=env("RETRY_PERIOD"),
        callback=duration,
        metavar="DURATION",
        help="How often the leader renews the Lease, and the others look at it.",
    ),
]


def leader_election(  # noqa: PLR0913 - the options of one topic
    namespace: str | None,
    name: str | None,
    lease_duration: str,
    renew_deadline: str,
    retry_period: str,
    *,
    shard: Shard | None,
) -> LeaderElection:
    """The options of the election as one value. Raises BadParameter."""
    return LeaderElection(
        namespace=lease_namespace(namespace),
        name=lease_name(name, shard),
        timing=_timing(lease_duration, renew_deadline, retry_period),
    )


def refuse_without(context: typer.Context) -> None:
    """An option of the election, and none is held: replicas would all write. Raises BadParameter.

    Variables are for many commands, and may be there.
    """
    for name in (
        "lease_namespace",
        "lease_name",
        "lease_duration",
        "renew_deadline",
        "retry_period",
    ):
        if is_typed(context, name):
            option = "--" + name.replace("_", "-")
            raise typer.BadParameter(f"{option} is for --leader-elect: give that with it")


def lease_namespace(namespace: str | None) -> str | None:
    """Where the Lease is, None for the context's. Raises BadParameter."""
    if namespace is not None and not is_namespace(namespace):
        raise typer.BadParameter(f"{namespace!r} cannot be a namespace's name: --lease-namespace")
    return namespace


def lease_name(name: str | None, shard: Shard | None) -> str:
    """What the Lease is called. Raises BadParameter."""
    if name is None:
        # Shards do different work: with one Lease all but one of them would wait for ever.
        name = f"{LEASE}-shard-{shard.index}-of-{shard.count}" if shard else LEASE
    if not is_subdomain(name):
        raise typer.BadParameter(f"{name!r} cannot be a Lease's name: --lease-name")
    return name


def _timing(lease_duration: str, renew_deadline: str, retry_period: str) -> Timing:
    lease = parse_duration(lease_duration) or 0.0
    renew = parse_duration(renew_deadline) or 0.0
    retry = parse_duration(retry_period) or 0.0
    if not retry:
        raise typer.BadParameter("--retry-period must be more than 0")
    if renew <= retry * JITTER:
        raise typer.BadParameter(
            f"--renew-deadline must be more than {JITTER} times --retry-period, {retry_period}"
        )
    if lease <= renew or lease < 1:
        raise typer.BadParameter(
            f"--lease-duration must be more than --renew-deadline, {renew_deadline}, and at "
            "least 1s"
        )
    return Timing(lease_duration=lease, renew_deadline=renew, retry_period=retry)
