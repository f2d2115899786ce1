"""An inventory knows whose each file is, where a new one goes, and what else a file has (§8)."""

from pathlib import Path

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.cluster.files.inventory import Inventory
from podcm_sync.errors import InputError

NAME = NamespacedName("shop", "pod-a-from-b-cfg")
OURS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: pod-a-from-b-cfg
  namespace: shop
  labels: {podconfig.example.com/generated-by-pcmc: b}
"""
OTHER = "apiVersion: v1\nkind: Service\nmetadata: {name: beside}\n"


def inventory(directory: Path, **files: str) -> Inventory:
    """The inventory of a directory with these files; `__` in a path stands for `/`."""
    for name, text in files.items():
        path = directory / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Inventory(directory)


def test_a_new_manifest_goes_below_generated_and_its_namespace(tmp_path: Path) -> None:
    path = inventory(tmp_path).path(NAME)
    assert path == tmp_path / "generated" / "shop" / "pod-a-from-b-cfg.yaml"


def test_one_that_is_ours_is_written_where_it_stands(tmp_path: Path) -> None:
    assert inventory(tmp_path, generated__all=OURS).path(NAME) == tmp_path / "generated/all.yaml"


def test_one_that_stands_elsewhere_is_not_ours_to_edit(tmp_path: Path) -> None:
    files_read = inventory(tmp_path, dump=OURS)
    assert files_read.path(NAME) == tmp_path / "generated" / "shop" / "pod-a-from-b-cfg.yaml"
    (manifest,) = files_read.outside_generated(NAME)
    assert str(manifest) == f"{tmp_path / 'dump.yaml'}:1"
    assert inventory(tmp_path, generated__x=OURS).outside_generated(NAME) != []


def test_ours_hides_a_dump_of_it_wherever_the_path_order_brings_it(tmp_path: Path) -> None:
    for dump in ("a", "z"):
        directory = tmp_path / dump
        stale = OURS + "data: {a: stale}\n"
        files_read = inventory(directory, **{dump: stale, "generated__x": OURS})
        assert "data" not in files_read.stored["ConfigMap", NAME].content


@pytest.mark.parametrize(
    "files",
    [
        {"a": OURS, "b": OURS},
        {"generated__a": OURS, "generated__b": OURS},
        {"a": OURS, "b": OURS, "generated__c": OURS},
        {"a": f"{OURS}---\n{OURS}"},
        {"a": OURS.replace("generated-by-pcmc", "other"), "generated__b": OURS},
    ],
)
def test_whatever_else_stands_twice_is_an_error(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(InputError, match="ConfigMap shop/pod-a-from-b-cfg is also in "):
        inventory(tmp_path, **files)


def test_what_stands_beside_is_kept_through_writes(tmp_path: Path) -> None:
    files_read = inventory(tmp_path, generated__x=f"{OURS}---\n{OTHER}")
    assert [content["kind"] for content in files_read.others_in_file(NAME)] == ["Service"]
    files_read.record_write(NAME, None)
    assert [content["kind"] for content in files_read.others_in_file(NAME)] == ["Service"]
    written = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME.name}}
    files_read.record_write(NAME, written)
    assert [content["kind"] for content in files_read.others_in_file(NAME)][-1] == "Service"


def test_a_long_names_file_is_cut_and_stays_its_own(tmp_path: Path) -> None:
    files_read = inventory(tmp_path)
    one = files_read.path(NamespacedName("shop", f"pod-{'p' * 245}-cfg"))
    other = files_read.path(NamespacedName("shop", f"pod-{'p' * 244}q-cfg"))
    assert len(one.name.encode()) <= 255
    assert one != other
