"""`explain --redact` holds no value, nor six characters of one; all else is as it was.

The worlds are those of the law of reports: values are planted wherever one can come from.
"""

import json
import re
from collections.abc import Iterator, Sequence

from hypothesis import given

from podcm_sync.api.meta import KIND
from podcm_sync.explain.explain import explain
from podcm_sync.explain.explanation import CONFIG_MAP, POD, Explanation, Subject
from podcm_sync.explain.explanation_text import explained, explained_document
from podcm_sync.explain.redact_explanation import redacted
from podcm_sync.output.document import as_json
from podcm_sync.output.terminal import Style
from tests.builders import NAMESPACE, NOW, Json, pcmc, pod
from tests.explanations import decided, explanation_of, valid_explanation
from tests.fakes import FakeCluster
from tests.laws.test_redacted_output_holds_no_value import PLANTED, SANDBOX, worlds

HIDDEN = {"message", "problem", "actual", "values", "selector", "findings", "incomplete"}


def explanations(cluster: FakeCluster) -> Iterator[Explanation]:
    """Of every object there is, and of every one that the plan names."""
    plan = decided(cluster, "0", renderer=SANDBOX)
    names = {(kind, name.name) for kind, name in cluster.stored}
    for change in plan.plan.changes:
        names |= {(KIND, change.pcmc_name), (CONFIG_MAP, change.namespaced_name.name)}
        names |= {(POD, change.pod_name)} if change.pod_name else set()
    for kind, name in sorted(names):
        yield explain(plan, Subject(kind=kind, name=name), NAMESPACE, now=NOW)


def every_format(explanation: Explanation) -> Sequence[str]:
    return [
        explained(explanation),
        explained(explanation, Style(is_colored=True, columns=80), is_verbose=True),
        as_json(explained_document(explanation)),
        repr(explanation),
    ]


@given(cluster=worlds())
def test_no_format_holds_six_characters_of_a_value(cluster: FakeCluster) -> None:
    for explanation in explanations(cluster):
        for shown in every_format(redacted(explanation)):
            assert re.findall("[QZXJKVW]{6,}", shown) == []


@given(cluster=worlds())
def test_all_but_values_and_messages_is_as_it_was(cluster: FakeCluster) -> None:
    for explanation in explanations(cluster):
        masked = valid_explanation(redacted(explanation))
        assert masked.pop("redacted") is True
        assert outline(masked) == outline(valid_explanation(explanation))


def outline(content: object) -> object:
    """The document without the strings that may hold a value."""
    if isinstance(content, list):
        return [outline(each) for each in content]
    if not isinstance(content, dict):
        return content
    shown: Json = {
        key: (len(value) if isinstance(value, list) else True) if key in HIDDEN else outline(value)
        for key, value in content.items()
    }
    if isinstance(labels := content.get("labels"), dict):
        shown["labels"] = sorted(labels)
    if "count" in content:
        shown["requirements"] = len(content["requirements"])
    return shown


@given(cluster=worlds())
def test_a_pod_has_the_mask_that_a_selector_asks_for_only_where_it_has_the_value(
    cluster: FakeCluster,
) -> None:
    for explanation in explanations(cluster):
        for verdict in redacted(explanation).verdicts:
            for each in verdict.requirements:
                if each.operator in {"=", "In"}:
                    assert (each.actual in each.values) == each.satisfied


def test_the_plants_would_be_seen() -> None:
    """The law must be able to fail: without redaction they are there."""
    asked = pcmc(match_labels={"app": "QZXJKVWQ"})
    plain = explanation_of(POD, "web-0", pod(labels={"app": "ZZZZZZZZ"}), asked)
    assert all(len(PLANTED.findall(shown)) >= 2 for shown in every_format(plain))
    text = explained(redacted(plain))
    assert "needs app=<redacted-2>, Pod has app=<redacted-1>" in text
    whole = redacted(explanation_of(KIND, "web", pod(labels={"app": "ZZZZZZZZ"}), asked))
    assert "selects Pods with app=<redacted-1> (0 of 1 Pods)" in explained(whole)
    assert "not selected: 1 Pod: needs app=<redacted-1> (" in explained(whole)
    assert "(web-0 has app=<redacted-2>)\n" in explained(whole)
    assert json.loads(as_json(explained_document(plain))).get("redacted") is None
