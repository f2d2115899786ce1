"""The options that change which permissions a run needs, for the run, `rbac`, and `doctor`."""

from typing import Annotated

from msgspec import Struct

from podcm_sync.cli.option import IGNORED, But, Group, Help, Option, period
from podcm_sync.cli.shared_options import DryRun, Events, ScopeOptions, Watch
from podcm_sync.rbac.rights import LEASE, RunProfile
from podcm_sync.reconcile.snapshot import Shard


class ElectionOptions(Struct, frozen=True, kw_only=True):
    """Whether one of many leads, by which Lease, and its times in seconds."""

    leader_elect: Annotated[
        bool,
        Option(
            flags="--leader-elect",
            group=Group.LOOP,
            help="With --loop, run only while holding a Lease. Other replicas stand by.",
        ),
    ] = False
    lease_namespace: Annotated[
        str | None,
        Option(
            flags="--lease-namespace",
            group=Group.LOOP,
            metavar="NAME",
            needs="leader_elect",
            is_rare=True,
            help="Namespace of the Lease. Default: the context's namespace, or in a Pod the "
            "ServiceAccount's.",
        ),
    ] = None
    lease_name: Annotated[
        str | None,
        Option(
            flags="--lease-name",
            group=Group.LOOP,
            metavar="NAME",
            needs="leader_elect",
            is_rare=True,
            help="Name of the Lease. Use one name for each set of replicas with the same scope. "
            "Default: podcm-sync, or podcm-sync-shard-INDEX-of-COUNT.",
        ),
    ] = None
    lease_duration: Annotated[
        float,
        period(
            flags="--lease-duration",
            group=Group.LOOP,
            is_rare=True,
            needs="leader_elect",
            help="How long standbys wait after the leader's last renewal.",
        ),
    ] = 15.0
    renew_deadline: Annotated[
        float,
        period(
            flags="--renew-deadline",
            group=Group.LOOP,
            is_rare=True,
            needs="leader_elect",
            help="When a leader that can't renew stops writing. Must be less than "
            "--lease-duration.",
        ),
    ] = 10.0
    retry_period: Annotated[
        float,
        period(
            flags="--retry-period",
            group=Group.LOOP,
            is_rare=True,
            needs="leader_elect",
            help="How often the leader renews the Lease and standbys check it.",
        ),
    ] = 2.0

    def name_for(self, shard: Shard | None) -> str:
        """What the Lease is called; by default, each shard has one of its own."""
        if self.lease_name is None and shard is not None:
            # Shards do different work: with one Lease all but one of them would wait for ever.
            return f"{LEASE}-shard-{shard.index}-of-{shard.count}"
        return self.lease_name or LEASE


class ProfileOptions(Struct, frozen=True, kw_only=True):
    """The options of a run that change which rights it needs."""

    dry_run: Annotated[
        DryRun, Help("For dry runs only, which need only the permission to list.")
    ] = False
    events: Annotated[Events, Help("For runs that write Events.")] = True
    watch: Annotated[
        Watch, Help("For runs with --watch, which need the permissions to get and watch.")
    ] = False
    election: Annotated[
        ElectionOptions,
        But(
            {
                "leader_elect": "For runs with --leader-elect, which need a Lease.",
                "lease_duration": IGNORED,
                "renew_deadline": IGNORED,
                "retry_period": IGNORED,
            }
        ),
    ] = ElectionOptions()

    def profile(self, shard: Shard | None) -> RunProfile:
        """The same for the table of rights."""
        return RunProfile(
            writes=not self.dry_run,
            events=self.events,
            watch=self.watch,
            leader_elect=self.election.leader_elect,
            lease_namespace=self.election.lease_namespace or "",
            lease_name=self.election.name_for(shard),
        )


OfRuns = Annotated[
    ScopeOptions,
    But(
        {
            "namespaces": "For runs of this namespace. Repeatable.",
            "all_namespaces": "For runs of all namespaces.",
            "shard": "For runs of this shard.",
        }
    ),
]
