"""`podcm-sync explain`: the lists of a run and its plan, told about one object. Nothing is written.

The plan is made by the functions of a run, so that what is explained is what a run would do.
"""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from podcm_sync.cli import logs
from podcm_sync.cli.ports import to_read
from podcm_sync.cli.show import is_coloured, put
from podcm_sync.cli.signals import Signals
from podcm_sync.clock import Clock
from podcm_sync.cluster.port import Reader
from podcm_sync.core.explain.explain import explain as told
from podcm_sync.core.explain.explanation import CONFIG_MAP, Explanation, Subject
from podcm_sync.core.explain.redact import redacted
from podcm_sync.core.explain.search import hint, namespaces_of
from podcm_sync.core.guards import Guards
from podcm_sync.core.plan import Planned
from podcm_sync.errors import ClusterError, InputError, NotFoundError
from podcm_sync.model.meta import NamespacedName
from podcm_sync.settings import Access, Colour, Explained
from podcm_sync.sync import look
from podcm_sync.template.lazy import LazySandbox

INCOMPLETE = ClusterError.exit_code
log = logging.getLogger(__name__)


class Question(Struct, frozen=True, kw_only=True):
    """What is to be explained, and how it is to be said; without a namespace, the context's."""

    subject: Subject
    namespaces: tuple[str, ...]
    directory: Path | None
    access: Access
    guards: Guards
    output: Explained
    is_redacted: bool
    colour: Colour
    verbosity: int


def explain(question: Question) -> int:
    """Write the explanation to stdout; 5 where a list did not complete, else 0.

    Raises NotFoundError for an object that neither exists nor is spoken of by the plan, and
    InputError for one that several namespaces have.
    """
    logs.set_verbosity(question.verbosity)
    clock = Clock()
    Signals(clock).install()
    ports = to_read(question.directory, question.access, question.namespaces, clock)
    planned = look(ports.scope, ports.reader, question.guards, LazySandbox(), is_reviewed=True)
    namespace = _namespace(planned, question, ports.scope.namespaces or ())
    explanation = told(
        planned,
        question.subject,
        namespace,
        is_taken=_is_taken(ports.reader, planned, question.subject, namespace),
        now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    if question.is_redacted:
        explanation = redacted(explanation)
    if not explanation.is_known:
        raise _unknown(planned, question.subject, explanation)
    put(_rendered(explanation, question))
    if explanation.incomplete:
        log.error("%s", explanation.incomplete)
        return INCOMPLETE
    return 0


def _namespace(planned: Planned, question: Question, scope: Sequence[str]) -> str:
    """The one namespace that is asked about, or else the only one that has the object."""
    found = list(scope) or namespaces_of(planned, question.subject)
    named = f'{question.subject.plural} "{question.subject.name}"'
    if len(found) > 1:
        raise InputError(f"{named}: found in namespaces {', '.join(found)}; say which with -n")
    if not found:
        near = hint(planned, question.subject, None)
        raise NotFoundError(f"{named} not found in any namespace of {question.directory}{near}")
    return found[0]


def _is_taken(reader: Reader, planned: Planned, subject: Subject, namespace: str) -> bool:
    """Whether there is a ConfigMap of that name which the lists of a run do not show."""
    name = NamespacedName(namespace, subject.name)
    if subject.kind != CONFIG_MAP or planned.snapshot.is_incomplete(namespace):
        return False
    if any(each.namespaced_name == name for each in planned.snapshot.config_maps):
        return False
    return name in reader.occupied_names({namespace})


def _unknown(
    planned: Planned, subject: Subject, explanation: Explanation
) -> ClusterError | NotFoundError:
    if explanation.incomplete:
        return ClusterError(explanation.incomplete)
    near = hint(planned, subject, explanation.namespace)
    return NotFoundError(
        f'{subject.plural} "{subject.name}" not found in namespace {explanation.namespace}{near}'
    )


def _rendered(explanation: Explanation, question: Question) -> str:
    if question.output is Explained.JSON:
        from podcm_sync.render.document import as_json
        from podcm_sync.render.explained_document import explained_document

        return as_json(explained_document(explanation))
    from podcm_sync.render.explained import explained

    return explained(
        explanation,
        is_coloured=is_coloured(question.colour),
        is_verbose=question.verbosity > 0,
    )
