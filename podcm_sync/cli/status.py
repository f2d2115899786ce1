"""`podcm-sync status`: a table of the configs, from the plan that a run would make now."""

import logging
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Struct

from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.option import But, Help
from podcm_sync.cli.shared_options import (
    Access,
    Deletions,
    Directory,
    ScopeOptions,
    ScreenOptions,
    TextOrJson,
)
from podcm_sync.errors import ExitCode

log = logging.getLogger(__name__)


class StatusOptions(Struct, frozen=True, kw_only=True):
    """The options of `status`."""

    scope: Annotated[
        ScopeOptions,
        But(
            {
                "namespaces": "Show this namespace. Repeatable. Default: the context's namespace; "
                "with --from, all of them.",
                "all_namespaces": "Show all namespaces.",
                "shard": None,
            }
        ),
    ] = ScopeOptions()
    directory: Annotated[Directory, Help("Use manifests in DIR instead of a cluster.")] = None
    deletions: Annotated[
        Deletions,
        But(
            {
                "max_prune": "Show a run with this limit on deletions per namespace. Repeatable.",
                "max_prune_total": "Show a run with this limit on all deletions. Repeatable.",
                "policy": "Show a run with this policy.",
            }
        ),
    ] = Deletions()
    access: Access = Access()
    screen: Annotated[ScreenOptions, But({"output": "Format of the table."})] = ScreenOptions()


@verb("status", Section.INSPECT)
def status(options: StatusOptions) -> int:
    """Show the state of each PodConfigMapConfig.

    CONFIGMAPS counts those in sync, of those wanted. PENDING counts the changes that a run would
    make now. IN SYNC is Yes if nothing is pending and nothing fails.

    status changes nothing, and needs only the permission to list. It exits 0 for an answer, and 5
    if a list fails or doesn't complete.
    """
    # Late, so that --help loads nothing of it.
    from podcm_sync.cli import logs
    from podcm_sync.cli.connect import to_read
    from podcm_sync.cli.output import put, style
    from podcm_sync.output.document import as_json
    from podcm_sync.output.redact import redacted
    from podcm_sync.output.status_table import document, rows, table
    from podcm_sync.output.words import without_configs
    from podcm_sync.reconcile.report import forecast
    from podcm_sync.runtime.context import RunContext
    from podcm_sync.runtime.signals import Signals
    from podcm_sync.sync import plan_first_pass
    from podcm_sync.template.lazy import LazySandbox

    screen = options.screen
    logs.set_verbosity(screen.verbosity)
    context = RunContext()
    Signals(context).install()
    ports = to_read(
        options.directory,
        options.access,
        options.scope.namespaces,
        context,
        is_all=options.scope.all_namespaces,
    )
    guards = options.deletions.guards
    planned = plan_first_pass(ports.scope, ports.reader, guards, LazySandbox(), is_reviewed=True)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    report = forecast(planned, now, sync_policy=guards.sync_policy, digest="", expected_digest="")
    if screen.redact:
        report = redacted(report)
    configs = rows(report, planned.snapshot.configs, dict(planned.desired.matched_pods))
    if screen.output is TextOrJson.JSON:
        put(as_json(document(configs, report.incomplete, is_redacted=screen.redact)))
    elif configs:
        put("".join(f"{line}\n" for line in table(configs, style(screen.colour))))
    elif not report.incomplete:
        note = without_configs(report)
        put(f"{note[0].upper()}{note[1:]}.\n")
    for message in report.incomplete.values():
        log.error("%s", message)
    return ExitCode.INCOMPLETE if report.incomplete else ExitCode.DONE
