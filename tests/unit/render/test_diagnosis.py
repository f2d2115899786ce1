"""A diagnosis as one screen of text, and as a document by its schema."""

import json

import pytest
from jsonschema import Draft202012Validator
from msgspec import structs

from podcm_sync.core.doctor.checks import Check, Level
from podcm_sync.core.doctor.diagnosis import Diagnosis
from podcm_sync.model.objects import Scope
from podcm_sync.render.diagnosis import as_json, schema, text

WRONG = Diagnosis(
    server="https://10.0.0.1 (context test)",
    scope=Scope(namespaces=("shop",)),
    checks=(
        Check(level=Level.OK, name="server", detail="Kubernetes v1.37.2"),
        Check(level=Level.FAIL, name="crd", detail="is being \x1b[31mremoved", action="save them"),
        Check(level=Level.WARN, name="go-controller", detail="hm", action="look"),
    ),
)
WELL = Diagnosis(server="s", scope=Scope(namespaces=None), checks=WRONG.checks[:1])
NOWHERE = Diagnosis(server="s", scope=Scope(namespaces=()), checks=WRONG.checks[:1])


def test_one_line_a_check_and_what_to_do_below_it() -> None:
    assert text(WRONG) == (
        "https://10.0.0.1 (context test), namespace shop\n"
        "\n"
        "ok    server         Kubernetes v1.37.2\n"
        "fail  crd            is being \\x1b[31mremoved\n"
        "                     -> save them\n"
        "warn  go-controller  hm\n"
        "                     -> look\n"
        "\n"
        "1 wrong, 1 to look at, 1 ok.\n"
    )


def test_what_was_not_checked_is_counted_and_is_not_well() -> None:
    skipped = Check(level=Level.SKIP, name="rights", detail="not checked: no answer")
    diagnosis = structs.replace(WELL, checks=(*WELL.checks, skipped))
    assert text(diagnosis).endswith(
        "skip  rights  not checked: no answer\n\n1 not checked, 1 ok.\n"
    )
    Draft202012Validator(schema()).validate(json.loads(as_json(diagnosis)))


def test_all_well_is_said_so() -> None:
    assert text(WELL) == ("s, all namespaces\n\nok    server  Kubernetes v1.37.2\n\nAll is well.\n")
    assert text(NOWHERE).startswith("s\n")


def test_colour_is_the_levels_alone() -> None:
    lines = text(WRONG, is_coloured=True).splitlines()
    assert lines[2] == "\x1b[32mok  \x1b[0m  server         Kubernetes v1.37.2"
    assert lines[3].startswith("\x1b[31mfail\x1b[0m  crd ")
    assert "".join(lines).count("\x1b") == 6


@pytest.mark.parametrize("diagnosis", [WRONG, WELL, NOWHERE])
def test_the_document_is_valid_by_its_schema(diagnosis: Diagnosis) -> None:
    document = json.loads(as_json(diagnosis))
    Draft202012Validator.check_schema(schema())
    Draft202012Validator(schema()).validate(document)
    assert document["exitCode"] == diagnosis.exit_code
    assert [each["level"] for each in document["checks"]] == [
        str(check.level) for check in diagnosis.checks
    ]


def test_the_document_says_all() -> None:
    document = json.loads(as_json(WRONG))
    assert document["version"] == "podcm-sync/diagnosis/v1"
    assert document["namespaces"] == ["shop"]
    assert json.loads(as_json(WELL))["namespaces"] is None
    assert document["checks"][2] == {
        "name": "go-controller",
        "level": "warn",
        "detail": "hm",
        "action": "look",
    }
