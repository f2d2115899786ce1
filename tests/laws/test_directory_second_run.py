"""A directory's second run changes nothing, whatever the values; what was read is never edited.

behavior.md §8, and §2.
"""

import json
import tempfile
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.cluster.files.directory import DirectoryCluster
from podcm_sync.reconcile.report import Report, exit_code, summary
from podcm_sync.sync import Policy, run
from tests.builders import NOW, Json, manifest
from tests.laws.worlds import EVERYWHERE, World, worlds

VALUES = st.text(max_size=30) | st.sampled_from(["yes", "1:30", "a\r\nb", " x ", "\u2028", "\x85"])


def sync(directory: Path) -> Report:
    cluster = DirectoryCluster(directory)
    return run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW)


def foretold(directory: Path) -> Report:
    return run(EVERYWHERE, DirectoryCluster(directory), None, Policy(), now=NOW)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def written(directory: Path, world: World) -> None:
    """Each object of a world as a manifest, ConfigMaps where a dump would have them."""
    for number, each in enumerate(world.objects):
        raw: Json = each if isinstance(each, dict) else manifest(each)
        (directory / f"{number}.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")


@given(world=worlds())
def test_of_any_world(world: World) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        written(directory, world)
        read = contents(directory)
        expected = foretold(directory)
        assert contents(directory) == read
        first = sync(directory)
        assert exit_code(first) == exit_code(expected)
        after_one = contents(directory)
        assert {name: after_one[name] for name in read} == read
        assert summary(sync(directory)).changed == 0
        assert contents(directory) == after_one


@given(annotations=st.dictionaries(st.sampled_from(["a", "b"]), VALUES, min_size=1))
def test_of_any_value(annotations: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "p", "annotations": annotations},
        }
        config = {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"name": "c"},
            "spec": {"annotationsToInclude": ["a", "b"]},
        }
        (directory / "pod.json").write_text(json.dumps(pod), encoding="utf-8")
        (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
        assert summary(sync(directory)).created == 1
        (made,) = DirectoryCluster(directory).snapshot(EVERYWHERE).config_maps
        found = {key[-1]: value for key, value in made.data.items() if "annotation" in key}
        assert found == annotations
        assert summary(sync(directory)).unchanged == 1
