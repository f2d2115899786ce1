"""`podcm-sync explain`: what a run would do about one object, and why. Nothing is written.

The plan is made by the functions of a run, so that what is explained is what a run would do.
"""

import logging
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from msgspec import Struct

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cli import completion
from podcm_sync.cli.app import Section, verb
from podcm_sync.cli.option import But, Group, Help, Option
from podcm_sync.cli.shared_options import (
    Access,
    Deletions,
    Directory,
    ScreenOptions,
    TextOrJson,
    namespaces,
)
from podcm_sync.errors import ClusterError, ExitCode, InputError, NotFoundError, RunError
from podcm_sync.explain.explanation import CONFIG_MAP, Subject

if TYPE_CHECKING:
    from podcm_sync.cli.connect import Ports
    from podcm_sync.cluster.interfaces import Reader
    from podcm_sync.explain.explanation import Explanation
    from podcm_sync.reconcile.plan import Planned

log = logging.getLogger(__name__)

NAMED = 3
"""How many namespaces a hint names."""


def _subjects(words: Sequence[str]) -> tuple[Subject, ...]:
    from podcm_sync.explain.lookup import parse_subjects

    return parse_subjects(words)


class ExplainOptions(Struct, frozen=True, kw_only=True):
    """The options of `explain`; without a namespace it is the context's."""

    subjects: Annotated[
        tuple[Subject, ...],
        Option(
            group=Group.SCOPE,
            metavar="KIND/NAME",
            parse_all=_subjects,
            complete=completion.subjects,
            help="pod/NAME, configmap/NAME (cm), or pcmc/NAME. KIND NAME works too.",
        ),
    ]
    namespaces: Annotated[
        tuple[str, ...],
        Option(
            flags="-n --namespace",
            group=Group.SCOPE,
            metavar="NAME",
            is_list=False,
            parse_all=lambda name: namespaces(() if name is None else (name,)),
            complete=completion.namespaces,
            help="The namespace of the objects. Default: the context's namespace; with --from, the "
            "only one that has the object.",
        ),
    ] = ()
    directory: Annotated[Directory, Help("Use manifests in DIR instead of a cluster.")] = None
    deletions: Annotated[
        Deletions,
        But(
            {
                "max_prune": "Explain a run with this limit on deletions. Repeatable.",
                "max_prune_total": None,
            }
        ),
    ] = Deletions()
    access: Access = Access()
    screen: Annotated[
        ScreenOptions,
        But(
            {
                "output": "Format of the explanation. For several objects, json prints a line for "
                "each.",
                "verbosity": "Show every ConfigMap and Pod of a config. Log requests and "
                "tracebacks.",
            }
        ),
    ] = ScreenOptions()


@verb("explain", Section.INSPECT)
def explain(options: ExplainOptions) -> int:
    """Show why a ConfigMap exists, is missing, or would change.

    For each Pod and config, explain shows what the next run would do, and why. If a config doesn't
    select a Pod, it shows the requirement that fails and the Pod's value.

    explain changes nothing, and needs only the permission to list. It exits 0 for an answer, and 3
    if an object doesn't exist. If a list fails or doesn't complete, it exits 5.
    """
    # Late, so that --help loads nothing of it.
    from podcm_sync.cli import logs
    from podcm_sync.cli.connect import to_read
    from podcm_sync.cli.output import put
    from podcm_sync.runtime.context import RunContext
    from podcm_sync.runtime.signals import Signals
    from podcm_sync.sync import plan_first_pass
    from podcm_sync.template.lazy import LazySandbox

    logs.set_verbosity(options.screen.verbosity)
    context = RunContext()
    Signals(context).install()
    ports = to_read(options.directory, options.access, options.namespaces, context)
    planned = plan_first_pass(
        ports.scope, ports.reader, options.deletions.guards, LazySandbox(), is_reviewed=True
    )
    errors: list[RunError] = []
    for number, subject in enumerate(options.subjects):
        try:
            explanation = _explanation(subject, planned, ports, options)
        except RunError as error:
            errors.append(error)
            continue
        between = "\n" if number and options.screen.output is TextOrJson.TEXT else ""
        put(between + _rendered(explanation, options))
        if explanation.incomplete:
            errors.append(ClusterError(explanation.incomplete))
    # A list that fails does so for every object.
    different = {str(error): error for error in errors}
    for failure in different.values():
        log.error("%s", failure)
    return max((failure.exit_code for failure in errors), default=ExitCode.DONE)


def _explanation(
    subject: Subject, planned: "Planned", ports: "Ports", options: ExplainOptions
) -> "Explanation":
    """What the plan says of one object. Raises NotFoundError, InputError, ClusterError."""
    from podcm_sync.explain.explain import explain as explained
    from podcm_sync.explain.redact_explanation import redacted

    namespace = _namespace(planned, subject, options, ports.scope.namespaces or ())
    explanation = explained(
        planned,
        subject,
        namespace,
        is_taken=_is_taken(ports.reader, planned, subject, namespace),
        now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    if options.screen.redact:
        explanation = redacted(explanation)
    if explanation.is_known:
        return explanation
    if explanation.incomplete:
        raise ClusterError(explanation.incomplete)
    raise _unknown(planned, subject, namespace, ports.namespaces_of(subject.kind, subject.name))


def _namespace(
    planned: "Planned", subject: Subject, options: ExplainOptions, scope: Sequence[str]
) -> str:
    """The one namespace that is asked about, or else the only one that has the object."""
    from podcm_sync.explain.lookup import hint, namespaces_of

    places = list(scope) or namespaces_of(planned, subject)
    if len(places) > 1:
        raise InputError(
            f"{subject} is in more than one namespace",
            hint=f"add -n NAMESPACE (it exists in: {', '.join(places)})",
        )
    if not places:
        raise NotFoundError(
            f"{subject} not found in any namespace of {options.directory}",
            hint=hint(planned, subject, None),
        )
    return places[0]


def _is_taken(reader: "Reader", planned: "Planned", subject: Subject, namespace: str) -> bool:
    """Whether there is a ConfigMap of that name which the lists of a run do not show."""
    name = NamespacedName(namespace, subject.name)
    if subject.kind != CONFIG_MAP or planned.snapshot.is_incomplete(namespace):
        return False
    if any(listed.namespaced_name == name for listed in planned.snapshot.config_maps):
        return False
    return name in reader.occupied_names({namespace})


def _unknown(
    planned: "Planned", subject: Subject, namespace: str, elsewhere: Collection[str] | None
) -> NotFoundError:
    """`elsewhere` has the namespaces with such an object; None if nobody could look."""
    from podcm_sync.explain.lookup import hint

    near = hint(planned, subject, namespace)
    places = sorted(elsewhere or ())
    if places:
        found = ", ".join(places[:NAMED]) + (", …" if len(places) > NAMED else "")
        near = f"add -n {places[0]} (it exists in: {found})"
    elif elsewhere is None and not near:
        near = "add -n NAMESPACE"
    return NotFoundError(f"{subject} not found in namespace {namespace}", hint=near)


def _rendered(explanation: "Explanation", options: ExplainOptions) -> str:
    from podcm_sync.cli.output import style
    from podcm_sync.explain.explanation_text import explained, explained_document
    from podcm_sync.output.document import as_json

    screen = options.screen
    if screen.output is TextOrJson.JSON:
        return as_json(explained_document(explanation), is_one_line=len(options.subjects) > 1)
    return explained(explanation, style(screen.colour), is_verbose=screen.verbosity > 0)
