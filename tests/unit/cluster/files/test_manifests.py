"""Manifest files as objects (behavior.md §8), each with file and line; YAML as kubectl reads it."""

import json
import os
import time
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from podcm_sync.cluster.files import yaml_reader
from podcm_sync.cluster.files.manifests import (
    Manifest,
    Skipped,
    Unreadable,
    read,
    read_file,
    survey,
)
from podcm_sync.errors import InputError


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path)


class Write:
    """Writes a file, and reads what is in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, text: str | bytes, name: str = "a.yaml") -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def read(self, text: str | bytes, name: str = "a.yaml") -> list[Manifest]:
        return list(read_file(self(text, name)))

    def spec(self, text: str) -> object:
        """The value that is read from a Pod's spec."""
        (found,) = self.read(f"apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {text}\n")
        return found.content["spec"]

    def refused(self, text: str | bytes, name: str = "a.yaml") -> str:
        """The error about a file, without the path at its start."""
        path = self(text, name)
        with pytest.raises(InputError) as caught:
            list(read_file(path))
        message = str(caught.value)
        assert message.startswith(str(path))
        return message.removeprefix(str(path))


POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"


def names(manifests: list[Manifest]) -> list[str]:
    return [manifest.content["metadata"]["name"] for manifest in manifests]


def test_a_file_of_many_documents_with_the_line_of_each(write: Write) -> None:
    found = write.read(
        "# a comment\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n"
        "---\n---\n# nothing here\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: b}\n"
    )
    assert names(found) == ["a", "b"]
    assert [manifest.place().line for manifest in found] == [2, 9]
    assert str(found[1]) == f"{write.directory / 'a.yaml'}:9"


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "---\n---\n", "null\n"])
def test_a_file_without_an_object_holds_none(write: Write, text: str) -> None:
    assert write.read(text) == []


def test_json_is_read_too(write: Write) -> None:
    body = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}'
    assert names(write.read(body, "a.json")) == ["a"]
    assert names(write.read(body, "a.yaml")) == ["a"]


@pytest.mark.parametrize("kind", ["List", "PodList"])
def test_the_items_of_a_list_are_objects_of_their_own(write: Write, kind: str) -> None:
    found = write.read(
        f"apiVersion: v1\nkind: {kind}\nitems:\n"
        "- {apiVersion: v1, kind: Pod, metadata: {name: a}}\n"
        "- {apiVersion: v1, kind: Pod, metadata: {name: b}}\n"
    )
    assert names(found) == ["a", "b"]
    assert {manifest.content["kind"] for manifest in found} == {"Pod"}


def test_the_items_of_a_pod_list_need_no_kind_of_their_own(write: Write) -> None:
    """The API server answers a list like this."""
    (found,) = write.read("apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n")
    assert found.content == {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}


def test_the_items_of_a_config_list_have_the_lists_api_version(write: Write) -> None:
    (found,) = write.read(
        "apiVersion: podconfig.example.com/v1alpha1\nkind: PodConfigMapConfigList\n"
        "items:\n- metadata: {name: a}\n"
    )
    assert found.content["kind"] == "PodConfigMapConfig"
    assert found.content["apiVersion"] == "podconfig.example.com/v1alpha1"


def test_lists_in_lists(write: Write) -> None:
    found = write.read(
        "apiVersion: v1\nkind: List\nitems:\n"
        "- {apiVersion: v1, kind: PodList, items: [{metadata: {name: a}}]}\n"
        "- {apiVersion: v1, kind: List, items: []}\n"
    )
    assert names(found) == ["a"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: true, b: false}", {"a": True, "b": False}),
        ("{a: yes, b: off}", {"a": True, "b": False}),
        ("{a: y, b: N, c: 'y'}", {"a": True, "b": False, "c": "y"}),
        ("{a: 4711e10, b: 09, c: 0o17, d: 1e3}", {"a": 47110000000000, "b": 9, "c": 15, "d": 1000}),
        ("{a: 0b1, b: 1_000, c: .5, d: 1e400}", {"a": 1, "b": 1000, "c": 0.5, "d": "1e400"}),
        ("[=, <<, '=']", ["=", "<<", "="]),
        ("!!python/object:os.system {}", {}),
        ("{a: &x {k: 1}, b: {k: 2, <<: *x}}", {"a": {"k": 1}, "b": {"k": 1}}),
        ("{a: 2026-01-01}", {"a": "2026-01-01"}),
        ("{a: 2026-01-01T00:00:00Z}", {"a": "2026-01-01T00:00:00Z"}),
        ("{a: '1:30', b: 1:30, c: 12:30:45}", {"a": "1:30", "b": "1:30", "c": "12:30:45"}),
        ("{a: 190:20:30.15}", {"a": "190:20:30.15"}),
        ("{a: 1, b: 1.5, c: '1'}", {"a": 1, "b": 1.5, "c": "1"}),
        ("{a: null, b: ~, c: ''}", {"a": None, "b": None, "c": ""}),
        ("{a: 0x1F, b: 1.5e+3}", {"a": 31, "b": 1500.0}),
        ("{a: &x {k: v}, b: *x}", {"a": {"k": "v"}, "b": {"k": "v"}}),
        ("{a: &x {k: v}, b: {<<: *x, l: w}}", {"a": {"k": "v"}, "b": {"k": "v", "l": "w"}}),
    ],
)
def test_scalars_and_merges_are_read_as_kubectl_reads_them(
    write: Write, text: str, expected: object
) -> None:
    """tests/cases/manifests compares many more with kubectl's own parser."""
    assert write.spec(text) == expected


def test_a_byte_order_mark_is_no_part_of_yaml(write: Write) -> None:
    assert names(write.read("\ufeff" + POD)) == ["a"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(POD + "metadata: {name: b}\n", 4, id="at the top"),
        pytest.param(f"---\n{POD}spec:\n  a: 1\n  b: 2\n  a: 3\n", 8, id="further in"),
        pytest.param(POD + "spec: {a: 1, 'a': 2}\n", 4, id="quoted"),
    ],
)
def test_a_key_that_stands_twice_is_an_error(write: Write, text: str, line: int) -> None:
    """Otherwise one of the two values is lost in silence."""
    assert write.refused(text).startswith(f":{line}: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("a: [\n", 2, id="unfinished"),
        pytest.param(POD + "---\na: b: c\n", 5, id="in a later document"),
        pytest.param("\tapiVersion: v1\n", 1, id="a tab"),
        pytest.param(POD + "spec: *nowhere\n", 4, id="an unknown anchor"),
        pytest.param(POD + "spec: {? [a] : b}\n", 4, id="a list as key"),
        pytest.param("- a\n", 1, id="a list"),
        pytest.param("just text\n", 1, id="text"),
        pytest.param("42\n", 1, id="a number"),
        pytest.param("\n\nfoo: bar\n", 3, id="no kind"),
        pytest.param("kind: Pod\n", 1, id="no apiVersion"),
        pytest.param("apiVersion: v1\nkind: 5\n", 1, id="a number as kind"),
        pytest.param("apiVersion: v1\nkind: List\nitems: [5]\n", 3, id="a number in a list"),
        pytest.param("apiVersion: v1\nkind: List\nitems: [{spec: b}]\n", 3, id="no kind in a list"),
    ],
)
def test_what_is_no_object_is_an_error_with_file_and_line(
    write: Write, text: str, line: int
) -> None:
    """behavior.md §7, exit 2: manifests: file and line."""
    assert write.refused(text).startswith(f":{line}: ")


@pytest.mark.parametrize(
    ("text", "line"), [("{", 2), ('{"a": 1,\n\n "b" 2}', 3), ("[]", 1), ("{}", 1)]
)
def test_json_that_is_no_object_is_an_error_with_file_and_line(
    write: Write, text: str, line: int
) -> None:
    assert write.refused(text, "a.json").startswith(f":{line}: ")


@pytest.mark.parametrize(
    "text", [b"\xff\xfea", b"a: \xc3\x28\n", b"\xff\xfe\x00\xd8a\x00", b"a\x00:\x00"]
)
def test_what_is_neither_utf_8_nor_utf_16_is_an_error(write: Write, text: bytes) -> None:
    write.refused(text)


def test_a_control_character_in_yaml_is_an_error(write: Write) -> None:
    write.refused(POD + "spec: {a: \x07}\n")


def test_a_file_that_cannot_be_opened_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        list(read_file(tmp_path / "none.yaml"))


def test_json_nested_beyond_reason_is_an_error(write: Write) -> None:
    """behavior.md §7: unreadable input is exit 2, not the 70 of a bug."""
    write.refused("[" * 100_000, "a.json")


def test_yaml_nested_beyond_reason_is_an_error(write: Write) -> None:
    write.refused("a: " + "[" * 20_000 + "\n")


def test_only_manifests_are_read_hidden_ones_aside_in_path_order(
    tmp_path: Path, write: Write
) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "sub/d.yaml"):
        write('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}}', name)
    for name in ("notes.txt", "README.md", ".hidden.yaml", ".git/e.yaml", "sub/.f/g.yaml"):
        write("neither read nor parsed: [", name)
    (tmp_path / "folder.yaml").mkdir()
    found = [manifest.path.relative_to(tmp_path).as_posix() for manifest in read(tmp_path)]
    assert found == ["a.yml", "b.yaml", "c.json", "sub/d.yaml"]


def test_a_directory_below_a_hidden_one_is_not_hidden_itself(tmp_path: Path) -> None:
    """Only names below the given directory decide what is hidden."""
    named = tmp_path / ".cache" / "shop"
    named.mkdir(parents=True)
    (named / "a.yaml").write_text(POD)
    assert names(list(read(named))) == ["a"]


def test_keys_that_are_read_as_one_are_an_error(write: Write) -> None:
    """Both are the boolean true in YAML 1.1, so one would be lost."""
    write.refused(POD + "spec: {on: a, yes: b}\n")


def test_keys_that_are_no_text_are_read_as_json_would_have_them(write: Write) -> None:
    assert write.spec("{on: a, 5: b, 1.5: c}") == {"true": "a", "5": "b", "1.5": "c"}


def test_a_key_that_stands_twice_in_json_is_an_error(write: Write) -> None:
    body = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "name": "b"}}'
    assert write.refused(body, "a.json").startswith(":1: ")


def test_a_suffix_in_capitals_is_the_same_suffix(write: Write) -> None:
    body = '{\n\t"apiVersion": "v1",\n\t"kind": "Pod",\n\t"metadata": {"name": "a"}\n}'
    assert names(write.read(body, "a.JSON")) == ["a"]


def test_a_kustomization_is_no_manifest(tmp_path: Path, write: Write) -> None:
    write("resources: [a.yaml]\n", "kustomization.yaml")
    write(POD, "a.yaml")
    assert names(list(read(tmp_path))) == ["a"]


def test_a_list_without_items_is_an_error(write: Write) -> None:
    assert write.refused("apiVersion: v1\nkind: PodList\n").startswith(":1: ")


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.yaml"
    with pytest.raises(InputError) as raised:
        list(read_file(path))
    assert str(raised.value) == f"{path}: cannot be read: No such file or directory"


BIG_TEXT = "x" * 1_000


def test_plain_nodes_are_not_what_is_bounded(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dump of thousands of Pods has millions of nodes and no alias."""
    monkeypatch.setattr(yaml_reader, "MAX_ALIAS_NODES", 10)
    monkeypatch.setattr(yaml_reader, "MAX_ALIAS_BYTES", 10)
    assert write.spec(f"[{', '.join(['plain'] * 1_000)}]") == ["plain"] * 1_000


def test_what_aliases_add_is_bounded_in_nodes(write: Write) -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]" for a, b in pairwise("abcdefgh")]
    message = write.refused(POD + "\n".join(lines) + "\n")
    assert message.startswith(":9: aliases add more than 400,000 nodes")


def test_what_aliases_add_is_bounded_in_bytes(write: Write) -> None:
    """A long text and many aliases of it: few nodes, gigabytes of JSON."""
    items = "".join("- *x\n" for _ in range(20_000))
    message = write.refused(f"{POD}a: &x {BIG_TEXT}\nb:\n{items}")
    assert "or 16 MiB" in message


def test_the_bound_on_aliases_is_that_of_the_whole_directory(tmp_path: Path, write: Write) -> None:
    """Many small files together must stay within the bound of one file."""
    items = "".join("- *x\n" for _ in range(9_000))
    for name in ("a.yaml", "b.yaml"):
        write(f"{POD}a: &x {BIG_TEXT}\nb:\n{items}", name)
        assert len(list(read_file(tmp_path / name))) == 1
    with pytest.raises(InputError, match=r"b\.yaml:\d+: aliases add"):
        list(read(tmp_path))


def test_an_alias_within_its_own_anchor_is_an_error(write: Write) -> None:
    assert write.refused(POD + "spec: &a [*a]\n").startswith(":4: ")


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_repeated_key_among_many_is_found_in_linear_time(write: Write, suffix: str) -> None:
    """The last two of 20,000 keys are equal. Quadratic time would take minutes."""
    keys = [*(f"k{number}" for number in range(40_000)), "twice", "twice"]
    pairs = ",\n".join(f'"{key}": 1' for key in keys)
    body = f'{{"apiVersion": "v1", "kind": "Pod",\n"metadata": {{"name": "a"}},\n{pairs}}}'
    started = time.process_time()
    message = write.refused(body, f"a.{suffix}")
    assert message == ":40004: a key appears twice in one mapping: 'twice'"
    assert time.process_time() - started < 10


@pytest.mark.parametrize("is_named", [True, False])
def test_a_fifo_is_an_error_at_once(tmp_path: Path, is_named: bool) -> None:
    """Opening it would block until a writer opens it, which never happens."""
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(InputError, match=r"a\.yaml: is not a regular file"):
        list(read_file(tmp_path / "a.yaml") if is_named else read(tmp_path))


def test_a_link_to_a_device_is_an_error_at_once(tmp_path: Path) -> None:
    """Reading /dev/zero never ends."""
    (tmp_path / "a.yaml").symlink_to("/dev/zero")
    with pytest.raises(InputError, match="is not a regular file"):
        list(read_file(tmp_path / "a.yaml"))
    with pytest.raises(InputError, match="leads out of"):
        list(read(tmp_path))


def test_a_mounted_config_map_is_read_through_its_links(tmp_path: Path, write: Write) -> None:
    """The kubelet makes a link to a folder whose name changes at every update."""
    write(POD, "..2026_11_26/a.yaml")
    (tmp_path / "..data").symlink_to("..2026_11_26")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert names(list(read(tmp_path))) == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        "secret",
        "[secret, secret]",
        "secret: &secret {a: *secrets}",
        "secret: 1\nsecret: 2",
        "secret: .inf",
        "secret: !!int secret",
        "{secret",
        '{"secret": 1, "secret": 2}',
        "kind: secret",
        "apiVersion: v1\nkind: List\nitems: [secret]",
    ],
)
def test_an_error_quotes_nothing_that_is_not_part_of_an_object(write: Write, content: str) -> None:
    """A link in a repository can lead to any file that the user can read."""
    assert "secret" not in write.refused(content).replace(str(write.directory), "")


def test_documents_of_other_programs_are_skipped_and_counted_in_a_directory(
    tmp_path: Path, write: Write
) -> None:
    write("replicas: 3\n---\n- a\n---\n5\n---\napiVersion: v2\nname: chart\n", "values.yaml")
    write(POD)
    skipped = Skipped()
    assert names(list(read(tmp_path, skipped))) == ["a"]
    assert skipped.count == 4


@pytest.mark.parametrize("content", ["kind: Pod\n", "apiVersion: podconfig.example.com/v1\n"])
def test_what_seems_to_be_an_object_of_ours_is_not_skipped(
    tmp_path: Path, write: Write, content: str
) -> None:
    write(content)
    with pytest.raises(InputError, match=r"a\.yaml:1: not a Kubernetes object: "):
        list(read(tmp_path))


@pytest.mark.parametrize("as_json", [True, False])
def test_a_value_of_an_item_has_its_own_line(write: Write, as_json: bool) -> None:
    items = [{"metadata": {"name": name, "labels": {"a": "b"}}} for name in ("one", "two")]
    body = {"apiVersion": "v1", "kind": "PodList", "items": items}
    text = json.dumps(body, indent=2) if as_json else yaml.safe_dump(body, sort_keys=False)
    lines = text.splitlines()
    expected = [number for number, line in enumerate(lines, 1) if '"a": ' in line or " a: " in line]
    manifests = write.read("# first\n---\n" * (not as_json) + text)
    offset = 0 if as_json else 2
    assert [
        manifest.place("metadata", "labels", "a").line - offset for manifest in manifests
    ] == expected


@pytest.mark.parametrize("kind", ["PodConfigmapConfig", "podconfigmapconfig", "PodConfigMap"])
def test_a_misspelt_kind_of_our_group_is_an_error(kind: str, tmp_path: Path) -> None:
    """Passed over in silence, the config would count as removed, with its ConfigMaps."""
    content = f"apiVersion: podconfig.example.com/v1alpha1\nkind: {kind}\nmetadata: {{name: a}}\n"
    (tmp_path / "a.yaml").write_text(content)
    with pytest.raises(InputError, match=rf"a\.yaml:2: kind '{kind}' doesn't exist"):
        list(read(tmp_path))
    (unreadable,) = survey(tmp_path, Skipped())
    assert isinstance(unreadable, Unreadable)
