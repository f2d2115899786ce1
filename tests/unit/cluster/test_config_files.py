"""The files of `-f`: which configs they have, and where they are wrong."""

import io
import json
import sys
from pathlib import Path

import pytest

from podcm_sync.cluster.config_files import configs
from podcm_sync.core.desired import spec_problem
from podcm_sync.errors import InputError
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import PodConfigMapConfig, PodConfigMapConfigStatus, Scope, Shard
from tests.controlplane.crd_case import Case
from tests.controlplane.crd_cases import CASES
from tests.controlplane.crd_objects import pcmc

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
        with pytest.raises(InputError, match=r"a\.yaml:3: .* names no namespace"):
            configs([file], scope)


@pytest.mark.parametrize(
    ("metadata", "scope", "why"),
    [
        ("{name: a, namespace: other}", SHOP, "other/a is outside of the run's scope"),
        ("{name: A}", SHOP, "'A' is not a legal name"),
        ("{}", SHOP, "has no metadata.name: write one"),
        ("{generateName: a-}", SHOP, "has no metadata.name: write one"),
        ("5", SHOP, "has no metadata.name: write one"),
        ("{name: a, namespace: a.b}", ANY, "'a.b' is not a legal name"),
        ("{name: a, namespace: 5}", ANY, "5 is not a legal name"),
        ("{name: a, namespace: []}", ANY, "[] is not a legal name"),
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
    with pytest.raises(InputError, match=r"two\.yaml:3: .* shop/a stands in .*one\.yaml:3 already"):
        configs([one, two], SHOP)


def test_another_version_is_refused_and_other_kinds_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
    assert configs([str(file)], SHOP) == ()
    file.write_text(HEAD.replace("v1alpha1", "v2") + "metadata: {name: a}\n")
    with pytest.raises(InputError, match="v2' is not served: write podconfig"):
        configs([str(file)], SHOP)


def test_an_unusable_spec_is_the_runs_to_say(tmp_path: Path) -> None:
    (found,) = configs([written(tmp_path / "a.yaml", "{name: a}", "spec: [1]")], SHOP)
    assert found.spec is None
    assert found.spec_error


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_what_the_crd_would_refuse_is_invalid_in_a_preview(case: Case, tmp_path: Path) -> None:
    """By the table that a real server is held to in tests/controlplane/test_crd.py."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps(pcmc(case.spec, "shop")))
    (found,) = configs([str(file)], SHOP)
    # The template engine, which this does not ask, has the syntax to say.
    assert (spec_problem(found) == "") == case.accepted


def test_an_empty_name_is_not_the_working_directory() -> None:
    """What `-f "$FILES"` gives where the variable is not set."""
    with pytest.raises(InputError, match="an empty name"):
        configs([""], SHOP)


def test_stdin_that_is_no_text_is_an_input_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xc3\x28"), encoding="utf-8"))
    with pytest.raises(InputError, match="-:1: is not text: save it as UTF-8"):
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
    with pytest.raises(InputError, match="twice"):
        configs(["-", "-"], SHOP)
