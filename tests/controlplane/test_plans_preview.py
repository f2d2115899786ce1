"""`--dry-run -f`: what a change of configs would do, before it is merged, with `list` alone."""

from pathlib import Path

import pytest
import yaml

from tests import command
from tests.controlplane.accounts import LISTS, account, kubeconfig_of
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    all_config_maps,
    change_config,
    make_config,
    names,
    selecting,
    status_of,
)
from tests.controlplane.syncing import sync


@pytest.fixture
def lister(api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """A kubeconfig of an account that may list in the test's namespace, and nothing else."""
    return kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, LISTS))


def file_of(path: Path, *objects: Object) -> str:
    path.write_text("---\n".join(map(yaml.safe_dump, objects)))
    return str(path)


def without_namespace(config: Object) -> Object:
    metadata = {key: value for key, value in config["metadata"].items() if key != "namespace"}
    return {**config, "metadata": metadata}


def test_it_shows_creates_updates_and_deletes_of_files_with_the_right_to_list(
    *, api: Api, audit: Audit, namespace: str, kubeconfig: Path, lister: Path, tmp_path: Path
) -> None:
    """One config is changed, one is new, one is as it was; nothing but lists is asked."""
    for name, tier in (("a", "web"), ("b", "web"), ("c", "db")):
        api.make_pod(namespace, name, labels={"tier": tier}, annotations={"note": "hello"})
    for name in ("changed", "same"):
        make_config(api, namespace, name, selecting(tier="web"))
    assert sync(kubeconfig).counts == {"created": 4}
    before = all_config_maps(api, namespace)

    changed = pcmc({**selecting(tier="db"), "labelsToInclude": ["tier"]}, name="changed")
    new = pcmc({"annotationsToInclude": ["note"]}, name="new")
    file = file_of(
        tmp_path / "configs.yaml",
        without_namespace(changed),
        without_namespace(new),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"}},
    )
    mark = audit.mark()
    done = command.run("--dry-run", "-f", file, "--diff", "full", kubeconfig=lister)
    assert done.code == 0, done.stderr
    for verb, name in (
        ("create", "pod-c-from-changed-cfg"),
        ("delete", "pod-a-from-changed-cfg"),
        ("delete", "pod-b-from-changed-cfg"),
        ("create", "pod-a-from-new-cfg"),
        ("create", "pod-b-from-new-cfg"),
        ("create", "pod-c-from-new-cfg"),
    ):
        assert f"{verb:10} {namespace}/{name}" in done.stdout
    assert "+  annotation_note: hello" in done.stdout
    assert "4 to create, 0 to update, 2 to delete, 2 unchanged" in done.stdout
    asked = audit.since(mark, user=f"system:serviceaccount:{namespace}:tested")
    # What any account may ask, and no list: which resources there are.
    assert {each.verb for each in asked if each.resource} == {"list"}
    assert all_config_maps(api, namespace) == before


def test_only_files_shows_the_removal_of_a_file_as_deletions_under_the_guard(
    api: Api, namespace: str, kubeconfig: Path, lister: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        api.make_pod(namespace, name)
    for name in ("kept", "removed"):
        make_config(api, namespace, name)
    assert sync(kubeconfig).counts == {"created": 4}
    file = file_of(tmp_path / "kept.yaml", pcmc({}, namespace, "kept"))

    over = command.run("--dry-run", "-f", file, kubeconfig=lister)
    assert (over.code, "0 to delete, 4 unchanged" in over.stdout) == (0, True)

    alone = command.run("--dry-run", "-f", file, "--only-files", kubeconfig=lister)
    assert alone.code == 0
    assert alone.stdout.splitlines()[:3] == [
        f"{namespace}/removed",
        "  - 2 ConfigMaps: PodConfigMapConfig removed is gone",
        "    pod-a-from-removed-cfg, pod-b-from-removed-cfg",
    ]
    assert "2 to delete, 2 unchanged" in alone.stdout

    guarded = ("--dry-run", "-f", file, "--only-files", "--max-prune", "1")
    held_back = command.run(*guarded, kubeconfig=lister)
    assert held_back.code == 4
    assert "to allow them, use --max-prune 2, or: kubectl -n " in held_back.stdout
    assert len(names(api, namespace)) == 4


def test_a_namespace_that_only_files_speak_of_has_its_pods_listed(
    api: Api, kubeconfig: Path, tmp_path: Path
) -> None:
    """Under -A only the Pods of namespaces with configs or ConfigMaps are listed otherwise.

    And whole, as the one template asks for an annotation that no other config includes.
    """
    bare, used = new_namespace(api), new_namespace(api)
    for where in (bare, used):
        api.make_pod(where, "web", annotations={"note": f"of {where}"})
    make_config(api, used, "there")
    spec = {"configMapDataTemplate": {"said": '{{ index .annotations "note" }}'}}
    file = file_of(tmp_path / "new.yaml", pcmc(spec, bare, "new"))
    done = command.run("--dry-run", "-A", "-f", file, "--diff", "full", kubeconfig=kubeconfig)
    assert f"create     {bare}/pod-web-from-new-cfg" in done.stdout
    assert f"+  said: of {bare}" in done.stdout
    assert f"create     {used}/pod-web-from-there-cfg" in done.stdout


def test_an_invalid_file_is_a_problem_and_changes_nothing_of_what_is_there(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    assert sync(kubeconfig).counts == {"created": 1}
    selector = {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}
    file = file_of(tmp_path / "bad.yaml", pcmc({"podSelector": selector}, namespace))
    done = command.run("--dry-run", "-f", file, "-v", kubeconfig=kubeconfig)
    assert done.code == 3
    assert f"✘ PodConfigMapConfig {namespace}/mine  InvalidSpec" in done.stdout
    assert f"skipped    {namespace}/pod-web-from-mine-cfg  ConfigInvalid" in done.stdout


def test_files_from_stdin_and_from_a_directory_are_one_set(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    api.make_pod(namespace, "web")
    folder = tmp_path / "configs"
    folder.mkdir()
    file_of(folder / "one.yaml", pcmc({}, namespace, "one"))
    piped = yaml.safe_dump(without_namespace(pcmc({}, name="two")))
    options = ("--dry-run", "-f", str(folder), "-f", "-")
    done = command.run(*options, kubeconfig=kubeconfig, stdin=piped)
    assert done.code == 0, done.stderr
    for name in ("one", "two"):
        assert f"  + pod-web-from-{name}-cfg\n" in done.stdout

    piped = yaml.safe_dump(pcmc({}, namespace, "one"))
    twice = command.run(*options, kubeconfig=kubeconfig, stdin=piped)
    assert twice.code == 2
    assert f"PodConfigMapConfig {namespace}/one is also in {folder}/one.yaml:1" in (
        command.error_of(twice)
    )


def test_a_file_of_another_namespace_than_the_runs_is_refused(
    namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    file = file_of(tmp_path / "other.yaml", pcmc({}, "elsewhere", "new"))
    done = command.run("--dry-run", "-f", file, kubeconfig=kubeconfig)
    assert done.code == 2
    error = command.error_of(done)
    assert f"{file}:1: PodConfigMapConfig elsewhere/new is outside" in error
    assert namespace in error


def test_a_preview_keeps_what_the_live_object_has_and_a_suspended_file_touches_nothing(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    assert sync(kubeconfig).counts == {"created": 1}
    change_config(api, namespace, selecting(tier="none"))
    file = file_of(tmp_path / "suspend.yaml", pcmc({"suspend": True}, namespace))
    done = command.run("--dry-run", "-f", file, kubeconfig=kubeconfig)
    assert (done.code, "0 to delete" in done.stdout, "1 skipped" in done.stdout) == (0, True, True)
    assert status_of(api, namespace)["observedGeneration"] == 1
