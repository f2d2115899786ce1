"""Which values are masked, which facts stay, and that a diff still informs."""

from msgspec.structs import replace

from podcm_sync.api.finding import Quotes, quote
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Condition, ConfigMap, PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason
from podcm_sync.output.redact import redacted
from podcm_sync.reconcile.changes import (
    Change,
    DesiredConfigMap,
    Outcome,
    Result,
    StatusOutcome,
    StatusUpdate,
    Verb,
)
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests.builders import change, condition, config_map, desired, outcome, pod, problem

WITHHELD = "(details withheld by --redact)"
FACTS = {"podName": "web-0", "namespace": "shop", "nodeName": "node-a", "phase": "Running"}


def report(*outcomes: Outcome, **parts: object) -> Report:
    empty = Report(
        is_prediction=True,
        scope=Scope(namespaces=None),
        outcomes=outcomes,
        statuses=(),
        problems=(),
        incomplete={},
    )
    return replace(empty, **parts)


def masked(existing: ConfigMap | None, wanted: DesiredConfigMap | None, *others: Outcome) -> Change:
    of = change(Verb.UPDATE, Reason.OUT_OF_SYNC, existing=existing, wanted=wanted)
    made = outcome(Result.UPDATED, Reason.OUT_OF_SYNC, of=of)
    return redacted(report(made, *others)).outcomes[0].change


def test_facts_of_the_pod_stay_and_all_else_is_masked() -> None:
    after = masked(config_map(more_data={"a": "1", "b": "2"}), desired(more_data={"a": "2"}))
    assert after.existing is not None
    assert after.desired is not None
    assert after.existing.data == {**FACTS, "a": "<redacted-1>", "b": "<redacted-2>"}
    assert after.desired.data == {**FACTS, "a": "<redacted-2>"}


def test_binary_data_is_masked_and_others_metadata_is_not_there() -> None:
    existing = config_map(
        data=FACTS,
        binary_data={"blob": "AAE="},
        annotations={"last-applied": "s3cret", "podconfig.example.com/prune": "enabled"},
        labels={"team": "s3cret"},
    )
    after = masked(existing, desired()).existing
    assert after is not None
    assert after.binary_data == {"blob": "<redacted-1>"}
    assert after.annotations == {"podconfig.example.com/prune": "enabled"}
    assert "s3cret" not in after.labels.values()


def test_a_fact_that_a_template_replaced_is_masked_on_both_sides() -> None:
    wanted = replace(
        desired(data={**FACTS, "nodeName": "s3cret", "phase": "Running"}),
        replaced_facts=("nodeName", "phase"),
    )
    after = masked(config_map(), wanted)
    assert after.existing is not None
    assert after.desired is not None
    masks = {"nodeName": "<redacted-1>", "phase": "<redacted-2>"}
    assert after.existing.data == {**FACTS, **masks}
    assert after.desired.data == {**FACTS, "nodeName": "<redacted-3>", "phase": "<redacted-2>"}


def test_what_somebody_put_in_a_facts_place_is_masked() -> None:
    """On the existing side a fact must be one: of this Pod, a known node, one of the phases."""
    existing = config_map(
        data={"podName": "s3cret", "namespace": "s3cret", "nodeName": "s3cret", "phase": "s3cret"}
    )
    after = masked(existing, desired()).existing
    assert after is not None
    assert set(after.data.values()) == {"<redacted-1>"}


def test_a_node_that_another_pod_is_on_is_known() -> None:
    other = change(Verb.KEEP, wanted=desired(pod("web-1", node_name="node-b")))
    existing = config_map(data={**FACTS, "nodeName": "node-b"})
    after = masked(existing, desired(), outcome(Result.UNCHANGED, of=other)).existing
    assert after is not None
    assert after.data["nodeName"] == "node-b"


def test_a_value_that_looks_like_a_mask_is_masked() -> None:
    after = masked(config_map(more_data={"a": "<redacted-2>", "b": "x"}), None).existing
    assert after is not None
    assert (after.data["a"], after.data["b"]) == ("<redacted-1>", "<redacted-2>")


def test_our_own_messages_stay_and_refusals_go() -> None:
    kept = outcome(Result.SKIPPED, Reason.FOREIGN, message="it is another's", quoted=())
    refused = outcome(Result.FAILED, Reason.REJECTED, code=422, message='"s3cret" is wrong')
    gone = outcome(Result.SKIPPED, Reason.NAMESPACE_TERMINATING, code=403, message="s3cret")
    messages = [each.message for each in redacted(report(kept, refused, gone)).outcomes]
    assert messages == ["it is another's", f"HTTP 422 {WITHHELD}", f"HTTP 403 {WITHHELD}"]


def test_statuses_say_what_the_masked_outcomes_say() -> None:
    failed = outcome(Result.FAILED, Reason.REJECTED, code=422, message='"s3cret" is wrong')
    conditions = (
        condition(status="False", reason="SomeConfigMapsFailed", message='x: "s3cret" is wrong'),
        condition("example.com/Audited", message="s3cret"),
        condition("Stalled", reason="InvalidSpec", message="spec.a: s3cret. What it has stays"),
    )
    quoted = quote("s3cret. What it has stays")
    ready, audited, stalled = _conditions(failed, *conditions, quoted=quoted)
    assert ready.message == (
        f"Rejected: HTTP 422 {WITHHELD} (1 ConfigMap: pod-web-0-from-web-cfg). "
        "Follow the message; if podcm-sync caused it, report a bug."
    )
    assert audited.message == WITHHELD
    assert stalled.message == f"spec.a: {WITHHELD}"
    assert (ready.status, ready.reason) == ("False", "SomeConfigMapsFailed")


def test_a_status_that_is_well_keeps_its_message() -> None:
    (ready,) = _conditions(outcome(), condition(message="1 ConfigMap in sync, 1 Pod selected"))
    assert ready.message == "1 ConfigMap in sync, 1 Pod selected"


def _conditions(
    made: Outcome, *conditions: Condition, quoted: Quotes = None
) -> tuple[Condition, ...]:
    update = StatusUpdate(
        namespaced_name=NamespacedName("shop", "web"),
        uid="uid-1",
        resource_version="1",
        existing=PodConfigMapConfigStatus(),
        desired=PodConfigMapConfigStatus(conditions=conditions),
        quoted=quoted,
    )
    status = StatusOutcome(update=update, result=Result.UPDATED, reason=None, message="")
    return redacted(report(made, statuses=(status,))).statuses[0].update.desired.conditions


def test_problems_and_incomplete_lists_say_where_but_not_what() -> None:
    broken = problem(
        message="spec.nodeName: s3cret", quoted=quote("s3cret"), labels={"tier": "s3cret"}
    )
    lost = "cannot list pods: HTTP 500: s3cret"
    quoted = {lost: quote("HTTP 500: s3cret", "HTTP 500")}
    after = redacted(report(problems=(broken,), incomplete={"a": lost, "b": "s3c"}, quoted=quoted))
    assert after.problems[0].message == f"spec.nodeName: {WITHHELD}"
    assert after.problems[0].labels is None
    assert after.incomplete == {"a": f"cannot list pods: HTTP 500 {WITHHELD}", "b": WITHHELD}
    assert "s3c" not in repr(after)
    assert after.is_redacted
