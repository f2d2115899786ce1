"""The table of the CRD's fields, and the differences of another schema."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.doctor.crd_schema import FIELDS, Difference, difference, fields

CRD = Path(__file__).parents[3] / "crd" / "podconfigmapconfig_crd.yaml"


@pytest.fixture
def schema() -> dict[str, Any]:
    """The schema of the shipped CRD."""
    crd = yaml.safe_load(CRD.read_text(encoding="utf-8"))
    content: dict[str, Any] = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return content


def test_the_table_is_that_of_the_shipped_crd(schema: dict[str, Any]) -> None:
    """If this fails after a change of the CRD, run `make docs`."""
    assert fields(schema) == FIELDS
    assert difference(FIELDS) == Difference(missing=(), unknown=(), changed=())


def test_it_has_every_field_that_a_run_reads_or_writes() -> None:
    assert {
        "spec.podSelector.matchLabels{}",
        "spec.podSelector.matchExpressions[].operator",
        "spec.labelsToInclude[]",
        "spec.annotationsToInclude[]",
        "spec.configMapDataTemplate{}",
        "spec.suspend",
        "status.observedGeneration",
        "status.matchedPods",
        "status.configMaps",
        "status.failures",
        "status.conditions[].lastTransitionTime",
    } <= FIELDS.keys()


def test_a_field_that_is_missing_is_named_without_those_below_it() -> None:
    served = {path: digest for path, digest in FIELDS.items() if "podSelector" not in path}
    del served["spec.suspend"]
    assert difference(served).missing == ("spec.podSelector", "spec.suspend")


def test_an_unknown_field_is_told_apart(schema: dict[str, Any]) -> None:
    below = {"type": "object", "properties": {"b": {"type": "string"}}}
    schema["properties"]["spec"]["properties"]["ebpf"] = below
    differences = difference(fields(schema))
    assert differences == Difference(missing=(), unknown=("spec.ebpf",), changed=())


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        ("suspend", "type", "string"),
        ("labelsToInclude", "maxItems", 1),
        ("labelsToInclude", "x-kubernetes-validations", []),
        ("configMapDataTemplate", "x-kubernetes-validations", [{"rule": "true"}]),
    ],
)
def test_other_types_bounds_and_rules_are_seen(
    schema: dict[str, Any], path: str, key: str, value: object
) -> None:
    schema["properties"]["spec"]["properties"][path][key] = value
    differences = difference(fields(schema))
    assert differences == Difference(missing=(), unknown=(), changed=(f"spec.{path}",))


def test_what_people_read_is_no_difference(schema: dict[str, Any]) -> None:
    """Descriptions, messages, and the order of rules."""
    changed = copy.deepcopy(schema)
    template = changed["properties"]["spec"]["properties"]["configMapDataTemplate"]
    template["description"] = "another"
    template["x-kubernetes-validations"].reverse()
    template["x-kubernetes-validations"][0]["message"] = "another"
    assert fields(changed) == FIELDS


@pytest.mark.parametrize("schema", [{}, {"properties": None}, {"properties": {"kind": {}}}])
def test_a_schema_of_nothing_has_no_fields(schema: dict[str, Any]) -> None:
    assert fields(schema) == {}
    assert difference(fields(schema)).missing == ("spec", "status")
