"""What a directory holds (spec §8): whose a file is, where one goes, what stands beside it."""

from pathlib import Path

import pytest

from podcm_sync.cluster.inventory import Inventory
from podcm_sync.errors import InputError
from podcm_sync.model.meta import NamespacedName

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
    """Files by path, `__` for `/`."""
    for name, text in files.items():
        path = directory / f"{name.replace('__', '/')}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Inventory(directory)


def test_a_new_manifest_goes_below_generated_and_its_namespace(tmp_path: Path) -> None:
    found = inventory(tmp_path).path(NAME)
    assert found == tmp_path / "generated" / "shop" / "pod-a-from-b-cfg.yaml"


def test_one_that_is_ours_is_written_where_it_stands(tmp_path: Path) -> None:
    assert inventory(tmp_path, generated__all=OURS).path(NAME) == tmp_path / "generated/all.yaml"


def test_one_that_stands_elsewhere_is_not_ours_to_edit(tmp_path: Path) -> None:
    found = inventory(tmp_path, dump=OURS)
    assert found.path(NAME) == tmp_path / "generated" / "shop" / "pod-a-from-b-cfg.yaml"
    assert [str(each) for each in found.elsewhere(NAME)] == [f"{tmp_path / 'dump.yaml'}:1"]
    assert inventory(tmp_path, generated__x=OURS).elsewhere(NAME) != []


def test_ours_hides_a_dump_of_it_wherever_the_path_order_brings_it(tmp_path: Path) -> None:
    for dump in ("a", "z"):
        directory = tmp_path / dump
        stale = OURS + "data: {a: stale}\n"
        found = inventory(directory, **{dump: stale, "generated__x": OURS})
        assert "data" not in found.stored["ConfigMap", NAME].content


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
    with pytest.raises(InputError, match="ConfigMap shop/pod-a-from-b-cfg stands in "):
        inventory(tmp_path, **files)


def test_what_stands_beside_is_kept_through_writes(tmp_path: Path) -> None:
    found = inventory(tmp_path, generated__x=f"{OURS}---\n{OTHER}")
    assert [each["kind"] for each in found.beside(NAME)] == ["Service"]
    found.note(NAME, None)
    assert [each["kind"] for each in found.beside(NAME)] == ["Service"]
    found.note(NAME, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME.name}})
    assert [each["kind"] for each in found.beside(NAME)][-1] == "Service"


def test_a_long_names_file_is_cut_and_stays_its_own(tmp_path: Path) -> None:
    found = inventory(tmp_path)
    one = found.path(NamespacedName("shop", f"pod-{'p' * 245}-cfg"))
    other = found.path(NamespacedName("shop", f"pod-{'p' * 244}q-cfg"))
    assert len(one.name.encode()) <= 255
    assert one != other
