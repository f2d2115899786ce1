"""A watching loop as a user sees it: its log, its end, and the options that it shares with runs."""

import json
import signal
import time
from pathlib import Path

import pytest

from tests.command import Running
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.loops import (
    NAME,
    QUIET,
    Requests,
    wait_for_counts,
    wait_for_data,
    wait_for_reason,
    watching,
)
from tests.controlplane.sync_objects import (
    INVALID,
    VALID_AGAIN,
    change_config,
    config_map,
    make_config,
    names,
    selecting,
)

WORDS = ("created", "updated", "deleted")


@pytest.fixture
def config(api: Api, namespace: str) -> None:
    make_config(api, namespace, spec=selecting(app="web") | {"labelsToInclude": ["v"]})


def change_one(api: Api, namespace: str) -> None:
    """A ConfigMap is created, updated, and deleted."""
    api.make_pod(namespace, "web", labels={"app": "web", "v": "1"})
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": "secret-2"}}})
    wait_for_data(api, namespace, "label_v", "secret-2")
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "other"}}})
    wait_for_counts(api, namespace, matched=0, config_maps=0)


def lines(process: Running, *words: str) -> list[str]:
    """The lines of the log that have one of the words."""
    return [line for line in process.stderr.splitlines() if any(word in line for word in words)]


@pytest.mark.usefixtures("config")
def test_the_log_has_what_is_watched_and_one_line_for_each_change(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig) as loop:
        change_one(api, namespace)
        listening, target, *rest = loop.process.stderr.splitlines()
        assert listening.startswith("podcm-sync: listening on ")
        assert target.startswith("podcm-sync: https://")
        assert rest == [
            f"podcm-sync: watching Pods, configs, and generated ConfigMaps: namespace {namespace}",
            f"podcm-sync: created {namespace}/{NAME}: Missing",
            f"podcm-sync: updated {namespace}/{NAME}: OutOfSync",
            f"podcm-sync: deleted {namespace}/{NAME}: NotSelected",
        ]
        (run,) = loop.process.stdout.splitlines()
        assert "0 created, 0 updated, 0 deleted" in run


@pytest.mark.usefixtures("config")
def test_a_json_log_has_one_object_a_line_and_one_for_each_change(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig, "--log-format", "json", "-o", "json") as loop:
        change_one(api, namespace)
        change_config(api, namespace, INVALID)
        wait_for_reason(api, namespace, "InvalidSpec")
        api.wait_for(lambda: "WARNING" in loop.process.stderr)
        found = [json.loads(line) for line in loop.process.stderr.splitlines()]
        assert len(loop.process.stdout.splitlines()) == 1
    changes = [each for each in found if "result" in each]
    assert [each["result"] for each in changes] == list(WORDS)
    for each in changes:
        assert (each["namespace"], each["configMap"]) == (namespace, NAME)
        assert (each["pod"], each["podConfigMapConfig"]) == ("web", "mine")
        assert each["severity"] == "INFO"
        assert each["time"]
    assert [each["code"] for each in changes] == [201, 200, 200]
    (warning,) = [each for each in found if each["severity"] == "WARNING"]
    assert (warning["namespace"], warning["reason"]) == (namespace, "InvalidSpec")
    assert f"{KIND} {namespace}/mine" in warning["message"]


@pytest.mark.usefixtures("config")
def test_what_needs_a_person_is_logged_once_with_a_hint_and_when_it_is_over(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig) as loop:
        for name in ("web", "api"):
            api.create(config_map(namespace, f"pod-{name}-from-mine-cfg", {"my": "own"}))
            api.make_pod(namespace, name, labels={"app": "web"})
        wait_for_reason(api, namespace, "SomeConfigMapsFailed")
        for value in ("1", "2"):
            api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": value}}})
            time.sleep(QUIET * 1.3)
        first, second = lines(loop.process, "warning", "hint")
        assert first.startswith("podcm-sync: warning: 2 ConfigMaps blocked: Foreign: ")
        assert first.endswith(" (pod-api-from-mine-cfg, pod-web-from-mine-cfg)")
        assert second.startswith("  hint: rename or delete that ConfigMap")
        assert lines(loop.process, "Conflict") == []
        change_config(api, namespace, INVALID)
        wait_for_reason(api, namespace, "InvalidSpec")
        api.wait_for(lambda: lines(loop.process, "InvalidSpec"))
        change_config(api, namespace, VALID_AGAIN | selecting(app="none"))
        wait_for_counts(api, namespace, matched=0, config_maps=0)
        api.wait_for(lambda: lines(loop.process, "nothing is failing"))
        assert len(lines(loop.process, "warning")) == 2
        assert lines(loop.process, "nothing is failing") == [
            f"podcm-sync: namespace {namespace}: nothing is failing any more"
        ]


@pytest.mark.usefixtures("config")
def test_deletions_that_are_held_back_are_logged_although_no_status_can_tell(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    for number in range(3):
        api.make_pod(namespace, f"p{number}", labels={"app": "web"})
    with watching(kubeconfig, "--max-prune", "2") as loop:
        wait_for_counts(api, namespace, matched=3, config_maps=3)
        api.delete(KIND, namespace, "mine")
        api.wait_for(lambda: lines(loop.process, "--max-prune"))
        (line,) = lines(loop.process, "warning")
        assert line.startswith("podcm-sync: warning: 3 deletions ")
        assert len(names(api, namespace)) == 3


@pytest.mark.usefixtures("config")
def test_with_v_it_shows_no_secret_and_with_redact_no_value(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig, "-v", "--redact") as loop:
        change_one(api, namespace)
        template = {"x": "{{ fail .labels.v }}"}
        change_config(api, namespace, {"configMapDataTemplate": template} | selecting(app="other"))
        wait_for_reason(api, namespace, "SomeConfigMapsFailed")
        api.wait_for(lambda: lines(loop.process, "TemplateFailed"))
        output = loop.process.stdout + loop.process.stderr
        assert control_plane.admin_token not in output
        assert "secret-2" not in output
        assert "Bearer" not in output
        assert lines(loop.process, "PATCH ")
        assert lines(loop.process, "watch pods")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
@pytest.mark.usefixtures("config")
def test_a_signal_ends_it_within_a_second(
    api: Api, namespace: str, kubeconfig: Path, number: signal.Signals
) -> None:
    with watching(kubeconfig, ends_with=128 + number) as loop:
        api.make_pod(namespace, "web", labels={"app": "web"})
        wait_for_counts(api, namespace, matched=1, config_maps=1)
        sent = time.monotonic()
        loop.process.signal(number)
        ended = loop.process.end(5)
        assert ended.at - sent < 1.5
        assert ended.code == 128 + number
        assert "warning" not in ended.stderr


@pytest.mark.usefixtures("config")
def test_a_signal_between_an_event_and_its_write_leaves_nothing_half_done(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig, ends_with=128 + signal.SIGTERM) as loop:
        for number in range(30):
            api.make_pod(namespace, f"p{number}", labels={"app": "web"})
        loop.process.signal(signal.SIGTERM)
        ended = loop.process.end(5)
        assert ended.code == 128 + signal.SIGTERM
        logged = [line.split()[2] for line in lines(loop.process, "created ")]
    assert sorted(logged) == [f"{namespace}/{name}:" for name in names(api, namespace)]


@pytest.mark.usefixtures("config")
def test_the_deadline_is_that_of_a_full_run_and_passes_go_on_after_it(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig, "--deadline", "5s") as loop:
        time.sleep(5.5)
        change_one(api, namespace)
        assert lines(loop.process, "warning", "deadline") == []


@pytest.mark.usefixtures("config")
def test_qps_bounds_the_writes_of_passes_and_not_the_watches(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    with watching(kubeconfig, "--qps", "10") as loop:
        requests = Requests(audit, namespace)
        began = time.monotonic()
        for number in range(25):
            api.make_pod(namespace, f"p{number}", labels={"app": "web"})
        wait_for_counts(api, namespace, matched=25, config_maps=25)
        assert time.monotonic() - began >= 1.3
        assert len(requests.all("create")) == 25
        assert lines(loop.process, "warning") == []
