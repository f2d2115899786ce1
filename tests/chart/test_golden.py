"""What each set of values renders, as a file to read: tests/chart/golden/NAME.yaml.

Parts that are copies of other files have a word in their place, so that a change of an alert is no
change here; test_same_as_deploy.py compares them.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import VALUES, Json, of_set, rendered, run
from tests.shape.deploy import CHART

GOLDEN = Path(__file__).parent / "golden"
COPIED = {
    "CustomResourceDefinition": ("spec", "crd.yaml"),
    "PrometheusRule": ("spec", "rules.yaml"),
    "ConfigMap": ("data", "dashboard.json"),
}


def shown(obj: Json) -> Json:
    """The object without the parts that are copied from files/."""
    if obj["kind"] in COPIED:
        key, file = COPIED[obj["kind"]]
        return {**obj, key: f"(that of files/{file})"}
    if obj["kind"] == "ValidatingAdmissionPolicy":
        conditions = {"matchConditions": obj["spec"]["matchConditions"]}
        return {**obj, "spec": {**conditions, "...": "(that of files/admission-policy.yaml)"}}
    return obj


@pytest.mark.parametrize("name", VALUES)
def test_a_set_of_values_renders_what_the_golden_file_has(name: str, is_updating: bool) -> None:
    path = GOLDEN / f"{name}.yaml"
    objects: list[Any] = [shown(obj) for obj in of_set(name)]
    text = yaml.safe_dump_all(objects, sort_keys=False, width=100)
    if is_updating:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "pytest tests/chart --update-golden"


def test_every_golden_file_has_its_set() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == VALUES.keys()


@pytest.mark.parametrize("name", VALUES)
def test_lint_finds_nothing_in_a_set_of_values(name: str) -> None:
    shown = run("lint", "--strict", CHART, "--values", "-", stdin=yaml.safe_dump(VALUES[name]))
    assert "0 chart(s) failed" in shown
    assert "[ERROR]" not in shown


def test_the_package_has_everything_that_the_templates_read(tmp_path: Path) -> None:
    """Its rendering is that of the folder."""
    run("package", CHART, "--destination", tmp_path)
    (package,) = tmp_path.iterdir()
    values = VALUES["monitoring"]
    assert rendered(values, chart=package) == rendered(values)
