"""What is not ours is untouched, bit for bit, resourceVersion and all.

Foreign ConfigMaps, Pods, all of a config but its status; and what suspended, invalid or unreadable
configs have (behavior.md §1, §3).
"""

from hypothesis import given

from podcm_sync.api.meta import NamespacedName
from podcm_sync.reconcile.names import label_value
from podcm_sync.sync import Policy, run
from tests.builders import GENERATED_BY, NOW, Json
from tests.laws.worlds import EVERYWHERE, World, is_ours, worlds

Stored = dict[tuple[str, NamespacedName], Json]


def without_status(raw: Json) -> Json:
    metadata = {key: value for key, value in raw["metadata"].items() if key != "resourceVersion"}
    return {**raw, "metadata": metadata, "status": None}


@given(world=worlds())
def test_foreign_objects_stay_as_they_are(world: World) -> None:
    cluster = world.cluster()
    before = cluster.dump()
    run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    after = cluster.dump()
    for (kind, name), raw in before.items():
        if kind == "Pod" or (kind == "ConfigMap" and not is_ours(raw)):
            assert after[kind, name] == raw
        elif kind == "PodConfigMapConfig":
            assert without_status(after[kind, name]) == without_status(raw)


@given(world=worlds())
def test_what_others_put_on_ours_stays(world: World) -> None:
    """Labels, annotations, finalizers, owners that are no Pod's and no controller."""
    cluster = world.cluster()
    before = cluster.dump()
    run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    for key, after in cluster.dump().items():
        if key[0] != "ConfigMap" or key not in before:
            continue
        was, now = before[key]["metadata"], after["metadata"]
        assert was.get("finalizers") == now.get("finalizers")
        for label, value in was["labels"].items():
            if not label.startswith(("podconfig.example.com/", "app.kubernetes.io/managed-by")):
                assert now["labels"][label] == value
        for annotation, value in was["annotations"].items():
            if annotation != "podconfig.example.com/pcmc-name":
                assert now["annotations"][annotation] == value
        theirs = [x for x in was["ownerReferences"] if x["kind"] == "Team"]
        assert [x for x in now["ownerReferences"] if x["kind"] == "Team"] == theirs


@given(world=worlds())
def test_what_a_suspended_or_invalid_config_has_stays_as_it_is(world: World) -> None:
    """By the label that says whose it is, if the name can be so; the suspended one's status, too.

    A label that names one of them on a ConfigMap that can only be another's is that other's drift:
    it may be put back, and even then it is never a reason to delete.
    """
    seen = world.snapshot()
    broken = {each.namespaced_name for each in seen.problems if each.kind == "PodConfigMapConfig"}
    keepers = broken | {
        each.namespaced_name
        for each in seen.configs
        if not each.terminating
        and (each.suspend or each.spec is None or "a b" in each.spec.pod_selector.match_labels)
    }
    suspended = {each.namespaced_name for each in seen.configs if each.suspend}
    labels = {(name.namespace, label_value(name.name)): name.name for name in keepers}
    cluster = world.cluster()
    before = cluster.dump()
    run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)
    after = cluster.dump()
    for (kind, name), raw in before.items():
        label = (raw["metadata"].get("labels") or {}).get(GENERATED_BY, "")
        keeper = labels.get((name.namespace, label)) if kind == "ConfigMap" else None
        assert keeper is None or (kind, name) in after
        is_hashed = len(name.name) > 200
        is_kept = keeper and (name.name.endswith(f"-from-{keeper}-cfg") or is_hashed)
        if is_kept or (kind == "PodConfigMapConfig" and name in suspended):
            assert after[kind, name] == raw
