"""The CRD makes a real API server refuse what the table of specs says, and accept the rest."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.controlplane.api import Api, path_of
from tests.controlplane.crd_case import ONE_DATA_KEY, RULE_TEXTS, Case
from tests.controlplane.crd_cases import CASES, FULL
from tests.controlplane.crd_objects import KIND, STATUS, crd_schema, pcmc


def dry_run(api: Api, spec: object, validation: str = "Strict") -> tuple[int, Any]:
    """What the server answers to a create of that spec; nothing is stored."""
    query = {"fieldValidation": validation, "dryRun": "All"}
    return api.request("POST", path_of(KIND, "default"), pcmc(spec), query=query)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_server_comes_to_the_verdict_of_the_table(api: Api, case: Case) -> None:
    code, answer = dry_run(api, case.spec)
    assert (code == 201) == case.accepted, answer
    if not case.accepted:
        assert code == (400 if case.strict else 422)
        assert case.message in answer["message"]
        # <nil>: the remark that rules were not checked because a built-in check failed.
        blamed = {cause["field"] for cause in answer.get("details", {}).get("causes", [])}
        assert blamed - {"<nil>"} == ({case.field} if case.field else set())


@pytest.mark.parametrize("case", [pytest.param(c, id=c.name) for c in CASES if c.strict])
def test_unknown_field_is_dropped_without_strict_validation(api: Api, case: Case) -> None:
    code, answer = dry_run(api, case.spec, validation="Ignore")
    assert code == 201
    assert answer["spec"] in ({}, {"podSelector": {}})


def test_each_rule_of_the_crd_refuses_a_case_of_the_table() -> None:
    rules = list(rules_of(crd_schema(), ""))
    assert len(rules) == 15
    refused = [case for case in CASES if not case.accepted]
    for path, rule in rules:
        text = rule.get("messageExpression") or rule["message"]
        (words,) = (known for known in RULE_TEXTS if known in text)
        blamed = [re.sub(r"\[\w+]", "", case.field) for case in refused if words in case.message]
        assert path in blamed, rule


def rules_of(part: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The CEL rules of a schema, each with the field that it blames, without keys and indexes."""
    for rule in part.get("x-kubernetes-validations", []):
        yield path + rule.get("fieldPath", ""), rule
    for name, field in part.get("properties", {}).items():
        yield from rules_of(field, f"{path}.{name}".lstrip("."))
    for inner in ("items", "additionalProperties"):
        if inner in part:
            yield from rules_of(part[inner], path)


def test_null_says_no_more_than_leaving_the_field_out(api: Api) -> None:
    nulls = ["labelsToInclude", "annotationsToInclude", "configMapDataTemplate", "suspend"]
    assert dry_run(api, dict.fromkeys(nulls))[1]["spec"] == {}
    # The one null that readers have to reckon with.
    assert dry_run(api, {"podSelector": None})[1]["spec"] == {"podSelector": None}


def test_largest_spec_is_stored_and_takes_a_status(api: Api, namespace: str) -> None:
    assert api.create(pcmc(FULL, namespace))["spec"] == FULL
    assert api.patch(KIND, namespace, "mine", {"status": STATUS}, "status")["status"] == STATUS


def test_server_side_apply_refuses_duplicates_with_the_rule(api: Api, namespace: str) -> None:
    code, answer = api.request(
        "PATCH",
        path_of(KIND, namespace, "mine"),
        pcmc({"labelsToInclude": ["app", "app"]}, namespace),
        content_type="application/apply-patch+yaml",
        query={"fieldManager": "test"},
    )
    assert code == 422
    assert f"{ONE_DATA_KEY}label_app" in answer["message"]


def test_merge_patch_with_null_takes_a_key_out_of_a_map(api: Api, namespace: str) -> None:
    api.create(pcmc({"configMapDataTemplate": {"a": "1", "b": "2"}}, namespace))
    patch = {"spec": {"configMapDataTemplate": {"a": None}}}
    changed = api.patch(KIND, namespace, "mine", patch)
    assert changed["spec"]["configMapDataTemplate"] == {"b": "2"}
