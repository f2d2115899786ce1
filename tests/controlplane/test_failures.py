"""Each way to fail is one sign of each sort, however often a run meets it (§5).

One series of podcm_sync_failures_total, one Ready condition that is False, one Event, and a row of
the documents by which a person finds what to do.
"""

import os
from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Proxy
from tests.controlplane.accounts import account, without
from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND
from tests.controlplane.failures import FAILURES, Failure, foreign
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import change_config
from tests.controlplane.syncing import sync
from tests.controlplane.test_events import said
from tests.observability.running import values
from tests.shape.readme import DOCUMENTS, rows_of

RUNS = 2
# The template engine as an earlier test compiled it.
CACHE = {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")}


def failed(path: Path) -> dict[tuple[str, str], float]:
    """The series of podcm_sync_failures_total that are not 0, by kind and reason."""
    found = values(path.read_text(encoding="utf-8"), "podcm_sync_failures_total")
    return {(each["kind"], each["reason"]): value for each, value in found if value}


def is_told(reason: str, code: int) -> bool:
    """Whether a person finds what to do: by the reason, or by the code and the reason's row."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    troubles = [row[0] for row in rows_of(text, "Troubleshooting")]
    if any(f"`{reason}`" in what and f"exit {code}" in what for what in troubles):
        return True
    actions = {row[0]: row[-1] for row in rows_of(text, "Reasons")}
    return bool(actions.get(f"`{reason}`")) and any(f"exit {code}" in what for what in troubles)


def false_conditions(config: Object) -> list[str]:
    """The reasons of the conditions that are False, each type there once."""
    conditions = {each["type"]: each for each in config["status"]["conditions"]}
    assert len(conditions) == len(config["status"]["conditions"])
    assert conditions.keys() - {"Ready"} <= {"Stalled"}
    return [each["reason"] for each in conditions.values() if each["status"] == "False"]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.reason)
def test_a_failure_is_one_series_one_condition_one_event_and_one_row(
    *, api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path, failure: Failure
) -> None:
    failure.plant(api, namespace)
    token = account(api, namespace, without(*failure.lacks)) if failure.lacks else None
    metrics = tmp_path / "run.prom"
    with Proxy(control_plane, handler=failure.fault(api, namespace)) as proxy:
        kubeconfig = control_plane.kubeconfig(
            tmp_path / "proxied", token=token, namespace=namespace, server=proxy.url
        )
        for _ in range(RUNS):
            done = command.run(
                *failure.options, "--metrics-file", str(metrics), kubeconfig=kubeconfig, env=CACHE
            )
            assert done.code == failure.code, done.stderr
            assert failed(metrics) == {(failure.kind, failure.reason): 1}
            config = api.get(KIND, namespace, "mine")
            assert config
            assert false_conditions(config) == [failure.ready]
            assert said(api, namespace) == [("Warning", failure.ready)]
    assert is_told(failure.reason, failure.code)


def test_the_change_from_one_reason_to_another_of_a_kind_is_no_new_failure(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """Foreign, then TemplateFailed: both are SomeConfigMapsFailed, and the message says which."""
    foreign(api, namespace)
    sync(kubeconfig)
    change_config(api, namespace, {"configMapDataTemplate": {"k": '{{ fail "no" }}'}})
    run = sync(kubeconfig)
    assert {str(each.reason) for each in run.report.outcomes} == {"TemplateFailed"}
    assert said(api, namespace) == [("Warning", "SomeConfigMapsFailed")]
