"""A directory of manifests as a cluster (behavior.md §8)."""

import hashlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Pod, PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.files.directory import DirectoryCluster
from podcm_sync.errors import InputError
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.report import Report, exit_code, summary
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy, run
from tests.builders import EARLIER, NOW, Json
from tests.fakes import outcomes_of

EVERYWHERE = Scope(namespaces=None)
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  labels: {app: web}
spec: {nodeName: node-a}
status: {phase: Running}
"""
CONFIG = """\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {name: web}
spec: {labelsToInclude: [app]}
"""
# uuid5 of the URL namespace and https://podconfig.example.com/PodConfigMapConfig/default/web.
CONFIG_UID = "ffb3840e-8195-53a9-a21e-95b2e641040d"
GENERATED: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {
        "name": "pod-web-0-from-web-cfg",
        "namespace": "default",
        "labels": {
            "podconfig.example.com/generated-by-pcmc": "web",
            "podconfig.example.com/pod-uid": "",
            "app.kubernetes.io/managed-by": "podcm-sync",
        },
    },
    "data": {
        "podName": "web-0",
        "namespace": "default",
        "nodeName": "node-a",
        "phase": "Running",
        "label_app": "web",
    },
}


class Directory:
    """A directory of manifests under test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generated = path / "generated" / "default" / "pod-web-0-from-web-cfg.yaml"

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def snapshot(self, *namespaces: str) -> Snapshot:
        return DirectoryCluster(self.path).snapshot(Scope(namespaces=namespaces or None))

    def pod(self) -> Pod:
        (found,) = self.snapshot().pods
        return found

    def config(self) -> PodConfigMapConfig:
        (found,) = self.snapshot().configs
        return found

    def run(self, *namespaces: str, now: str = NOW, dry: bool = False) -> Report:
        cluster = DirectoryCluster(self.path)
        writer = None if dry else cluster
        return run(Scope(namespaces=namespaces or None), cluster, writer, Policy(), now=now)

    def exit_code(self) -> int:
        try:
            return exit_code(self.run())
        except InputError as error:
            return error.exit_code

    def refused(self) -> str:
        with pytest.raises(InputError) as caught:
            self.snapshot()
        return str(caught.value)

    def files(self) -> dict[str, tuple[bytes, int]]:
        """The content and modification time of every file, to show that nothing changed."""
        return dict(self._files())

    def _files(self) -> Iterator[tuple[str, tuple[bytes, int]]]:
        for path in self.path.rglob("*"):
            if path.is_file():
                name = path.relative_to(self.path).as_posix()
                yield name, (path.read_bytes(), path.stat().st_mtime_ns)


@pytest.fixture
def directory(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


@pytest.fixture
def shop(directory: Directory) -> Directory:
    """One Pod and one config that selects it."""
    directory.write("pods.yaml", POD)
    directory.write("configs.yaml", CONFIG)
    return directory


def loaded(path: Path) -> Json:
    content: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the directory doesn't exist"):
        DirectoryCluster(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="the directory doesn't exist"):
        DirectoryCluster(tmp_path / "file")


def test_an_empty_directory_is_an_empty_cluster(directory: Directory) -> None:
    seen = directory.snapshot()
    assert (seen.pods, seen.configs, seen.config_maps, seen.problems) == ((), (), (), ())


def test_a_config_without_a_uid_has_a_stand_in_that_is_the_same_at_every_run(
    shop: Directory,
) -> None:
    """The uid is made from kind, namespace, and name only."""
    assert shop.config().uid == CONFIG_UID
    assert shop.config().generation == 1


def test_a_pod_without_a_uid_has_none(shop: Directory) -> None:
    """behavior.md §8: its ConfigMap has no owner reference."""
    assert shop.pod().uid == ""


def test_a_manifest_for_a_pod_with_a_uid_names_its_owner_and_warns(
    shop: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    """behavior.md §8: the manifest is valid only in the cluster that the Pod comes from."""
    shop.write("pods.yaml", POD.replace("name: web-0", "name: web-0\n  uid: u-1"))
    with caplog.at_level("WARNING"):
        shop.run()
    metadata = loaded(shop.generated)["metadata"]
    assert metadata["labels"]["podconfig.example.com/pod-uid"] == "u-1"
    assert [owner["uid"] for owner in metadata["ownerReferences"]] == ["u-1"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_manifest_for_a_pod_without_a_uid_warns_of_nothing(
    shop: Directory, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("WARNING"):
        shop.run()
    assert caplog.records == []


def test_a_pod_that_lost_its_uid_is_an_owner_no_more(shop: Directory) -> None:
    """If a dump becomes a manifest in a repository, its owner exists in no cluster."""
    shop.write("pods.yaml", POD.replace("name: web-0", "name: web-0\n  uid: u-1"))
    shop.run()
    shop.write("pods.yaml", POD)
    assert summary(shop.run()).updated == 1
    metadata = loaded(shop.generated)["metadata"]
    assert not metadata.get("ownerReferences")
    assert metadata["labels"] == GENERATED["metadata"]["labels"]
    assert summary(shop.run()).unchanged == 1


def test_two_pods_without_a_uid_do_not_keep_each_others_config_maps(shop: Directory) -> None:
    """behavior.md §3: an empty uid matches no Pod."""
    shop.write("more.yaml", POD.replace("web-0", "web-1"))
    assert summary(shop.run()).created == 2
    (shop.path / "more.yaml").unlink()
    assert summary(shop.run()).deleted == 1


def test_null_in_labels_annotations_and_data_is_the_empty_text_as_on_the_server(
    shop: Directory,
) -> None:
    shop.write("pods.yaml", POD.replace("{app: web}", "{app: web, empty: }\n  annotations: {a: ~}"))
    assert shop.pod().labels == {"app": "web", "empty": ""}
    assert shop.pod().annotations == {"a": ""}
    shop.write("made.yaml", yaml.safe_dump({**GENERATED, "data": {"podName": None}}))
    (found,) = shop.snapshot().config_maps
    assert found.data == {"podName": ""}


def test_a_manifest_without_a_namespace_is_in_the_runs_single_one(shop: Directory) -> None:
    """behavior.md §8: the same as kubectl's -n."""
    assert [pod.namespaced_name.namespace for pod in shop.snapshot("shop").pods] == ["shop"]
    assert [config.namespaced_name.namespace for config in shop.snapshot("shop").configs] == [
        "shop"
    ]


def test_a_manifest_without_a_namespace_is_an_error_with_several(shop: Directory) -> None:
    with pytest.raises(InputError, match=r"yaml:3: .* has no namespace"):
        shop.snapshot("shop", "other")


def test_uids_and_generations_that_stand_there_are_kept(shop: Directory) -> None:
    shop.write("pods.yaml", POD.replace("name: web-0", "name: web-0\n  uid: u-1"))
    shop.write("configs.yaml", CONFIG.replace("{name: web}", "{name: web, generation: 7}"))
    assert shop.pod().uid == "u-1"
    assert shop.config().generation == 7


def test_a_pod_without_a_status_is_pending_in_the_default_namespace(directory: Directory) -> None:
    directory.write("a.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, uid: null}\n")
    found = directory.pod()
    assert found.namespaced_name == NamespacedName("default", "a")
    assert (found.phase, found.node_name, found.uid) == ("Pending", "", "")


def test_kinds_that_are_not_ours_are_passed_over(directory: Directory) -> None:
    directory.write("a.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: 5}\n")
    directory.write("b.yaml", "apiVersion: example.com/v1\nkind: Pod\nmetadata: {name: a}\n")
    directory.write("c.yaml", "apiVersion: v2\nkind: PodConfigMapConfig\nmetadata: {name: a}\n")
    seen = directory.snapshot()
    assert (seen.pods, seen.configs, seen.problems) == ((), (), ())


def test_without_a_namespace_every_one_found_is_in_scope(shop: Directory) -> None:
    """behavior.md §8. With -n, only the named ones are in scope."""
    shop.write("other.yaml", POD.replace("name: web-0", "name: web-0\n  namespace: other"))
    assert {pod.namespaced_name.namespace for pod in shop.snapshot().pods} == {"default", "other"}
    shop.write("pods.yaml", POD.replace("name: web-0", "name: web-0\n  namespace: shop"))
    shop.write("configs.yaml", CONFIG.replace("{name: web}", "{name: web, namespace: shop}"))
    assert [pod.namespaced_name.namespace for pod in shop.snapshot("other").pods] == ["other"]
    assert shop.snapshot("none").pods == ()


def test_one_object_that_does_not_decode_is_a_problem_with_the_values_own_line(
    shop: Directory,
) -> None:
    shop.write("bad.yaml", "---\n" + POD.replace("web-0", "bad-0").replace("app: web", "app: 2"))
    seen = shop.snapshot()
    assert [pod.namespaced_name.name for pod in seen.pods] == ["web-0"]
    (problem,) = seen.problems
    assert (problem.kind, problem.reason) == ("Pod", Reason.UNDECODABLE)
    assert problem.message == (
        f'{shop.path / "bad.yaml"}:6: metadata.labels["app"]: must be text, and 2 is a number: '
        'quote it: "2"'
    )


@pytest.mark.parametrize(
    "metadata",
    [
        "{}",
        "null",
        "[]",
        "{name: ''}",
        "{name: 5}",
        "{name: Web}",
        "{name: ../../etc/passwd}",
        "{name: a, namespace: ..}",
        "{name: a, namespace: a/b}",
        "{name: a, namespace: a.b}",
        "{name: a, namespace: 5}",
        '{name: "a\\n"}',
    ],
)
def test_a_name_that_no_file_should_have_is_an_error(directory: Directory, metadata: str) -> None:
    """Names become file names. The error has the file and line (behavior.md §7)."""
    directory.write("a.yaml", f"apiVersion: v1\nkind: ConfigMap\nmetadata: {metadata}\n")
    assert directory.refused().startswith(f"{directory.path / 'a.yaml'}:3: ")


def test_an_object_that_stands_twice_is_an_error_that_names_both(shop: Directory) -> None:
    shop.write("z.yaml", "\n" + POD)
    said = shop.refused()
    assert f"{shop.path / 'z.yaml'}:2" in said
    assert f"{shop.path / 'pods.yaml'}:1" in said


def test_a_run_writes_what_is_missing_below_generated(shop: Directory) -> None:
    report = shop.run()
    assert summary(report).created == 1
    assert exit_code(report) == 0
    assert loaded(shop.generated) == GENERATED


def test_a_dry_run_writes_nothing(shop: Directory) -> None:
    before = shop.files()
    assert summary(shop.run(dry=True)).created == 1
    assert shop.files() == before
    assert not shop.generated.parent.exists()


def test_a_second_run_changes_nothing(shop: Directory) -> None:
    shop.run(now=EARLIER)
    before = shop.files()
    assert summary(shop.run(now=NOW)).changed == 0
    assert shop.files() == before


@pytest.mark.parametrize(
    "value",
    [
        "yes",
        "1:30",
        "2026-01-01",
        "0x1F",
        "null",
        "~",
        "",
        " lead and trail ",
        "line\nline\n\n",
        "\n\nlead",
        "tab\there",
        "carriage\rreturn\r\n",
        "next line\x85 and \u2028 \u2029",
        "\x00\x07\x1b[31m\x7f",
        "\ufeffmark",
        "# no comment",
        "key: value",
        "- item",
        "'quote\"",
        "\\n",
        "word " * 100,
        "x" * 5_000,
        "\N{GRINNING FACE} é e\u0301",
        "---\n...\n",
        "%TAG",
        "&a *a !b",
        "<<",
        "=",
        "?",
        "@`",
    ],
)
def test_any_value_survives_being_written_and_read(directory: Directory, value: str) -> None:
    """Otherwise a second run would find drift."""
    annotated: Json = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-0", "annotations": {"a": value}},
    }
    directory.write("pod.json", json.dumps(annotated))
    directory.write(
        "config.yaml", CONFIG.replace("labelsToInclude: [app]", "annotationsToInclude: [a]")
    )
    assert summary(directory.run()).created == 1
    (written,) = directory.snapshot().config_maps
    assert written.data["annotation_a"] == value
    assert summary(directory.run()).unchanged == 1


def test_drift_in_a_generated_manifest_is_put_back(shop: Directory) -> None:
    shop.run()
    changed = yaml.safe_dump({**GENERATED, "data": {"podName": "edited", "added": "x"}})
    shop.write("generated/default/pod-web-0-from-web-cfg.yaml", changed)
    assert summary(shop.run()).updated == 1
    assert loaded(shop.generated) == GENERATED


def test_what_others_put_on_a_generated_manifest_stays(shop: Directory) -> None:
    team = {"apiVersion": "v1", "kind": "Team", "name": "t", "uid": "u"}
    metadata = {
        **GENERATED["metadata"],
        "labels": {**GENERATED["metadata"]["labels"], "team": "blue"},
        "annotations": {"note": "x"},
        "ownerReferences": [team],
        "finalizers": ["example.com/f"],
    }
    shop.write(
        "generated/default/pod-web-0-from-web-cfg.yaml",
        yaml.safe_dump({**GENERATED, "data": {}, "metadata": metadata, "immutable": False}),
    )
    assert summary(shop.run()).updated == 1
    assert loaded(shop.generated) == {
        **GENERATED,
        "metadata": metadata,
        "immutable": False,
    }


def test_one_that_stands_elsewhere_is_hidden_by_an_update_and_never_edited(
    shop: Directory,
) -> None:
    """behavior.md §8: the manifests read are never edited."""
    shop.write("dump.yaml", yaml.safe_dump({**GENERATED, "data": {"podName": "old"}}))
    before = shop.files()
    assert summary(shop.run()).updated == 1
    after = shop.files()
    assert after.pop("generated/default/pod-web-0-from-web-cfg.yaml")
    assert after == before
    assert loaded(shop.generated) == GENERATED
    assert summary(shop.run()).unchanged == 1


def test_one_that_stands_elsewhere_in_step_is_left(shop: Directory) -> None:
    shop.write("dump.yaml", yaml.safe_dump(GENERATED))
    assert summary(shop.run()).unchanged == 1
    assert not shop.generated.exists()


def test_a_generated_manifest_that_nothing_wants_is_deleted_with_its_folder(
    shop: Directory,
) -> None:
    shop.run()
    (shop.path / "pods.yaml").unlink()
    assert summary(shop.run()).deleted == 1
    assert not shop.generated.parent.exists()
    assert (shop.path / "generated").is_dir()


def test_others_files_beside_a_deleted_one_stay(shop: Directory) -> None:
    shop.run()
    shop.write("generated/default/notes.txt", "mine")
    (shop.path / "pods.yaml").unlink()
    assert summary(shop.run()).deleted == 1
    assert [path.name for path in shop.generated.parent.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("is_updated_before", [False, True])
def test_one_that_stands_elsewhere_is_not_deleted_and_says_where(
    shop: Directory, is_updated_before: bool
) -> None:
    """behavior.md §8: podcm-sync never edits it, so that object fails, and the message says why."""
    shop.write("dump.yaml", "\n" + yaml.safe_dump({**GENERATED, "data": {}}))
    if is_updated_before:
        shop.run()
    (shop.path / "pods.yaml").unlink()
    before = shop.files()
    report = shop.run()
    (outcome,) = report.outcomes
    assert (outcome.result, outcome.reason) == (Result.SKIPPED, Reason.READ_ONLY)
    assert f"{shop.path / 'dump.yaml'}:2" in outcome.message
    assert shop.files() == before
    assert exit_code(report) == 3


def test_a_dry_run_has_the_exit_code_of_the_run(shop: Directory) -> None:
    """behavior.md §7: a dry run has the same exit codes."""
    shop.write("dump.yaml", yaml.safe_dump(GENERATED))
    (shop.path / "pods.yaml").unlink()
    assert exit_code(shop.run(dry=True)) == exit_code(shop.run())


def test_a_foreign_config_map_of_a_desired_name_is_left(shop: Directory) -> None:
    """behavior.md §3. It doesn't have our label, so podcm-sync finds it by its name."""
    shop.write(
        "mine.yaml",
        yaml.safe_dump({**GENERATED, "metadata": {"name": GENERATED["metadata"]["name"]}}),
    )
    before = shop.files()
    report = shop.run()
    (outcome,) = report.outcomes
    assert (outcome.result, outcome.reason) == (Result.SKIPPED, Reason.FOREIGN)
    assert shop.files() == before


def test_a_foreign_config_map_of_another_name_is_nobodys_business(shop: Directory) -> None:
    shop.write("mine.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mine}\ndata: 5\n")
    assert exit_code(shop.run()) == 0


def test_statuses_are_only_shown(shop: Directory) -> None:
    """behavior.md §8."""
    before = shop.files()["configs.yaml"]
    (status,) = shop.run().statuses
    assert status.result is Result.SKIPPED
    assert status.update.desired.observed_generation == 1
    assert shop.files()["configs.yaml"] == before


def test_a_write_leaves_no_temporary_file_and_honours_the_umask(shop: Directory) -> None:
    shop.run()
    assert [path.name for path in shop.generated.parent.iterdir()] == [shop.generated.name]
    made = (shop.path / "made").open("w")
    made.close()
    expected = stat.S_IMODE((shop.path / "made").stat().st_mode)
    assert stat.S_IMODE(shop.generated.stat().st_mode) == expected


def test_a_file_is_replaced_and_never_written_in_place(shop: Directory) -> None:
    """A killed run leaves the old file or the new one. A reader of the old file sees all of it."""
    shop.run()
    with shop.generated.open(encoding="utf-8") as held:
        shop.write("pods.yaml", POD.replace("node-a", "node-b"))
        assert summary(shop.run()).updated == 1
        assert yaml.safe_load(held) == GENERATED
    assert loaded(shop.generated) != GENERATED


def test_a_file_that_cannot_be_written_is_one_objects_failure(shop: Directory) -> None:
    """A file has the name that the folder needs."""
    shop.write("generated/default", "a file")
    shop.write("pods.yaml", POD + "---\n" + POD.replace("name: web-0", "name: b\n  namespace: o"))
    shop.write("more.yaml", CONFIG.replace("{name: web}", "{name: web, namespace: o}"))
    report = shop.run()
    assert [outcome.result for outcome in report.outcomes] == [Result.FAILED, Result.CREATED]
    assert exit_code(report) == 3


def test_many_deletes_at_once_are_all_carried_out(directory: Directory) -> None:
    """With two in each of 400 namespaces, threads meet in some of them."""
    for number in range(400):
        namespace = f"  namespace: n-{number}"
        twins = (POD.replace("name: web-0", f"name: {name}\n{namespace}") for name in "ab")
        directory.write(f"{number}/pods.yaml", "---\n".join(twins))
        config = CONFIG.replace("{name: web}", f"{{name: web, namespace: n-{number}}}")
        directory.write(f"{number}/config.yaml", config)
    assert summary(directory.run()).created == 800
    for pods in directory.path.glob("*/pods.yaml"):
        pods.unlink()
    counts = summary(directory.run())
    assert (counts.deleted, counts.failed) == (800, 0)


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param("{~: x}", id="null as key"),
        pytest.param(r'{a: "\ud800"}', id="half a character"),
        pytest.param("&a {more: *a}", id="an alias of itself"),
        pytest.param(f"{'[' * 20_000}{']' * 20_000}", id="nested beyond reason"),
        pytest.param("!!binary 5", id="what no JSON can be made of"),
    ],
)
def test_what_no_api_server_could_be_sent_is_unreadable_input(
    directory: Directory, manifest: str
) -> None:
    """behavior.md §7: exit 2, never the 70 of a bug."""
    directory.write("a.yaml", f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nx: {manifest}\n")
    assert directory.refused().startswith(f"{directory.path / 'a.yaml'}:")


def test_aliases_that_stand_for_more_than_memory_holds_are_refused(directory: Directory) -> None:
    """Ten lines of nested aliases stand for a billion nodes."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for number in range(1, 9):
        lines.append(f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]")
    directory.write("a.yaml", "\n".join(["apiVersion: v1", "kind: Pod", *lines]))
    assert "a.yaml" in directory.refused()


def test_half_a_character_in_json_is_unreadable_input(directory: Directory) -> None:
    body = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "x": "\\ud800"}'
    directory.write("pod.json", body)
    assert directory.refused().startswith(f"{directory.path / 'pod.json'}:1: ")


def test_a_yaml_boolean_as_key_is_the_text_that_kubectl_makes_of_it(directory: Directory) -> None:
    directory.write("pod.yaml", POD.replace("app: web", "on: web, 5: five"))
    assert directory.pod().labels == {"true": "web", "5": "five"}


def test_what_else_stands_in_a_generated_file_is_not_lost(shop: Directory) -> None:
    """behavior.md §8: podcm-sync never edits the manifests that it reads, such as this Pod."""
    stale = yaml.safe_dump({**GENERATED, "data": {}})
    shop.write(
        "generated/default/pod-web-0-from-web-cfg.yaml",
        stale + "---\n" + POD.replace("web-0", "beside"),
    )
    assert len(shop.snapshot().pods) == 2
    shop.run()
    assert len(shop.snapshot().pods) == 2


def test_two_of_ours_in_one_file_are_written_one_beside_the_other(shop: Directory) -> None:
    """One is updated, then the other is deleted. Each write keeps the result of the other one."""
    shop.run()
    stale = yaml.safe_dump_all(
        [
            {**GENERATED, "data": {}},
            {
                **GENERATED,
                "metadata": {**GENERATED["metadata"], "name": "pod-gone-from-web-cfg"},
            },
        ]
    )
    shop.generated.unlink()
    shop.write("generated/both.yaml", stale)
    counts = summary(shop.run())
    assert (counts.updated, counts.created) == (1, 0)
    (left,) = yaml.safe_load_all((shop.path / "generated/both.yaml").read_text(encoding="utf-8"))
    assert left["data"] == GENERATED["data"]
    assert summary(shop.run()).unchanged == 1


def test_one_of_ours_in_a_json_file_can_be_read_again(shop: Directory) -> None:
    stale = json.dumps({**GENERATED, "data": {}})
    shop.write("generated/default/pod-web-0-from-web-cfg.json", stale)
    assert summary(shop.run()).updated == 1
    assert summary(shop.run()).unchanged == 1


def test_a_name_too_long_for_a_file_is_cut_there_and_whole_inside(directory: Directory) -> None:
    directory.write("pods.yaml", POD.replace("web-0", "p" * 200))
    directory.write("configs.yaml", CONFIG.replace("{name: web}", f"{{name: {'c' * 39}}}"))
    assert summary(directory.run()).created == 1
    (written,) = directory.snapshot().config_maps
    assert len(written.namespaced_name.name) == 253
    assert summary(directory.run()).unchanged == 1


@pytest.mark.parametrize(
    "header",
    [
        "apiVersion: v1\nkind: pod",
        "apiVersion: v1\nkind: Configmap",
        "apiVersion: podconfig.example.com/v1\nkind: PodConfigMapConfig",
        "apiVersion: podconfig.example.com/v1alpha1\nkind: podconfigmapconfig",
    ],
)
def test_a_slip_in_a_kind_is_an_error_and_not_an_object_less(
    directory: Directory, header: str
) -> None:
    directory.write("a.yaml", f"{header}\nmetadata: {{name: a}}\n")
    assert directory.refused().startswith(f"{directory.path / 'a.yaml'}:2: ")


@pytest.mark.parametrize("target", ["nowhere.yaml", "../outside.yaml", "../outside"])
def test_a_link_that_cannot_be_followed_is_an_error(
    directory: Directory, tmp_path: Path, target: str
) -> None:
    """A folder that podcm-sync cannot read must not count as empty."""
    inside = Directory(tmp_path / "inside")
    directory.write("outside.yaml", POD)
    directory.write("outside/a.yaml", POD)
    inside.write("config.yaml", CONFIG)
    (inside.path / "link.yaml").symlink_to(target)
    assert "link.yaml" in inside.refused()


def test_nothing_is_written_through_a_link_that_leads_out(shop: Directory, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (shop.path / "generated").mkdir()
    writer = DirectoryCluster(shop.path)
    seen = writer.snapshot(EVERYWHERE)
    (shop.path / "generated" / "default").symlink_to(outside)
    plan = diff(seen, build(seen), writer.occupied_names({"default"}))
    (outcome,) = outcomes_of(plan, writer, concurrency=1)
    assert (outcome.result, outcome.reason) == (Result.FAILED, Reason.WRITE_FAILED)
    assert list(outside.iterdir()) == []


def test_a_file_that_is_no_manifest_is_not_overwritten(shop: Directory) -> None:
    shop.write("generated/default/pod-web-0-from-web-cfg.yaml", "# only a comment\n")
    before = shop.files()
    (outcome,) = shop.run().outcomes
    assert outcome.result is Result.FAILED
    assert shop.files() == before


def test_a_link_planted_where_a_temporary_file_was_expected_is_not_written_through(
    shop: Directory, tmp_path: Path
) -> None:
    """Anyone who can commit to the directory can predict a temporary name made from other names."""
    precious = tmp_path.parent / f"{tmp_path.name}-precious"
    precious.write_text("precious")
    digest = hashlib.sha256(shop.generated.name.encode()).hexdigest()[:16]
    shop.generated.parent.mkdir(parents=True)
    (shop.generated.parent / f".{digest}.tmp").symlink_to(precious)
    assert summary(shop.run()).created == 1
    assert precious.read_text() == "precious"
    assert loaded(shop.generated) == GENERATED


@pytest.mark.parametrize("linked", ["generated", "generated/default"])
def test_nothing_is_deleted_through_a_link_that_leads_out(
    shop: Directory, tmp_path: Path, linked: str
) -> None:
    shop.run()
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    (shop.path / linked).rename(outside)
    (shop.path / linked).symlink_to(outside)
    before = sorted(path.name for path in outside.rglob("*"))
    (shop.path / "pods.yaml").unlink()
    shop.exit_code()
    assert sorted(path.name for path in outside.rglob("*")) == before
