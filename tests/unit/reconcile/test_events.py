"""StatusOutcomes → Events (issue: Warning on a new kind of failure, Normal on recovery)."""

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Condition, PodConfigMapConfigStatus
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Result, StatusOutcome, StatusUpdate
from podcm_sync.reconcile.events import Event, events, manifest, shortened
from tests.builders import NOW, condition

NEW = condition(status="Unknown", reason="Pending")
SYNCED = condition(message="3 ConfigMaps in step, 3 Pods selected")
FAILED = condition(status="False", reason="SomeConfigMapsFailed", message="pod-a: Foreign")
FAILED_MORE = condition(status="False", reason="SomeConfigMapsFailed", message="pod-b: TooLarge")
INVALID = condition(status="False", reason="InvalidSpec", message="spec.x: wrong")
HELD = condition(status="False", reason="PruneBlocked", message="held back")
OTHERS = condition("example.com/Audited", "False", "Bad")


def came_to(
    before: Condition | None,
    after: Condition | None,
    result: Result = Result.UPDATED,
    *,
    name: str = "web",
    version: str = "7",
) -> StatusOutcome:
    def status(ready: Condition | None) -> PodConfigMapConfigStatus:
        return PodConfigMapConfigStatus(conditions=(OTHERS, ready) if ready else (OTHERS,))

    update = StatusUpdate(
        namespaced_name=NamespacedName("shop", name),
        uid="uid-1",
        resource_version=version,
        existing=status(before),
        desired=status(after),
    )
    reason = Reason.CONFLICT if result is Result.FAILED else None
    return StatusOutcome(update=update, result=result, reason=reason, message="")


def only(outcome: StatusOutcome) -> Event:
    (event,) = events([outcome], NOW)
    return event


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param(NEW, FAILED, ("Warning", "SomeConfigMapsFailed"), id="fails at once"),
        pytest.param(None, INVALID, ("Warning", "InvalidSpec"), id="stored without a condition"),
        pytest.param(SYNCED, HELD, ("Warning", "PruneBlocked"), id="begins to fail"),
        pytest.param(FAILED, INVALID, ("Warning", "InvalidSpec"), id="fails in another way"),
        pytest.param(INVALID, FAILED, ("Warning", "SomeConfigMapsFailed"), id="and back"),
        pytest.param(FAILED, SYNCED, ("Normal", "Recovered"), id="recovers"),
        pytest.param(NEW, SYNCED, None, id="a first success"),
        pytest.param(None, SYNCED, None, id="a first success without a condition before"),
        pytest.param(FAILED, FAILED_MORE, None, id="other objects, the same kind"),
        pytest.param(SYNCED, SYNCED, None, id="counts that change"),
        pytest.param(FAILED, None, None, id="no condition any more"),
    ],
)
def test_what_is_said_of_a_change(
    before: Condition | None, after: Condition | None, said: tuple[str, str] | None
) -> None:
    found = [(event.type, event.reason) for event in events([came_to(before, after)], NOW)]
    assert found == ([] if said is None else [said])


@pytest.mark.parametrize("result", [Result.FAILED, Result.SKIPPED, Result.UNCHANGED])
def test_what_was_not_stored_is_not_said(result: Result) -> None:
    """The next run sees the change again, and says it then."""
    assert events([came_to(SYNCED, FAILED, result)], NOW) == ()


def test_each_config_has_its_own_in_order() -> None:
    found = events(
        [came_to(SYNCED, FAILED, name=name) for name in ("b", "a")]
        + [came_to(FAILED, SYNCED, name="c")],
        NOW,
    )
    assert [(event.config.name, event.type) for event in found] == [
        ("b", "Warning"),
        ("a", "Warning"),
        ("c", "Normal"),
    ]


def test_the_name_is_one_for_one_stored_change() -> None:
    """So that a repeated POST meets itself."""
    name = only(came_to(SYNCED, FAILED)).namespaced_name
    assert name == only(came_to(SYNCED, FAILED)).namespaced_name
    assert name != only(came_to(SYNCED, FAILED, version="8")).namespaced_name
    assert name.namespace == "shop"
    stem, _, digest = name.name.rpartition(".")
    assert (stem, len(digest)) == ("web", 16)


@pytest.mark.parametrize("name", ["n" * 253, "n" * 235 + ".b" * 9, "n" * 237])
def test_a_long_name_is_cut_to_a_legal_one(name: str) -> None:
    found = only(came_to(SYNCED, FAILED, name=name)).namespaced_name.name
    assert len(found) <= 253
    stem, _, digest = found.rpartition(".")
    assert len(digest) == 16
    assert stem[-1].isalnum()
    assert name.startswith(stem)


def test_the_manifest_is_an_event_of_the_new_api() -> None:
    event = only(came_to(SYNCED, FAILED))
    assert manifest(event, "podcm-sync-29-abcde") == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"namespace": "shop", "name": event.namespaced_name.name},
        "eventTime": "2026-11-22T12:00:00.000000Z",
        "reportingController": "podconfig.example.com/podcm-sync",
        "reportingInstance": "podcm-sync-29-abcde",
        "action": "Sync",
        "reason": "SomeConfigMapsFailed",
        "note": "pod-a: Foreign",
        "regarding": {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "namespace": "shop",
            "name": "web",
            "uid": "uid-1",
            "resourceVersion": "7",
        },
        "type": "Warning",
    }


@pytest.mark.parametrize(("instance", "said"), [("", "podcm-sync"), ("h" * 200, "h" * 128)])
def test_an_instance_is_never_empty_nor_too_long(instance: str, said: str) -> None:
    assert manifest(only(came_to(SYNCED, FAILED)), instance)["reportingInstance"] == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("short", "short"),
        ("x" * 10, "x" * 10),
        ("x" * 11, "x" * 7 + "…"),
        ("ééééééééé", "ééé…"),
        ("😀😀😀", "😀…"),
        ("abc    defg", "abc…"),
    ],
)
def test_a_note_is_cut_between_characters(text: str, said: str) -> None:
    assert shortened(text, 10) == said
    assert len(said.encode()) <= 10


def test_a_long_message_fits_the_apis_limit() -> None:
    long = condition(status="False", reason="InvalidSpec", message="ä" * 2_048)
    note = only(came_to(SYNCED, long)).note
    assert 1_020 < len(note.encode()) <= 1_024
    assert note.endswith("…")
