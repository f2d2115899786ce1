"""A diagnosis as one screen of text, and as a document by its schema."""

import json

import pytest
from msgspec import structs

from podcm_sync.doctor.checks import Check, Level
from podcm_sync.doctor.diagnosis import Diagnosis
from podcm_sync.doctor.diagnosis_text import as_json, text
from podcm_sync.output.terminal import Style
from podcm_sync.reconcile.snapshot import Scope
from tests.documents import DIAGNOSIS, valid_by

WRONG = Diagnosis(
    server="https://10.0.0.1 (context test)",
    scope=Scope(namespaces=("shop",)),
    checks=(
        Check(level=Level.OK, name="server", detail="Kubernetes v1.37.2"),
        Check(
            level=Level.FAIL,
            name="crd",
            detail="is being \x1b[31mremoved",
            action="save them",
            commands=("kubectl get pcmc", "kubectl apply"),
        ),
        Check(level=Level.WARN, name="go-controller", detail="hm", action="look"),
    ),
)
WELL = Diagnosis(server="s", scope=Scope(namespaces=None), checks=WRONG.checks[:1])
NOWHERE = Diagnosis(server="s", scope=Scope(namespaces=()), checks=WRONG.checks[:1])


def test_a_line_for_each_check_with_its_fix_below_and_counts_at_the_end() -> None:
    assert text(WRONG) == (
        "https://10.0.0.1 (context test), namespace shop\n"
        "\n"
        "✔ server         Kubernetes v1.37.2\n"
        "✘ crd            is being \\x1b[31mremoved\n"
        "    hint: save them\n"
        "    fix: kubectl get pcmc\n"
        "         kubectl apply\n"
        "! go-controller  hm\n"
        "    hint: look\n"
        "\n"
        "1 problem, 1 warning, 1 passed\n"
    )


def test_what_was_not_checked_has_a_mark_of_its_own_and_is_counted() -> None:
    skipped = Check(level=Level.SKIP, name="rights", detail="not checked: no answer")
    diagnosis = structs.replace(WELL, checks=(*WELL.checks, skipped))
    assert text(diagnosis).endswith(
        "\u2013 rights  not checked: no answer\n\n1 passed, 1 not checked\n"
    )


def test_all_well() -> None:
    assert text(WELL) == "s, all namespaces\n\n✔ server  Kubernetes v1.37.2\n\n1 passed\n"
    assert text(NOWHERE).startswith("s\n")


def test_colour_is_the_marks_and_names_alone_and_ascii_will_do() -> None:
    lines = text(WRONG, Style(is_colored=True)).splitlines()
    assert lines[2] == "\x1b[38;5;28m✔ server         \x1b[0mKubernetes v1.37.2"
    assert "".join(lines).count("\x1b") == 6
    assert text(WRONG, Style(is_ascii=True)).isascii()


def test_details_fold_under_themselves_and_commands_never_do() -> None:
    command = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
    check = Check(level=Level.FAIL, name="crd", detail="word " * 8 + "end", commands=(command,))
    shown = text(structs.replace(WELL, checks=(check,)), Style(columns=40))
    assert shown.splitlines()[2:5] == [
        "✘ crd  word word word word word word",
        "       word word end",
        f"    fix: {command}",
    ]


@pytest.mark.parametrize("diagnosis", [WRONG, WELL, NOWHERE])
def test_the_document_is_valid_by_its_schema(diagnosis: Diagnosis) -> None:
    document = json.loads(as_json(diagnosis))
    valid_by(DIAGNOSIS, document)
    assert document["exitCode"] == diagnosis.exit_code
    assert [check["level"] for check in document["checks"]] == [
        str(check.level) for check in diagnosis.checks
    ]


def test_the_document_says_all() -> None:
    document = json.loads(as_json(WRONG))
    assert document["version"] == "podcm-sync/diagnosis/v2"
    assert document["namespaces"] == ["shop"]
    assert json.loads(as_json(WELL))["namespaces"] is None
    assert document["checks"][2] == {
        "name": "go-controller",
        "level": "warn",
        "detail": "hm",
        "action": "look",
        "commands": [],
    }
