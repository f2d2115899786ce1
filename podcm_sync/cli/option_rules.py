"""What goes with what: which options need, exclude or imply which, in one table."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from inspect import signature
from typing import Any, Final

import typer
from msgspec import Struct

from podcm_sync.errors import UsageError
from podcm_sync.reconcile.validate import is_namespace, is_subdomain

JITTER: Final = 1.2
"""What client-go asks of the renew deadline: more than so many retry periods."""


class Rule(Struct, frozen=True):
    """A combination of options that cannot be meant.

    The parameters of `is_broken` are the fields that it is about; a verb that doesn't have all of
    them isn't asked. `given` is the set of the fields that stand on the command line itself, and
    not in a variable. The message may quote the fields.
    """

    message: str
    is_broken: Callable[..., object]
    hint: str = ""
    """What to write instead; "" for the command's own help."""


RULES: Final = (
    Rule(
        "give either -n or -A, not both",
        lambda namespaces, all_namespaces: namespaces and all_namespaces,
    ),
    Rule(
        "--shard requires -A",
        lambda shard, all_namespaces: shard and not all_namespaces,
    ),
    Rule(
        "-f requires --dry-run",
        lambda files, dry_run: files and not dry_run,
        "add --dry-run to preview the files, or kubectl apply them and run without -f",
    ),
    Rule(
        "--only-files requires -f",
        lambda only_files, files: only_files and not files,
        "add -f FILE; without files, every config would count as deleted",
    ),
    Rule(
        "--plan-out requires --dry-run",
        lambda plan_out, dry_run: plan_out and not dry_run,
    ),
    Rule(
        "--plan-out can't be combined with --redact",
        lambda plan_out, redact: plan_out and redact,
        "leave out --redact, since apply needs the values; print the plan with "
        "podcm-sync show --redact",
    ),
    Rule(
        "--loop can't be combined with --plan-out or --expect-plan",
        lambda loop, plan_out, expect_plan: loop and (plan_out or expect_plan),
    ),
    Rule(
        "-o markdown can't be combined with --loop",
        lambda output, loop: output == "markdown" and loop,
    ),
    Rule(
        "--max-bytes requires -o markdown",
        lambda output, given: output != "markdown" and "max_bytes" in given,
    ),
    Rule(
        "--leader-elect requires --loop, and can't be combined with --dry-run or --from",
        lambda leader_elect, loop, dry_run, directory: (
            leader_elect and (not loop or dry_run or directory is not None)
        ),
    ),
    Rule(
        "--watch requires --loop, and can't be combined with --dry-run or --from",
        lambda watch, loop, dry_run, directory: (
            watch and (not loop or dry_run or directory is not None)
        ),
    ),
    Rule(
        "--metrics-file can't be combined with --leader-elect",
        lambda metrics_file, leader_elect: metrics_file and leader_elect,
        "use --listen or --push-gateway; a replica that no longer leads would leave its file "
        "behind",
    ),
    Rule(
        "--listen requires --loop",
        lambda listen, loop: listen and not loop,
        "for a single run, use --push-gateway or --metrics-file",
    ),
    Rule(
        "--dry-run can't be combined with --push-gateway, --metrics-file, or --listen",
        lambda dry_run, push_gateway, metrics_file, listen: (
            dry_run and (push_gateway or metrics_file or listen)
        ),
        "leave them out; metrics of a dry run would pass for those of a real run",
    ),
    Rule(
        "--as has characters that an HTTP header can't have",
        lambda impersonate: impersonate is not None and not _is_header(impersonate),
    ),
    Rule(
        "--as-group has characters that an HTTP header can't have",
        lambda impersonate_groups: not all(map(_is_header, impersonate_groups)),
    ),
    Rule("--interval must be more than 0", lambda interval: not interval),
    Rule(
        "--lease-namespace: {lease_namespace!r} isn't a valid namespace name",
        lambda leader_elect, lease_namespace: (
            leader_elect and lease_namespace is not None and not is_namespace(lease_namespace)
        ),
    ),
    Rule(
        "--lease-name: {lease_name!r} isn't a valid Lease name",
        lambda leader_elect, lease_name: (
            leader_elect and lease_name is not None and not is_subdomain(lease_name)
        ),
    ),
    Rule(
        "--retry-period must be more than 0",
        lambda leader_elect, retry_period: leader_elect and not retry_period,
    ),
    Rule(
        f"--renew-deadline must be more than {JITTER} times --retry-period, {{retry_period:g}}s",
        lambda leader_elect, renew_deadline, retry_period: (
            leader_elect and renew_deadline <= retry_period * JITTER
        ),
    ),
    Rule(
        "--lease-duration must be more than --renew-deadline, {renew_deadline:g}s, and at least 1s",
        lambda leader_elect, lease_duration, renew_deadline: (
            leader_elect and (lease_duration <= renew_deadline or lease_duration < 1)
        ),
    ),
)
"""In the order in which they are asked; the first that is broken is the usage error."""


def check(values: Mapping[str, Any], given: AbstractSet[str]) -> None:
    """Raises UsageError for a combination that cannot be meant."""
    for rule in RULES:
        facts = {**values, "given": given}
        names = signature(rule.is_broken).parameters.keys()
        if names <= facts.keys() and rule.is_broken(**{name: facts[name] for name in names}):
            raise UsageError(rule.message.format_map(values), hint=rule.hint)


def is_for_a_subcommand(context: typer.Context) -> bool:
    """Whether a subcommand follows, which then does the work. Raises UsageError.

    PODCM_SYNC_DRY_RUN is there to prevent writes, so `apply` must not seem to heed it.
    """
    if context.invoked_subcommand == "apply" and context.params.get("dry_run"):
        raise UsageError(
            "apply changes the cluster, but PODCM_SYNC_DRY_RUN is set",
            hint="unset PODCM_SYNC_DRY_RUN, or print the plan with podcm-sync show",
        )
    return context.invoked_subcommand is not None


def _is_header(text: str) -> bool:
    return text.isascii() and text.isprintable()
