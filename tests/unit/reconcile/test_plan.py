"""Snapshot and desired → plan (behavior.md §2.3, §3): each reason that a plan can give."""

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import ConfigMap, PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import managed_fields
from podcm_sync.reconcile.changes import Change, Plan, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import creates_in, diff, has_conflict
from podcm_sync.reconcile.snapshot import Snapshot
from tests.builders import (
    GENERATED_BY,
    MANAGED_BY,
    PCMC_NAME,
    POD_UID,
    Object,
    config_map,
    desired,
    owner,
    pcmc,
    pod,
    problem,
    snapshot,
)

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
NAME = NamespacedName("shop", "pod-web-0-from-web-cfg")


def plan(seen: Snapshot, *taken: NamespacedName) -> tuple[Change, ...]:
    return diff(seen, build(seen), dict.fromkeys(taken, False)).changes


def only(seen: Snapshot, *taken: NamespacedName) -> tuple[Verb, Reason]:
    """Verb and reason of the one change of a plan."""
    (change,) = plan(seen, *taken)
    assert change.namespaced_name == NAME
    return change.verb, change.reason


def test_missing_is_created() -> None:
    (change,) = plan(snapshot(pod(), pcmc()))
    assert (change.verb, change.reason) == (Verb.CREATE, Reason.MISSING)
    assert (change.existing, change.desired) == (None, desired())
    assert (change.pod_name, change.pcmc_name) == ("web-0", "web")


def test_in_step_is_kept() -> None:
    assert only(snapshot(pod(), pcmc(), config_map())) == (Verb.KEEP, Reason.IN_SYNC)


@pytest.mark.parametrize(
    ("existing", "differs"),
    [
        pytest.param(config_map(more_data={"phase": "Pending"}), "data.phase", id="a value"),
        pytest.param(config_map(more_data={"added": "x"}), "data.added", id="an added key"),
        pytest.param(config_map(binary_data={"b": "AA=="}), "binaryData", id="binaryData"),
        pytest.param(config_map(owners=[]), "metadata.ownerReferences", id="the owner"),
        pytest.param(
            config_map(annotations={PCMC_NAME: "web"}), "metadata.annotations", id="annotation"
        ),
        pytest.param(
            config_map(more_data={"a": "1", "b": "2", "c": "3"}),
            "data.a, data.b, data.c",
            id="three paths",
        ),
        pytest.param(
            config_map(data={}),
            "data.namespace, data.nodeName, data.phase and 1 more",
            id="more than three paths",
        ),
    ],
)
def test_drifted_is_updated_and_says_which_paths(existing: ConfigMap, differs: str) -> None:
    """behavior.md §3: drift in what is ours is put back; the message names paths, never values."""
    (change,) = plan(snapshot(pod(), pcmc(), existing))
    assert (change.verb, change.reason) == (Verb.UPDATE, Reason.OUT_OF_SYNC)
    assert change.message == differs
    assert (change.existing, change.desired) == (existing, desired())


def test_the_go_controllers_config_map_is_adopted_in_place() -> None:
    """§3: ours by both labels and the form; `managed-by` alone is no reason for a write."""
    go = config_map(labels={MANAGED_BY: None}, owners=[owner()])
    assert only(snapshot(pod(), pcmc(), go)) == (Verb.KEEP, Reason.IN_SYNC)
    drifted = config_map(labels={MANAGED_BY: None}, more_data={"phase": "Pending"})
    assert only(snapshot(pod(), pcmc(), drifted)) == (Verb.UPDATE, Reason.OUT_OF_SYNC)


def test_the_config_map_of_a_recreated_pod_is_updated_in_place() -> None:
    """behavior.md §3: one update (owner reference, pod-uid label, data)."""
    (change,) = plan(snapshot(pod(uid="new"), pcmc(), config_map(made_for=pod(uid="old"))))
    assert (change.verb, change.reason) == (Verb.UPDATE, Reason.POD_RECREATED)
    assert change.message == "metadata.labels, metadata.ownerReferences"


@pytest.mark.parametrize(
    "existing",
    [
        pytest.param(config_map(labels={POD_UID: "edited"}), id="the label edited"),
        pytest.param(
            config_map(made_for=pod(uid="old"), owners=[]),
            id="another uid, but no owner to show it",
        ),
        pytest.param(
            config_map(made_for=pod(uid="old"), owners=[owner(uid="old", kind="Team")]),
            id="another kind of owner",
        ),
        pytest.param(
            config_map(made_for=pod(uid="old"), owners=[owner("other", uid="old")]),
            id="another Pod's",
        ),
    ],
)
def test_another_uid_is_drift_where_no_pod_of_the_name_had_it(existing: ConfigMap) -> None:
    assert only(snapshot(pod(), pcmc(), existing)) == (Verb.UPDATE, Reason.OUT_OF_SYNC)


@pytest.mark.parametrize(
    ("existing", "expected"),
    [
        (config_map(), "web-0"),
        (config_map(owners=[owner("team", kind="Team"), owner()]), "web-0"),
        (config_map(owners=[]), ""),
        (config_map(owners=[owner(uid="another")]), ""),
        (config_map(owners=[owner(kind="Team")]), ""),
    ],
)
def test_a_change_names_the_pod_that_the_owner_reference_names(
    existing: ConfigMap, expected: str
) -> None:
    (change,) = plan(snapshot(existing))
    assert change.pod_name == expected


def test_an_undecodable_pod_is_no_config_map_of_its_name() -> None:
    seen = snapshot(
        pod(), pcmc(match_labels={}), problems=[problem("Pod", NAME.name, labels={"app": "x"})]
    )
    by_name = {each.namespaced_name: each.verb for each in plan(seen)}
    assert by_name[NAME] is Verb.CREATE


def test_not_selected_any_more_is_deleted() -> None:
    seen = snapshot(pod(), pcmc(match_labels={"app": "web"}), config_map())
    assert only(seen) == (Verb.DELETE, Reason.NOT_SELECTED)


def test_a_deletion_has_the_requirements_that_its_pod_does_not_meet() -> None:
    selecting = pcmc(
        match_labels={"app": "web", "zone": "a"}, match_expressions=[("tier", "Exists", [])]
    )
    (change,) = plan(snapshot(pod(labels={"app": "web", "zone": "b"}), selecting, config_map()))
    assert [(str(each), each.label) for each in change.failing] == [
        ("zone=a", "zone=b"),
        ("tier Exists", "no label tier"),
    ]


@pytest.mark.parametrize(
    "seen",
    [
        snapshot(pod(), config_map()),
        snapshot(pod(), config_map(), pcmc(terminating=True)),
        snapshot(pod(), config_map(), pcmc(terminating=True, suspend=True)),
    ],
)
def test_of_a_config_that_is_gone_is_deleted(seen: Snapshot) -> None:
    """behavior.md §3: a config that is being deleted counts as gone."""
    (change,) = plan(seen)
    assert (change.verb, change.reason) == (Verb.DELETE, Reason.CONFIG_GONE)


LEFT = (Verb.SKIP, Reason.LEFT_TO_GARBAGE_COLLECTOR)
GONE = (Verb.DELETE, Reason.POD_GONE)


@pytest.mark.parametrize("configs", [[pcmc()], [pcmc(match_labels={"app": "x"})], []])
def test_a_config_map_that_a_vanished_pod_owns_is_left_to_the_garbage_collector(
    configs: list[PodConfigMapConfig],
) -> None:
    """Whatever becomes of its config: a proxy may have filtered the list of Pods."""
    assert only(snapshot(*configs, config_map())) == LEFT


@pytest.mark.parametrize(
    "owners",
    [
        [],
        [owner(kind="Team")],
        [replace(owner(), api_version="metrics.k8s.io/v1beta1")],
        [replace(owner(), api_version="")],
        [owner(uid="")],
    ],
)
def test_one_that_no_garbage_collector_can_resolve_is_deleted(owners: list[OwnerReference]) -> None:
    assert only(snapshot(pcmc(), config_map(owners=owners))) == GONE


def test_without_a_garbage_collector_it_is_deleted() -> None:
    seen = replace(snapshot(pcmc(), config_map()), has_garbage_collector=False)
    assert only(seen) == GONE


def test_a_pod_of_another_name_that_owns_it_is_one_of_its_pods() -> None:
    """The label's Pod is gone; the owner reference's lives, so the config decides."""
    owned = replace(
        config_map(owners=[owner("web-0")]), labels={**config_map().labels, POD_UID: "old"}
    )
    seen = snapshot(pod(), pcmc(match_labels={"app": "x"}), owned)
    assert only(seen) == (Verb.DELETE, Reason.NOT_SELECTED)
    terminating = snapshot(pod(terminating=True), pcmc(), owned)
    assert only(terminating) == (Verb.SKIP, Reason.POD_TERMINATING)


def test_the_label_alone_names_a_pod_too() -> None:
    orphan = config_map(owners=[])
    assert only(snapshot(pod(), orphan)) == (Verb.DELETE, Reason.CONFIG_GONE)
    assert only(snapshot(pod(terminating=True), orphan)) == (Verb.SKIP, Reason.POD_TERMINATING)


def test_an_empty_uid_matches_no_pod() -> None:
    nameless = pod("other", uid="", labels={"app": "api"})
    made = config_map(labels={POD_UID: ""}, owners=[])
    assert only(snapshot(nameless, pcmc(match_labels={"app": "web"}), made)) == GONE


@pytest.mark.parametrize(("owners", "expected"), [(None, LEFT), ([], GONE)])
def test_a_pod_that_lives_in_another_namespace_is_gone_here(
    owners: list[OwnerReference] | None, expected: tuple[Verb, Reason]
) -> None:
    """Its uid decides nothing there: an owner is in the namespace of what it owns."""
    here = config_map(owners=owners)
    elsewhere = pod(namespace="other", uid=here.labels[POD_UID], labels={"app": "api"})
    assert only(snapshot(elsewhere, pcmc(match_labels={"app": "web"}), here)) == expected


COPY = config_map(made_for=pod(namespace="shop"), owners=[], more_data={"namespace": "origin"})


@pytest.mark.parametrize("others", [[], [pod()], [pcmc("other")]])
def test_a_copy_that_another_tool_made_is_left_alone(others: list[Object]) -> None:
    assert only(snapshot(*others, COPY)) == (Verb.SKIP, Reason.COPY)


def test_a_copy_whose_name_is_desired_is_made_what_it_should_be() -> None:
    assert only(snapshot(pod(), pcmc(), COPY)) == (Verb.UPDATE, Reason.OUT_OF_SYNC)


@pytest.mark.parametrize(
    "existing",
    [
        config_map(owners=[], data={"podName": "web-0"}),
        config_map(owners=[], more_data={"namespace": "shop"}),
    ],
)
def test_without_the_name_of_another_namespace_it_is_no_copy(existing: ConfigMap) -> None:
    assert only(snapshot(existing)) == GONE


def test_one_that_a_pod_owns_is_no_copy() -> None:
    owned = config_map(more_data={"namespace": "origin"})
    assert only(snapshot(pod(), owned)) == (Verb.DELETE, Reason.CONFIG_GONE)


def test_a_delete_carries_the_object_that_it_is_about() -> None:
    (change,) = plan(snapshot(pcmc(), config_map()))
    assert change.existing == config_map()
    assert (change.pod_name, change.pcmc_name) == ("web-0", "web")


def test_suspended_is_left_as_it_is_drifted_and_unselected_alike() -> None:
    """behavior.md §1, suspend: none created, updated or deleted."""
    drifted = config_map(more_data={"phase": "Pending"})
    unselected = config_map(made_for=pod("gone-1"))
    changes = plan(snapshot(pod(), pcmc(suspend=True), drifted, unselected))
    assert {(each.verb, each.reason) for each in changes} == {(Verb.SKIP, Reason.SUSPENDED)}
    assert len(changes) == 2


def test_suspended_creates_nothing() -> None:
    assert plan(snapshot(pod(), pcmc(suspend=True))) == ()


@pytest.mark.parametrize(
    "seen",
    [
        snapshot(pod(), pcmc(labels=["a b"]), config_map(more_data={"phase": "Pending"})),
        snapshot(pcmc(labels=["a b"]), config_map()),
        snapshot(pod(), pcmc(spec_error="spec: no"), config_map()),
        snapshot(pod(), config_map(), problems=[problem("PodConfigMapConfig", "web")]),
    ],
)
def test_what_an_invalid_or_unreadable_config_made_stays(seen: Snapshot) -> None:
    """behavior.md §3: where the desired state cannot be computed, what exists stays untouched."""
    assert only(seen) == (Verb.SKIP, Reason.CONFIG_INVALID)


@pytest.mark.parametrize(
    ("holder", "state"),
    [(pcmc("c", suspend=True), "suspended"), (pcmc("c", labels=["+"]), "invalid")],
)
def test_a_suspended_or_invalid_config_holds_the_names_that_it_has(
    holder: PodConfigMapConfig, state: str
) -> None:
    """behavior.md §3: even against an older config that gives the same name."""
    theirs = config_map(made_for=pod("a-from-b"), made_by="c")
    for_a = pcmc("b-from-c", created="2020-01-01T00:00:00Z", match_labels={"is": "a"})
    seen = snapshot(pod("a", labels={"is": "a"}), pod("a-from-b"), for_a, holder, theirs)
    (change,) = plan(seen)
    assert (change.verb, change.reason) == (Verb.SKIP, Reason.NAME_TAKEN)
    assert change.pcmc_name == "b-from-c"
    assert f"c, which is {state}" in change.message


def test_a_suspended_config_keeps_one_whose_label_was_edited() -> None:
    edited = config_map(labels={GENERATED_BY: "nobody"})
    assert only(snapshot(pod(), pcmc(suspend=True), edited)) == (Verb.SKIP, Reason.SUSPENDED)


def test_prune_disabled_is_never_deleted() -> None:
    kept = config_map(annotations={"podconfig.example.com/prune": "disabled"})
    assert only(snapshot(pcmc(), kept)) == (Verb.SKIP, Reason.PRUNE_DISABLED)


def test_prune_disabled_says_nothing_of_updates() -> None:
    kept = config_map(
        annotations={"podconfig.example.com/prune": "disabled"}, more_data={"phase": "Pending"}
    )
    assert only(snapshot(pod(), pcmc(), kept)) == (Verb.UPDATE, Reason.OUT_OF_SYNC)


def test_another_value_of_the_prune_annotation_disables_nothing() -> None:
    kept = config_map(annotations={"podconfig.example.com/prune": "enabled"}, owners=[])
    assert only(snapshot(pcmc(), kept)) == (Verb.DELETE, Reason.POD_GONE)


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(
            snapshot(pod(terminating=True), pcmc(), config_map(more_data={"phase": "x"})),
            id="drifted",
        ),
        pytest.param(snapshot(pod(terminating=True), pcmc()), id="nothing is there yet"),
        pytest.param(snapshot(pod(terminating=True), config_map()), id="its config is gone"),
        pytest.param(
            snapshot(pod(terminating=True), pcmc(match_labels={"a": "b"}), config_map()),
            id="no longer selected",
        ),
    ],
)
def test_while_a_pod_is_terminating_nothing_is_done(seen: Snapshot) -> None:
    """behavior.md §3: the garbage collector ends it with the Pod."""
    assert only(seen) == (Verb.SKIP, Reason.POD_TERMINATING)


def test_a_name_of_a_terminating_pod_is_not_handed_on_before_it_is_gone() -> None:
    """The ConfigMap of Pod a, now wanted for Pod a-from-b by the older config."""
    there = config_map(made_for=pod("a"), made_by="b-from-c")
    seen = snapshot(
        pod("a", terminating=True),
        pod("a-from-b", labels={"for": "c"}),
        pcmc("c", match_labels={"for": "c"}),
        there,
    )
    (change,) = plan(seen)
    assert (change.verb, change.reason) == (Verb.SKIP, Reason.POD_TERMINATING)
    assert change.pcmc_name == "c"


@pytest.mark.parametrize(
    "seen",
    [
        snapshot(pod(), pcmc(), config_map(terminating=True, more_data={"phase": "Pending"})),
        snapshot(pod(), pcmc(), config_map(terminating=True)),
        snapshot(pcmc(), config_map(terminating=True)),
        snapshot(pod(), pcmc(suspend=True), config_map(terminating=True)),
    ],
)
def test_a_config_map_that_is_being_deleted_is_left_alone(seen: Snapshot) -> None:
    """behavior.md §3: until it is gone; an intended skip."""
    assert only(seen) == (Verb.SKIP, Reason.CONFIG_MAP_TERMINATING)


@pytest.mark.parametrize("missing", [GENERATED_BY, POD_UID])
def test_one_of_a_desired_name_without_our_labels_is_foreign(missing: str) -> None:
    """behavior.md §3: never overwritten, never deleted; skipped (blocking) and reported."""
    foreign = config_map(labels={missing: None})
    assert only(snapshot(pod(), pcmc(), foreign)) == (Verb.SKIP, Reason.FOREIGN)


def test_a_name_that_is_taken_by_one_without_our_label_is_foreign() -> None:
    """behavior.md §2.3: found by the list of names, so that a dry run tells the truth."""
    assert only(snapshot(pod(), pcmc()), NAME) == (Verb.SKIP, Reason.FOREIGN)


def test_one_that_is_not_ours_and_not_desired_is_no_business_of_a_plan() -> None:
    seen = snapshot(pcmc(), config_map(labels={POD_UID: None}), config_map("settings"))
    assert plan(seen) == ()


def test_an_immutable_one_that_would_change_is_skipped() -> None:
    frozen = config_map(immutable=True, more_data={"phase": "Pending"})
    assert only(snapshot(pod(), pcmc(), frozen)) == (Verb.SKIP, Reason.IMMUTABLE)


def test_an_immutable_one_in_step_is_kept_and_one_undesired_is_deleted() -> None:
    frozen = config_map(immutable=True)
    assert only(snapshot(pod(), pcmc(), frozen)) == (Verb.KEEP, Reason.IN_SYNC)
    assert only(snapshot(pod(), frozen)) == (Verb.DELETE, Reason.CONFIG_GONE)


def test_an_undecodable_config_map_of_a_desired_name_is_left() -> None:
    seen = snapshot(pod(), pcmc(), problems=[problem("ConfigMap", NAME.name)])
    assert only(seen, NAME) == (Verb.SKIP, Reason.UNDECODABLE)


@pytest.mark.parametrize(
    "seen",
    [
        snapshot(pcmc(), config_map(), problems=[problem("Pod")]),
        snapshot(config_map(), problems=[problem("Pod")]),
        snapshot(pcmc(match_labels={"a": "b"}), config_map(), problems=[problem("Pod", labels={})]),
    ],
)
def test_what_an_undecodable_pod_has_stays(seen: Snapshot) -> None:
    """behavior.md §3: no update and no delete, whatever became of the config."""
    assert only(seen) == (Verb.SKIP, Reason.UNDECODABLE)


def test_what_an_undecodable_pod_of_a_long_name_has_stays() -> None:
    """Its name is found in the ConfigMap's although that one is cut."""
    long = pod("p" * 250)
    there = config_map(f"pod-{'p' * 228}-0123456789abcdef-cfg", made_for=long)
    (change,) = plan(snapshot(there, problems=[problem("Pod", "p" * 250)]))
    assert (change.verb, change.reason) == (Verb.SKIP, Reason.UNDECODABLE)


def test_too_large_leaves_what_exists() -> None:
    """behavior.md §3: skipped (blocking) with the reason, and nothing is sent."""
    large = pod(annotations={"big": "x" * 1_048_577})
    seen = snapshot(large, pcmc(annotations=["big"]), config_map())
    assert only(seen) == (Verb.SKIP, Reason.TOO_LARGE)


def test_a_uid_that_cannot_be_a_label_is_an_invalid_name() -> None:
    assert only(snapshot(pod(uid="a b"), pcmc())) == (Verb.SKIP, Reason.INVALID_NAME)


def test_a_terminating_pod_without_a_uid_holds_nothing_back() -> None:
    """behavior.md §3: a manifest's Pod has no uid, and what was made for another is not its own."""
    unwanted = config_map("pod-gone-from-web-cfg", labels={POD_UID: ""}, owners=())
    seen = snapshot(pod(uid="", terminating=True), pcmc(), unwanted)
    fates = {change.namespaced_name.name: change.reason for change in plan(seen)}
    assert fates["pod-gone-from-web-cfg"] is Reason.POD_GONE


def test_a_config_map_for_a_pod_without_a_uid_has_no_owner_and_is_kept() -> None:
    """behavior.md §8: the garbage collector takes what has an owner that does not exist."""
    nameless = pod(uid="")
    (change,) = plan(snapshot(nameless, pcmc()))
    assert change.desired is not None
    assert managed_fields.owner_references(None, change.desired) == ()
    existing = config_map(made_for=nameless, owners=())
    assert only(snapshot(nameless, pcmc(), existing)) == (Verb.KEEP, Reason.IN_SYNC)


def test_a_config_map_that_was_applied_for_a_pod_without_a_uid_is_adopted() -> None:
    """behavior.md §8: one update gives it the Pod's uid and owner."""
    applied = config_map(made_for=pod(uid=""), owners=())
    (change,) = plan(snapshot(pod(), pcmc(), applied))
    assert change.verb is Verb.UPDATE
    assert "metadata.ownerReferences" in change.message


def test_the_loser_of_a_name_is_skipped_beside_the_winner() -> None:
    seen = snapshot(
        pod("a", labels={"for": "b-from-c"}),
        pod("a-from-b", labels={"for": "c"}),
        pcmc("b-from-c", created=NEW, match_labels={"for": "b-from-c"}),
        pcmc("c", created=OLD, match_labels={"for": "c"}),
    )
    by_config = {each.pcmc_name: (each.verb, each.reason) for each in plan(seen)}
    assert by_config == {
        "c": (Verb.CREATE, Reason.MISSING),
        "b-from-c": (Verb.SKIP, Reason.NAME_TAKEN),
    }


def test_where_a_list_is_incomplete_nothing_is_deleted() -> None:
    """behavior.md §6; creates and updates go on where ownership is known."""
    seen = snapshot(
        pod(),
        pod("new-1"),
        pcmc(),
        config_map(more_data={"phase": "Pending"}),
        config_map(made_for=pod("gone-1")),
        incomplete={"shop": "no right to list pods"},
    )
    assert {each.namespaced_name.name: (each.verb, each.reason) for each in plan(seen)} == {
        "pod-web-0-from-web-cfg": (Verb.UPDATE, Reason.OUT_OF_SYNC),
        "pod-new-1-from-web-cfg": (Verb.CREATE, Reason.MISSING),
        "pod-gone-1-from-web-cfg": (Verb.SKIP, Reason.INCOMPLETE),
    }


def test_incomplete_all_namespaces_is_incomplete_everywhere() -> None:
    seen = snapshot(pcmc(), config_map(), incomplete={"": "no right to list pods"})
    assert only(seen) == (Verb.SKIP, Reason.INCOMPLETE)


def test_another_namespace_that_is_incomplete_changes_nothing_here() -> None:
    seen = snapshot(pcmc(), config_map(owners=[]), incomplete={"other": "no right to list pods"})
    assert only(seen) == (Verb.DELETE, Reason.POD_GONE)


@pytest.mark.parametrize("where", ["shop", ""])
def test_without_all_config_maps_and_configs_nothing_is_planned(where: str) -> None:
    existing = config_map(made_for=pod("gone-1"))
    seen = snapshot(pod(), pcmc(), existing, incomplete={where: "no"}, unplannable=[where])
    assert plan(seen) == ()
    assert creates_in(seen, build(seen)) == frozenset()


def test_a_plan_is_sorted_by_namespace_and_name() -> None:
    seen = snapshot(
        *(pod(name, namespace=space) for space in ("b", "a") for name in ("z", "m")),
        *(pcmc(namespace=space) for space in ("b", "a")),
        config_map(made_for=pod("k", namespace="b")),
    )
    assert [str(each.namespaced_name) for each in plan(seen)] == [
        "a/pod-m-from-web-cfg",
        "a/pod-z-from-web-cfg",
        "b/pod-k-from-web-cfg",
        "b/pod-m-from-web-cfg",
        "b/pod-z-from-web-cfg",
    ]


def test_a_name_that_is_occupied_by_one_of_ours_is_a_conflict() -> None:
    """It is not in the labeled list, which came first: only another look can tell what it holds."""
    seen = snapshot(pod(), pcmc())
    (change,) = diff(seen, build(seen), {NAME: True}).changes
    assert (change.verb, change.reason) == (Verb.SKIP, Reason.CONFLICT)
    assert has_conflict(Plan(changes=(change,)))


def test_occupied_names_matter_where_something_is_created() -> None:
    seen = snapshot(
        pod(),
        pcmc(),
        config_map(),
        pod("b", namespace="other"),
        pcmc(namespace="other"),
        pod("c", namespace="third"),
    )
    assert creates_in(seen, build(seen)) == {"other"}


def test_a_suspended_config_keeps_nothing_that_another_made() -> None:
    """behavior.md §3: config a-from-b is there, selects nothing any more, and is not suspended."""
    seen = snapshot(
        pod("x"),
        pcmc("a-from-b", match_labels={"app": "web"}),
        pcmc("b", suspend=True),
        config_map(made_for=pod("x"), made_by="a-from-b"),
    )
    (change,) = plan(seen)
    assert (change.verb, change.reason) == (Verb.DELETE, Reason.NOT_SELECTED)


def test_a_label_edited_to_a_suspended_configs_name_is_drift() -> None:
    """§3: drift in our labels is put back; no name that ends so can be that config's."""
    edited = config_map(labels={GENERATED_BY: "asleep"})
    seen = snapshot(pod(), pcmc(), pcmc("asleep", suspend=True), edited)
    assert only(seen) == (Verb.UPDATE, Reason.OUT_OF_SYNC)


def test_an_undecodable_pod_keeps_nothing_of_a_pod_that_its_name_begins() -> None:
    """Pod web-0-from-x is there and decoded: its pod-uid label settles whose the ConfigMap is."""
    there = pod("web-0-from-x")
    seen = snapshot(there, config_map(made_for=there), problems=[problem("Pod", "web-0")])
    (change,) = plan(seen)
    assert (change.verb, change.reason) == (Verb.DELETE, Reason.CONFIG_GONE)
