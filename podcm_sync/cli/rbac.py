"""`podcm-sync rbac`: the least Roles for the options of a run, for `kubectl apply -f -`.

It asks no cluster: the answer is a function of the options alone.
"""

import shlex
from collections.abc import Sequence

from podcm_sync.cli.show import put
from podcm_sync.core.rights import NAME, Subject, roles
from podcm_sync.model.rights import LEASE, Use
from podcm_sync.render import rbac as render
from podcm_sync.settings import Manifests


def print_roles(  # noqa: PLR0913 - the options of the command
    use: Use,
    namespaces: tuple[str, ...],
    *,
    is_all: bool,
    name: str,
    subject: Subject | None,
    output: Manifests,
) -> int:
    """Write the Roles to stdout; the exit code. Raises OutputError."""
    made = roles(
        use,
        None if is_all else namespaces or ("",),
        name=name,
        subject=subject,
    )
    if output is Manifests.JSON:
        put(render.as_list(made))
        return 0
    words = command(use, namespaces, is_all=is_all, subject=subject)
    words += [f"--name={name}"] * (name != NAME)
    put(render.yaml(made, shlex.join(words)))
    return 0


def command(
    use: Use,
    namespaces: Sequence[str],
    *,
    is_all: bool,
    subject: Subject | None = None,
) -> list[str]:
    """The words of the command that prints the Roles of these options."""
    scope = ["-A"] if is_all else [word for each in namespaces for word in ("-n", each)]
    words = ["podcm-sync", "rbac", *scope]
    words += ["--dry-run"] * (not use.writes)
    words += ["--no-events"] * (use.writes and not use.events)
    if use.leader_elect:
        words.append("--leader-elect")
        words += [f"--lease-namespace={use.lease_namespace}"] * bool(use.lease_namespace)
        words += [f"--lease-name={use.lease_name}"] * (use.lease_name != LEASE)
    words += [f"--bind={subject}"] if subject else []
    return words
