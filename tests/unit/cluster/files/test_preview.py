"""An overlay shows the cluster as it will be once files are applied; the rest stays live."""

import io
import json
import sys
from pathlib import Path

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig, PodConfigMapConfigStatus
from podcm_sync.cluster.files.preview import Overlay, configs
from podcm_sync.errors import InputError
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.snapshot import Scope, Shard, Snapshot
from tests.builders import Json, Object, config_map, manifest, pcmc, pod
from tests.controlplane import crd_objects
from tests.controlplane.crd_case import Case
from tests.controlplane.crd_cases import CASES
from tests.fakes import FakeCluster

EVERYWHERE = Scope(namespaces=None)


def seen(
    *objects: Object | Json, files: tuple[PodConfigMapConfig, ...], only: bool = False
) -> Snapshot:
    return Overlay(FakeCluster(*objects), files, is_complete=only).snapshot(EVERYWHERE)


def file(
    name: str = "web", *, labels: tuple[str, ...] = (), suspend: bool = False
) -> PodConfigMapConfig:
    """A config as a file has it: without resourceVersion and creation time."""
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
    assert [(config.namespaced_name.name, config.creation_timestamp) for config in found] == [
        ("old", "2026-01-01T00:00:00Z"),
        ("new", ""),
    ]


def test_files_that_are_complete_leave_no_other() -> None:
    unreadable = manifest(pcmc("broken"))
    unreadable["metadata"]["generation"] = "many"
    world = (pod(), config_map(), pcmc("old"), unreadable)
    snapshot = seen(*world, files=(file("new"),), only=True)
    assert [config.namespaced_name.name for config in snapshot.configs] == ["new"]
    assert snapshot.problems == ()
    assert (len(snapshot.pods), len(snapshot.config_maps)) == (1, 1)


def test_one_that_cannot_be_decoded_is_no_better_for_a_file() -> None:
    """Its metadata come from the server, and applying a file only changes the spec."""
    unreadable = manifest(pcmc())
    unreadable["metadata"]["generation"] = "many"
    for only in (False, True):
        snapshot = seen(unreadable, files=(file(),), only=only)
        assert [problem.namespaced_name.name for problem in snapshot.problems] == ["web"]
        assert snapshot.configs == ()


SHOP = Scope(namespaces=("shop",))
ANY = Scope(namespaces=None)
HEAD = "apiVersion: podconfig.example.com/v1alpha1\nkind: PodConfigMapConfig\n"


def written(path: Path, metadata: str, rest: str = "spec: {}") -> str:
    path.write_text(f"# a comment\n---\n{HEAD}metadata: {metadata}\n{rest}\n")
    return str(path)


def test_what_a_server_said_of_a_dumped_object_is_left_out(tmp_path: Path) -> None:
    """`kubectl get -o yaml` as a file: applied elsewhere it is a new object."""
    dump = (
        "{name: a, namespace: shop, uid: u, creationTimestamp: '2020-01-01T00:00:00Z', "
        "resourceVersion: '5', generation: 9, deletionTimestamp: x}"
    )
    file = written(tmp_path / "a.yaml", dump, "spec: {suspend: true}\nstatus: {failures: 3}")
    (found,) = configs([file], SHOP)
    assert found.namespaced_name == NamespacedName("shop", "a")
    assert (found.uid, found.resource_version, found.creation_timestamp) == ("", "", "")
    assert (found.generation, found.terminating, found.suspend) == (1, False, True)
    assert found.status == PodConfigMapConfigStatus()


@pytest.mark.parametrize("metadata", ["{name: a}", "{name: a, namespace: ''}"])
def test_without_a_namespace_it_is_in_the_runs_single_one(tmp_path: Path, metadata: str) -> None:
    file = written(tmp_path / "a.yaml", metadata)
    (found,) = configs([file], SHOP)
    assert found.namespaced_name.namespace == "shop"
    for scope in (ANY, Scope(namespaces=("shop", "other"))):
        with pytest.raises(InputError, match=r"a\.yaml:3: .* has no namespace"):
            configs([file], scope)


@pytest.mark.parametrize(
    ("metadata", "scope", "why"),
    [
        ("{name: a, namespace: other}", SHOP, "other/a is outside the scope of the run"),
        ("{name: A}", SHOP, "'A' isn't a valid name"),
        ("{}", SHOP, "has no metadata.name"),
        ("{generateName: a-}", SHOP, "has no metadata.name"),
        ("5", SHOP, "has no metadata.name"),
        ("{name: a, namespace: a.b}", ANY, "'a.b' isn't a valid name"),
        ("{name: a, namespace: 5}", ANY, "5 isn't a valid name"),
        ("{name: a, namespace: []}", ANY, "[] isn't a valid name"),
    ],
)
def test_what_cannot_be_placed_is_said_with_file_and_line(
    tmp_path: Path, metadata: str, scope: Scope, why: str
) -> None:
    file = written(tmp_path / "a.yaml", metadata)
    with pytest.raises(InputError) as caught:
        configs([file], scope)
    line = 3 if "outside" in why else 5
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert why in str(caught.value)


def test_a_namespace_of_another_shard_is_outside(tmp_path: Path) -> None:
    """Of two shards a namespace is in exactly one."""
    file = written(tmp_path / "a.yaml", "{name: a, namespace: shop}")
    taken: list[PodConfigMapConfig] = []
    for index in range(2):
        scope = Scope(namespaces=None, shard=Shard(index=index, count=2))
        try:
            taken += configs([file], scope)
        except InputError as error:
            assert "outside" in str(error)  # noqa: PT017 - one of the two, whichever it is
    assert len(taken) == 1


def test_a_config_that_stands_twice_is_said_with_both_places(tmp_path: Path) -> None:
    one = written(tmp_path / "one.yaml", "{name: a}")
    two = written(tmp_path / "two.yaml", "{name: a, namespace: shop}")
    with pytest.raises(InputError, match=r"two\.yaml:3: .* shop/a is also in .*one\.yaml:3"):
        configs([one, two], SHOP)


def test_another_version_is_refused_and_other_kinds_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
    assert configs([str(file)], SHOP) == ()
    file.write_text(HEAD.replace("v1alpha1", "v2") + "metadata: {name: a}\n")
    with pytest.raises(InputError, match="v2' doesn't exist"):
        configs([str(file)], SHOP)


def test_an_unusable_spec_is_the_runs_to_say(tmp_path: Path) -> None:
    (found,) = configs([written(tmp_path / "a.yaml", "{name: a}", "spec: [1]")], SHOP)
    assert found.spec is None
    assert found.spec_error


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_what_the_crd_would_refuse_is_invalid_in_a_preview(case: Case, tmp_path: Path) -> None:
    """By the table that a real server is held to in tests/controlplane/test_crd.py."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(crd_objects.pcmc(case.spec, "shop")))
    (found,) = configs([str(file)], SHOP)
    # The template engine, which this does not ask, has the syntax to say.
    assert (not spec_findings(found)) == case.accepted


def test_an_empty_name_is_not_the_working_directory() -> None:
    """What `-f "$FILES"` gives where the variable is not set."""
    with pytest.raises(InputError, match="the name is empty"):
        configs([""], SHOP)


def test_stdin_that_is_no_text_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xc3\x28"), encoding="utf-8"))
    with pytest.raises(InputError, match="-:1: isn't text: save it as UTF-8"):
        configs(["-"], SHOP)


def test_stdin_that_was_closed_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """`podcm-sync --dry-run -f - <&-`."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="-: stdin is closed"):
        configs(["-"], SHOP)


def test_a_name_that_no_file_can_have_is_an_input_error() -> None:
    with pytest.raises(InputError, match="File name too long"):
        configs(["x" * 300], SHOP)


def test_stdin_is_read_once() -> None:
    """The second time there would be nothing in it, and nobody would be told."""
    with pytest.raises(InputError, match="only once"):
        configs(["-", "-"], SHOP)
