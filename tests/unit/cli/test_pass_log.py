"""What a watching loop logs of its passes: each cause once, until it is gone."""

import logging
import re
from typing import Any

import pytest
from msgspec.structs import replace

from podcm_sync.api.reasons import Reason
from podcm_sync.cli import logs
from podcm_sync.cli.pass_log import PassLog
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.snapshot import Scope
from tests.unit.reconcile.test_report import CREATED, report

NS = CREATED.change.namespaced_name.namespace
MESSAGE = "a ConfigMap of this name exists"


def blocked(number: int = 1, reason: Reason = Reason.FOREIGN, message: str = MESSAGE) -> Report:
    outcome = replace(CREATED, result=Result.SKIPPED, reason=reason, message=message)
    return replace(report(*[outcome] * number), scope=Scope(namespaces=(NS,)))


FINE = replace(report(CREATED), scope=Scope(namespaces=(NS,)))


def logged(caplog: pytest.LogCaptureFixture, *reports: Report, redact: bool = False) -> list[str]:
    """The lines that these passes add, in this order."""
    caplog.set_level(logging.INFO)
    log = PassLog(is_redacted=redact)
    for each in reports:
        log.passed(each)
    return [f"{record.levelname} {record.getMessage()}" for record in caplog.records]


def test_a_pass_in_which_all_is_well_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, FINE, FINE) == []


def test_a_cause_is_logged_once_although_its_count_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (line,) = logged(caplog, blocked(), blocked(2), blocked())
    assert line.startswith("WARNING ")
    assert line.endswith(f"blocked: Foreign: {MESSAGE}")
    assert caplog.records[0].fields == {"namespace": NS, "reason": "Foreign"}  # type: ignore[attr-defined]  # an extra


def test_another_cause_is_logged_and_so_is_the_end_of_all(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lines = logged(caplog, blocked(), blocked(reason=Reason.IMMUTABLE), FINE, FINE, blocked())
    assert [line.split(" ")[0] for line in lines] == ["WARNING", "WARNING", "INFO", "WARNING"]
    assert lines[2] == f"INFO namespace {NS}: nothing is failing any more"


@pytest.mark.parametrize("reason", [Reason.CONFLICT, Reason.INTERRUPTED])
def test_what_the_next_pass_does_again_is_not_logged(
    caplog: pytest.LogCaptureFixture, reason: Reason
) -> None:
    assert logged(caplog, blocked(reason=reason)) == []


def test_an_incomplete_pass_neither_logs_nor_forgets(caplog: pytest.LogCaptureFixture) -> None:
    """A watch that is down is logged by its Reflector, and nothing is known of the namespace."""
    incomplete = replace(FINE, incomplete={NS: "the watch of pods isn't open"})
    assert len(logged(caplog, blocked(), incomplete, blocked())) == 1


def test_with_redact_no_message_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    found = blocked(reason=Reason.TEMPLATE_FAILED, message="fail: secret")
    (line,) = logged(caplog, found, redact=True)
    assert "TemplateFailed" in line
    assert "secret" not in line


def test_with_redact_an_incomplete_list_is_named_without_the_server_s_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, logger="podcm_sync")
    log = PassLog(is_redacted=True)
    log.passed(replace(FINE, incomplete={NS: "cannot list pods: HTTP 500: sesame"}))
    (line,) = caplog.messages
    assert line.startswith(f"namespace {NS}: ")
    assert "sesame" not in line


@pytest.mark.parametrize("formatter", [logs._Text, logs._Json])
def test_a_line_is_no_command_of_a_terminal_or_a_ci_system(
    caplog: pytest.LogCaptureFixture, formatter: Any
) -> None:
    hostile = "fail: ##vso[x] \n::error::y \x1b[31m \u202e\ufe0f \n##teamcity[z]"
    logged(caplog, blocked(reason=Reason.TEMPLATE_FAILED, message=hostile))
    line = formatter(is_redacted=False).format(caplog.records[0])
    assert "vso" in line
    assert not re.search(r"##\w*\[|(?m:^\s*::)|[\x1b\u202e\ufe0f]|\n\S", line)


def test_what_the_report_of_a_full_run_showed_is_not_logged_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    log = PassLog(is_redacted=False)
    log.ran(blocked())
    log.passed(blocked())
    assert caplog.records == []
    log.passed(FINE)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    log.ran(FINE)
    log.passed(blocked())
    assert [record.levelname for record in caplog.records] == ["INFO", "WARNING"]
