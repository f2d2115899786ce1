"""The contract of the ports, and of a whole run over them (behavior.md §1-§3, §8).

That the fake and the real API server pass the same tests is what licenses the fake.
"""

import copy
from typing import Any

from podcm_sync.api.meta import GENERATED_BY_LABEL, NamespacedName
from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Reader
from podcm_sync.reconcile.changes import DesiredConfigMap, Result
from podcm_sync.reconcile.events import Event
from podcm_sync.reconcile.report import Report, summary
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy, run
from tests.contract.clusters import Cluster, Telling
from tests.contract.stores import FakeStore, RealStore

NOW = "2026-11-22T12:00:00Z"
NAME = "pod-web-0-from-mine-cfg"
Json = dict[str, Any]


def pod(cluster: Cluster, name: str = "web-0", app: str = "web") -> Json:
    metadata = {"name": name, "namespace": cluster.namespace, "labels": {"app": app}}
    metadata["uid"] = f"uid-of-{name}"  # as in a dump; an API server gives it another one
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": "node-a", "containers": [{"name": "main", "image": "image"}]},
        "status": {"phase": "Running"},
    }


def config(cluster: Cluster, name: str = "mine") -> Json:
    return {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": name, "namespace": cluster.namespace},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "labelsToInclude": ["app"]},
    }


def foreign(cluster: Cluster, name: str = NAME) -> Json:
    metadata = {"name": name, "namespace": cluster.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}


def desired(cluster: Cluster, **data: str) -> DesiredConfigMap:
    return DesiredConfigMap(
        namespaced_name=NamespacedName(cluster.namespace, NAME),
        pod_name="web-0",
        pod_uid=plan_first_pass(cluster).pods[0].uid,
        pcmc_name="mine",
        data=data,
    )


def scope(cluster: Cluster) -> Scope:
    return Scope(namespaces=(cluster.namespace,))


def plan_first_pass(cluster: Cluster, reader: Reader | None = None) -> Snapshot:
    return (reader or cluster.ports()[0]).snapshot(scope(cluster))


def existing(cluster: Cluster) -> ConfigMap:
    (found,) = plan_first_pass(cluster).config_maps
    return found


def sync(cluster: Cluster) -> Report:
    reader, writer = cluster.ports()
    return run(scope(cluster), reader, writer, Policy(concurrency=4), now=NOW)


def made(cluster: Cluster) -> Cluster:
    """The cluster, with a Pod and the ConfigMap that it should have."""
    cluster.add(pod(cluster))
    reader, writer = cluster.ports()
    wanted = desired(cluster, phase="Running")
    reader.snapshot(scope(cluster))
    assert writer.create(wanted).result is Result.CREATED
    return cluster


def test_a_snapshot_has_the_scopes_objects(cluster: Cluster) -> None:
    cluster.add(pod(cluster))
    cluster.add(config(cluster))
    cluster.add(foreign(cluster, "somebody-elses"))
    found = plan_first_pass(cluster)
    assert [str(each.namespaced_name) for each in found.pods] == [f"{cluster.namespace}/web-0"]
    assert [each.phase for each in found.pods] == ["Running"]
    assert [each.node_name for each in found.pods] == ["node-a"]
    assert [each.namespaced_name.name for each in found.configs] == ["mine"]
    assert found.config_maps == ()
    assert (found.problems, found.incomplete) == ((), {})


def test_a_scope_without_objects_is_empty_and_complete(cluster: Cluster) -> None:
    found = cluster.ports()[0].snapshot(Scope(namespaces=("nobody-is-here",)))
    assert (found.pods, found.configs, found.config_maps, found.incomplete) == ((), (), (), {})


def test_what_remains_is_what_is_still_stored(cluster: Cluster) -> None:
    made(cluster)
    reader = cluster.ports()[0]
    plan_first_pass(cluster, reader)
    names = [NamespacedName(cluster.namespace, name) for name in (NAME, "pod-gone-from-mine-cfg")]
    assert list(reader.remaining(names)) == names[:1]


def test_occupied_names_say_whether_they_are_ours(listed: Cluster) -> None:
    """A ConfigMap of ours that appears after the lists is a conflict, not foreign (§3)."""
    made(listed)
    labels = existing(listed).labels
    listed.add(foreign(listed, "somebody-elses"))
    one_label = foreign(listed, "pod-one-label-from-mine-cfg")
    one_label["metadata"]["labels"] = {GENERATED_BY_LABEL: "mine"}
    listed.add(one_label)
    other_name = foreign(listed, "another-form")
    other_name["metadata"]["labels"] = labels
    listed.add(other_name)
    reader = listed.ports()[0]
    plan_first_pass(listed, reader)
    occupied = reader.occupied_names({listed.namespace})
    names = (NAME, "somebody-elses", "pod-one-label-from-mine-cfg", "another-form", "absent")
    assert [occupied.get(NamespacedName(listed.namespace, name)) for name in names] == [
        True,
        False,
        False,
        False,
        None,
    ]


def test_what_was_created_is_found_as_it_was_wanted(cluster: Cluster) -> None:
    made(cluster)
    found = existing(cluster)
    assert found.data == {"phase": "Running"}
    assert found.labels == {
        "podconfig.example.com/generated-by-pcmc": "mine",
        "podconfig.example.com/pod-uid": plan_first_pass(cluster).pods[0].uid,
        "app.kubernetes.io/managed-by": "podcm-sync",
    }
    assert [(each.kind, each.name, each.controller) for each in found.owner_references] == [
        ("Pod", "web-0", True)
    ]


def test_a_create_over_another_is_a_conflict_and_leaves_it(cluster: Cluster) -> None:
    cluster.add(pod(cluster))
    cluster.add(foreign(cluster))
    before = copy.deepcopy(cluster.config_maps()[NAME])
    reader, writer = cluster.ports()
    plan_first_pass(cluster, reader)
    answer = writer.create(desired(cluster, phase="Running"))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)
    assert cluster.config_maps()[NAME] == before


def test_an_update_changes_what_is_ours_and_no_more(cluster: Cluster) -> None:
    made(cluster)
    cluster.annotate(NAME, {"example.com/owner": "team-a"})
    reader, writer = cluster.ports()
    (found,) = plan_first_pass(cluster, reader).config_maps
    answer = writer.update(found, desired(cluster, phase="Failed", nodeName="node-b"))
    assert answer.result is Result.UPDATED
    after = existing(cluster)
    assert after.data == {"phase": "Failed", "nodeName": "node-b"}
    assert after.annotations == {"example.com/owner": "team-a"}


def test_a_stale_update_is_a_conflict_and_changes_nothing(versioned: Cluster) -> None:
    made(versioned)
    stale = existing(versioned)
    versioned.annotate(NAME, {"example.com/owner": "team-a"})
    before = versioned.config_maps()[NAME]
    answer = versioned.ports()[1].update(stale, desired(versioned, phase="Failed"))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)
    assert versioned.config_maps()[NAME] == before


def test_an_update_of_what_is_gone_is_a_conflict(versioned: Cluster) -> None:
    made(versioned)
    stale = existing(versioned)
    versioned.remove("ConfigMap", NAME)
    answer = versioned.ports()[1].update(stale, desired(versioned, phase="Failed"))
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)
    assert versioned.config_maps() == {}


def test_a_delete_of_the_version_read_deletes(cluster: Cluster) -> None:
    made(cluster)
    reader, writer = cluster.ports()
    (found,) = plan_first_pass(cluster, reader).config_maps
    assert writer.delete(found).result is Result.DELETED
    assert cluster.config_maps() == {}


def test_a_stale_delete_is_a_conflict_and_deletes_nothing(versioned: Cluster) -> None:
    made(versioned)
    stale = existing(versioned)
    versioned.annotate(NAME, {"podconfig.example.com/prune": "disabled"})
    answer = versioned.ports()[1].delete(stale)
    assert (answer.result, answer.reason) == (Result.FAILED, Reason.CONFLICT)
    assert NAME in versioned.config_maps()


def test_a_delete_of_what_is_gone_deletes_nothing_and_fails_nothing(versioned: Cluster) -> None:
    made(versioned)
    stale = existing(versioned)
    versioned.remove("ConfigMap", NAME)
    answer = versioned.ports()[1].delete(stale)
    assert (answer.result, answer.reason) == (Result.SKIPPED, Reason.ALREADY_GONE)


def test_a_run_creates_and_the_next_finds_nothing_to_do(cluster: Cluster) -> None:
    cluster.add(pod(cluster))
    cluster.add(pod(cluster, "db-0", app="db"))
    cluster.add(config(cluster))
    assert summary(sync(cluster)).created == 1
    before = cluster.config_maps()
    again = summary(sync(cluster))
    assert (again.changed, again.unchanged) == (0, 1)
    assert cluster.config_maps() == before
    assert before[NAME]["data"] == {
        "podName": "web-0",
        "namespace": cluster.namespace,
        "nodeName": "node-a",
        "phase": "Running",
        "label_app": "web",
    }


def test_a_run_collects_what_its_config_no_longer_wants(cluster: Cluster) -> None:
    cluster.add(pod(cluster))
    cluster.add(config(cluster))
    sync(cluster)
    cluster.remove("PodConfigMapConfig", "mine")
    assert summary(sync(cluster)).deleted == 1
    assert cluster.config_maps() == {}


def test_a_run_leaves_a_foreign_configmap_as_it_is(cluster: Cluster) -> None:
    cluster.add(pod(cluster))
    cluster.add(config(cluster))
    cluster.add(foreign(cluster))
    before = cluster.config_maps()
    report = sync(cluster)
    assert [each.reason for each in report.outcomes] == [Reason.FOREIGN]
    assert cluster.config_maps() == before


def test_a_status_is_wanted_once(versioned: Cluster) -> None:
    """Written by the first run, and equal to what the second would write (behavior.md §5)."""
    versioned.add(pod(versioned))
    versioned.add(config(versioned))
    first, second = sync(versioned), sync(versioned)
    assert [each.result for each in first.statuses] == [Result.UPDATED]
    assert [each.result for each in second.statuses] == [Result.UNCHANGED]
    (ready,) = plan_first_pass(versioned).configs[0].status.conditions
    assert (ready.type, ready.status, ready.reason) == ("Ready", "True", "Synced")


def test_a_store_answers_from_memory_what_happened_since_the_lists(
    store: FakeStore | RealStore,
) -> None:
    store.add(pod(store))
    store.add(config(store))
    sync(store)
    before = store.reader.from_store
    store.annotate(NAME, {"example.com/owner": "team-a"})
    assert existing(store).annotations == {"example.com/owner": "team-a"}
    store.remove("PodConfigMapConfig", "mine")
    store.remove("Pod", "web-0")
    found = plan_first_pass(store)
    assert (found.pods, found.configs, found.incomplete) == ((), (), {})
    assert store.reader.from_store == before + 2


def test_an_event_of_one_name_is_there_once(telling: Telling) -> None:
    """A repeat of a POST whose answer was lost meets itself."""
    telling.add(config(telling))
    (found,) = plan_first_pass(telling).configs
    event = Event(
        config=found.namespaced_name,
        uid=found.uid,
        resource_version=found.resource_version,
        type="Warning",
        reason="InvalidSpec",
        note="spec: wrong",
        time=NOW,
    )
    recorder = telling.recorder()
    first, second = recorder.record(event), recorder.record(event)
    assert (first.result, first.code) == (Result.CREATED, 201)
    assert (second.result, second.code) == (Result.UNCHANGED, 409)
