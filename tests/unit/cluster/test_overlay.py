"""An overlay shows what will be there once files are applied, and takes all else as it is."""

from podcm_sync.cluster.overlay import Overlay
from podcm_sync.model.objects import PodConfigMapConfig, Scope, Snapshot
from tests.builders import Json, Object, config_map, manifest, pcmc, pod
from tests.fakes import FakeCluster

EVERYWHERE = Scope(namespaces=None)


def seen(
    *objects: Object | Json, files: tuple[PodConfigMapConfig, ...], only: bool = False
) -> Snapshot:
    return Overlay(FakeCluster(*objects), files, is_complete=only).snapshot(EVERYWHERE)


def file(
    name: str = "web", *, labels: tuple[str, ...] = (), suspend: bool = False
) -> PodConfigMapConfig:
    """What a file says: no version and no time."""
    return pcmc(name, labels=labels, suspend=suspend, created="", resource_version="")


def test_a_changed_config_keeps_what_the_server_has_of_it() -> None:
    live = pcmc(generation=7)
    (found,) = seen(live, files=(file(labels=("app",), suspend=True),)).configs
    assert (found.uid, found.creation_timestamp) == (live.uid, "2026-01-01T00:00:00Z")
    assert found.resource_version != ""
    assert (found.generation, found.suspend) == (8, True)
    assert found.spec is not None
    assert found.spec.labels_to_include == ("app",)


def test_an_unchanged_one_keeps_its_generation_too() -> None:
    (found,) = seen(pcmc(generation=7), files=(file(),)).configs
    assert found.generation == 7


def test_one_that_is_going_is_still_going() -> None:
    (found,) = seen(pcmc(terminating=True), files=(file(),)).configs
    assert found.terminating


def test_a_new_one_has_no_time_and_so_is_the_newest() -> None:
    found = seen(pcmc("old"), files=(file("new"),)).configs
    assert [(each.namespaced_name.name, each.creation_timestamp) for each in found] == [
        ("old", "2026-01-01T00:00:00Z"),
        ("new", ""),
    ]


def test_files_that_are_complete_leave_no_other() -> None:
    unreadable = manifest(pcmc("broken"))
    unreadable["metadata"]["generation"] = "many"
    world = (pod(), config_map(), pcmc("old"), unreadable)
    snapshot = seen(*world, files=(file("new"),), only=True)
    assert [each.namespaced_name.name for each in snapshot.configs] == ["new"]
    assert snapshot.problems == ()
    assert (len(snapshot.pods), len(snapshot.config_maps)) == (1, 1)


def test_one_that_cannot_be_decoded_is_no_better_for_a_file() -> None:
    """Its metadata are the server's: applying a file changes the spec alone."""
    unreadable = manifest(pcmc())
    unreadable["metadata"]["generation"] = "many"
    for only in (False, True):
        snapshot = seen(unreadable, files=(file(),), only=only)
        assert [each.namespaced_name.name for each in snapshot.problems] == ["web"]
        assert snapshot.configs == ()
