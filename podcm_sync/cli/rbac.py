"""`podcm-sync rbac`: the least Roles for the options of a run, for `kubectl apply -f -`.

It asks no cluster: the answer is a function of the options alone.
"""

import shlex
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

from msgspec import Struct

from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.option import Group, Ignored, Option
from podcm_sync.cli.profile_options import OfRuns, ProfileOptions
from podcm_sync.cli.shared_options import Access, Colour, Colouring, LogOptions, ScopeOptions
from podcm_sync.cli.sync_options import OtherOptions
from podcm_sync.errors import ExitCode
from podcm_sync.rbac.rights import LEASE, NAME, RunProfile, Subject, roles
from podcm_sync.reconcile.validate import is_namespace, is_subdomain


class Manifests(StrEnum):
    """The formats of objects for `kubectl apply`."""

    YAML = "yaml"
    JSON = "json"


def _name(text: str) -> str:
    if not is_subdomain(text):
        raise ValueError(f"{text!r} isn't a valid Role name")
    return text


def _subject(text: str) -> Subject:
    namespace, _, name = text.partition(":")
    if not (is_namespace(namespace) and is_subdomain(name)):
        raise ValueError(f"{text!r} isn't NAMESPACE:SERVICEACCOUNT; write podcm-sync:podcm-sync")
    return Subject(namespace=namespace, name=name)


class RbacOptions(Struct, frozen=True, kw_only=True):
    """The options of `rbac`: those of a run, and what to call and bind the Roles."""

    scope: OfRuns = ScopeOptions()
    run: ProfileOptions = ProfileOptions()
    name: Annotated[
        str,
        Option(
            flags="--name",
            has_variable=False,
            group=Group.OUTPUT,
            metavar="NAME",
            parse=_name,
            help="Name of the Roles.",
        ),
    ] = NAME
    bind: Annotated[
        Subject | None,
        Option(
            flags="--bind",
            has_variable=False,
            group=Group.OUTPUT,
            metavar="NAMESPACE:SERVICEACCOUNT",
            parse=_subject,
            help="Also print the bindings to this ServiceAccount.",
        ),
    ] = None
    output: Annotated[
        Manifests,
        Option(
            flags="-o --output",
            has_variable=False,
            group=Group.OUTPUT,
            help="Format of the objects.",
        ),
    ] = Manifests.YAML
    log: LogOptions = LogOptions()
    access: Annotated[Access, Ignored()] = Access()
    colour: Annotated[Colouring, Ignored()] = Colour.AUTO
    others: OtherOptions = OtherOptions()


@verb("rbac", Section.SET_UP)
def print_rbac(options: RbacOptions) -> int:
    """Print the least Role or ClusterRole for a run.

    Give the options of the run. podcm-sync prints a Role for each -n, and a ClusterRole for -A. If
    you give neither, the Role has no namespace; apply it with kubectl apply -n. Needs no cluster.
    """
    from podcm_sync.cli.output import put
    from podcm_sync.rbac import role_manifests

    scope, subject, name = options.scope, options.bind, options.name
    profile = options.run.profile(scope.shard)
    namespaces = None if scope.all_namespaces else scope.namespaces or ("",)
    made = roles(profile, namespaces, name=name, subject=subject)
    if options.output is Manifests.JSON:
        put(role_manifests.as_list(made))
        return ExitCode.DONE
    words = command(profile, scope.namespaces, is_all=scope.all_namespaces, subject=subject)
    words += [f"--name={name}"] * (name != NAME)
    put(role_manifests.yaml(made, shlex.join(words)))
    return ExitCode.DONE


def command(
    use: RunProfile,
    namespaces: Sequence[str],
    *,
    is_all: bool,
    subject: Subject | None = None,
) -> list[str]:
    """The words of the command that prints the Roles of these options."""
    scope = ["-A"] if is_all else [word for namespace in namespaces for word in ("-n", namespace)]
    words = ["podcm-sync", "rbac", *scope]
    words += ["--dry-run"] * (not use.writes)
    words += ["--no-events"] * (use.writes and not use.events)
    words += ["--watch"] * use.watch
    if use.leader_elect:
        words.append("--leader-elect")
        words += [f"--lease-namespace={use.lease_namespace}"] * bool(use.lease_namespace)
        words += [f"--lease-name={use.lease_name}"] * (use.lease_name != LEASE)
    words += [f"--bind={subject}"] if subject else []
    return words
