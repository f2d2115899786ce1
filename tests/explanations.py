"""explanation_of(): what `explain` says of an object of a snapshot, and valid_explanation()."""

import json
from typing import Any

from podcm_sync.cluster.interfaces import Reader
from podcm_sync.explain.explain import explain
from podcm_sync.explain.explanation import Explanation, Subject
from podcm_sync.explain.explanation_text import explained_document
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.prune import Guards, parse_limit
from podcm_sync.reconcile.renderer import NO_RENDERER, Renderer
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import plan_pass
from tests.builders import NAMESPACE, NOW, Object
from tests.documents import EXPLANATION, valid_by
from tests.fakes import FakeCluster

EVERYWHERE = Scope(namespaces=None)


def decided(
    reader: Reader, *max_prune: str, scope: Scope = EVERYWHERE, renderer: Renderer = NO_RENDERER
) -> Planned:
    """What a run's first pass decides."""
    snapshot = reader.snapshot(scope)
    guards = Guards(max_prune=tuple(map(parse_limit, max_prune)))
    return plan_pass(snapshot, build(snapshot, renderer), reader, guards)


def explanation_of(
    kind: str,
    name: str,
    *objects: Object,
    max_prune: tuple[str, ...] = (),
    is_taken: bool = False,
    renderer: Renderer = NO_RENDERER,
) -> Explanation:
    """What is said of an object of a cluster with these in it."""
    plan = decided(FakeCluster(*objects), *max_prune, renderer=renderer)
    subject = Subject(kind=kind, name=name)
    return explain(plan, subject, NAMESPACE, is_taken=is_taken, now=NOW)


def valid_explanation(explanation: Explanation) -> dict[str, Any]:
    """The document as its readers get it, if it is valid by its schema."""
    content: dict[str, Any] = json.loads(json.dumps(explained_document(explanation)))
    valid_by(EXPLANATION, content)
    return content
