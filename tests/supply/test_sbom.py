"""The bills of materials are valid CycloneDX and name every part with its version."""

import re
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from podcm_sync.template.engine import hatch_build
from tests.shape.readme import ROOT
from tests.supply import lock, sbom


def purls(text: str) -> set[str]:
    content: Any = msgspec.json.decode(text)
    return {component["purl"] for component in content["components"]}


def modules_in_go_sum() -> set[str]:
    """The modules whose files go.sum has, not only their go.mod."""
    text = (hatch_build.HERE / "go.sum").read_text(encoding="utf-8")
    return set(re.findall(r"^(\S+ v[^\s/]+) h1:", text, re.MULTILINE))


@pytest.mark.parametrize("make", [sbom.wheel, sbom.image])
def test_a_bill_is_valid_cyclonedx_and_the_same_each_time(make: Any) -> None:
    text = make()
    assert sbom.violations(text) == ""
    assert sbom.violations(text.replace('"library"', '"planted"')) != ""
    assert make() == text


def test_the_wheel_names_the_engine_its_go_modules_and_its_go() -> None:
    content: Any = msgspec.json.decode(sbom.wheel())
    parts = {part["purl"]: part for part in content["components"]}
    assert "pkg:golang/github.com/masterminds/sprig/v3@v3.3.0" in {key.lower() for key in parts}
    (std,) = [part for part in parts.values() if part["name"] == "std"]
    assert f"go{std['version']}" in hatch_build.STAMP.read_text(encoding="utf-8").split()
    (engine,) = [part for part in parts.values() if part["name"].endswith("engine.wasm")]
    assert len(engine["hashes"][0]["content"]) == 64
    modules = {f"{part['name']} {part['version']}" for part in parts.values()}
    assert len(modules & modules_in_go_sum()) == len(parts) - len((std, engine))
    go_mod = (hatch_build.HERE / "go.mod").read_text(encoding="utf-8")
    required = re.findall(r"^\t(\S+ v\S+)", go_mod, re.MULTILINE)
    assert len(required) > 10
    assert set(required) <= modules


def test_the_image_adds_its_locked_packages_and_its_base() -> None:
    named = purls(sbom.image())
    locked = lock.pins("runtime.txt")
    assert len(locked) > 30
    assert {f"pkg:pypi/{name}@{version}" for name, version in locked.items()} < named
    base = re.search(r"python:3\.13-slim@(sha256:[0-9a-f]{64})", (ROOT / "Dockerfile").read_text())
    assert base
    assert any(base[1] in unquote(purl) for purl in named)
    assert f"pkg:golang/std@{hatch_build.GO_PACKAGE.partition('==')[2]}" in named
