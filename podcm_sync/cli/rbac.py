"""`podcm-sync rbac`: the least Roles for the options of a run, for `kubectl apply -f -`.

It asks no cluster: the answer is a function of the options alone.
"""

import shlex
from collections.abc import Sequence

from podcm_sync.cli.show import put
from podcm_sync.core.rights import Subject, roles
from podcm_sync.model.rights import LEASE, Use
from podcm_sync.render import rbac as render
from podcm_sync.settings import Manifests


def print_roles(  # noqa: PLR0913 - the options of the command
    use: Use,
    namespaces: tuple[str, ...],
    *,
    is_all: bool,
    name: str,
    lease_namespace: str,
    subject: Subject | None,
    output: Manifests,
) -> int:
    """Write the Roles to stdout; the exit code. Raises OutputError."""
    made = roles(
        use,
        None if is_all else namespaces or ("",),
        name=name,
        lease_namespace=lease_namespace,
        subject=subject,
    )
    if output is Manifests.JSON:
        put(render.as_list(made))
        return 0
    words = command(
        use, namespaces, is_all=is_all, lease_namespace=lease_namespace, subject=subject
    )
    words += [f"--name={name}"] * (name != LEASE)
    put(render.yaml(made, shlex.join(words)))
    return 0


def command(
    use: Use,
    namespaces: Sequence[str],
    *,
    is_all: bool,
    lease_namespace: str = "",
    subject: Subject | None = None,
) -> list[str]:
    """The words of the command that prints the Roles of these options."""
    scope = ["-A"] if is_all else [word for each in namespaces for word in ("-n", each)]
    words = ["podcm-sync", "rbac", *scope]
    words += ["--dry-run"] * (not use.writes)
    words += ["--no-events"] * (use.writes and not use.events)
    words += ["--leader-elect"] * use.leader_elect
    words += [f"--lease-namespace={lease_namespace}"] * bool(use.leader_elect and lease_namespace)
    words += [f"--bind={subject}"] if subject else []
    return words
