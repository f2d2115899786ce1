"""deploy/cronjob.yaml keeps its promises, and the real controllers do with it what it says."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from podcm_sync import __version__
from tests.controlplane.api import Api, Object, Objects, path_of
from tests.controlplane.deploy_files import (
    DEPLOY,
    SHIPPED,
    apply_rights,
    cronjob_container,
    document,
    documented,
    longest_read,
    seconds,
    shell,
)
from tests.controlplane.harness import ControlPlane

NAME = NAMESPACE = "podcm-sync"
JOB_NAME = "batch.kubernetes.io/job-name"


def job_spec() -> Object:
    return dict(document("cronjob.yaml", "CronJob")["spec"]["jobTemplate"]["spec"])


def pod_spec() -> Object:
    return dict(job_spec()["template"]["spec"])


def ago(minutes: int) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def cronjob(api: Api) -> Iterator[Object]:
    """The CronJob, applied as shipped and suspended, so that only a test starts Jobs."""
    apply_rights(api)
    api.apply_yaml(DEPLOY / "cronjob.yaml")
    yield api.patch("CronJob", NAMESPACE, NAME, {"spec": {"suspend": True}})
    api.delete("CronJob", NAMESPACE, NAME, propagationPolicy="Background")
    api.wait_for(lambda: api.get("CronJob", NAMESPACE, NAME) is None)


def start(control_plane: ControlPlane, kubeconfig: Path) -> str:
    """Starts a Job by the command that the file gives; the Job's name."""
    name = f"t-{uuid.uuid4().hex[:8]}"
    command = documented("cronjob.yaml", "create job")
    done = shell(control_plane, kubeconfig, command.replace('"now-$(date +%s)"', name))
    assert done.returncode == 0, done.stderr
    return name


def pods_of(api: Api, job: str) -> Objects:
    return api.list("Pod", NAMESPACE, f"{JOB_NAME}={job}")


def end_pod(api: Api, job: str, exit_code: int, **status: object) -> None:
    """Waits for the Job's next Pod, and ends it as a kubelet would.

    It ended a while ago, so that the controller need not wait before the next try.
    """

    def pending() -> Objects:
        return [p for p in pods_of(api, job) if p["status"]["phase"] == "Pending"]

    (pod,) = api.wait_for(pending)
    (container,) = pod["spec"]["containers"]
    when = {"startedAt": ago(minutes=10), "finishedAt": ago(minutes=9)}
    state = {
        "name": container["name"],
        "image": container["image"],
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": {"terminated": {"exitCode": exit_code, "reason": "Error", **when}},
    }
    ended = {"phase": "Failed", "containerStatuses": [state], **status}
    api.patch("Pod", NAMESPACE, pod["metadata"]["name"], {"status": ended}, "status")


def failure_of(api: Api, job: str) -> str | None:
    """The reason of the Job's Failed condition, once it has one."""
    found = api.get("Job", NAMESPACE, job) or {}
    conditions: list[dict[str, Any]] = found["status"].get("conditions", [])
    failed = [c["reason"] for c in conditions if c["type"] == "Failed" and c["status"] == "True"]
    return str(failed[0]) if failed else None


def test_a_run_has_ended_before_the_next_one_is_due() -> None:
    spec = document("cronjob.yaml", "CronJob")["spec"]
    every = re.fullmatch(r"\*/(\d+) \* \* \* \*", spec["schedule"])
    assert every
    assert spec["timeZone"] == "Etc/UTC"
    period = 60 * int(every[1])
    assert period == 300
    grace = pod_spec()["terminationGracePeriodSeconds"]
    assert job_spec()["activeDeadlineSeconds"] + grace < period
    assert spec["startingDeadlineSeconds"] == 200  # under 10 the controller might never start one
    assert spec["concurrencyPolicy"] == "Forbid"


def test_a_run_has_reported_before_it_is_killed() -> None:
    """With half a minute for its Pod to be scheduled and to pull its image."""
    deadline = seconds(cronjob_container()["args"], "--deadline")
    assert deadline + 30 <= job_spec()["activeDeadlineSeconds"]


def test_a_frozen_server_leaves_both_tries_of_a_job_the_time_to_report_it() -> None:
    """The second Pod comes ten seconds after the first has failed."""
    one = longest_read(cronjob_container()["args"])
    assert 2 * one + 10 + 30 < job_spec()["activeDeadlineSeconds"]


def test_old_jobs_go_by_themselves() -> None:
    spec = document("cronjob.yaml", "CronJob")["spec"]
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 1)
    assert job_spec()["ttlSecondsAfterFinished"] == 24 * 60 * 60


def test_it_runs_what_it_is_said_to_run() -> None:
    container = cronjob_container()
    assert container["args"] == SHIPPED
    assert "command" not in container  # the image's entry point
    assert container["image"] == f"podcm-sync:{__version__}"
    assert pod_spec()["serviceAccountName"] == "podcm-sync"


def test_the_pod_can_do_nothing_on_its_node() -> None:
    container = cronjob_container()
    assert pod_spec()["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert "volumes" not in pod_spec()
    assert not {"env", "envFrom", "volumeMounts"} & container.keys()


def test_memory_is_bounded_and_cpu_is_not() -> None:
    container = cronjob_container()
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert container["resources"]["limits"].keys() == {"memory"}


def test_the_controller_makes_a_job_whose_pod_podsecurity_admits(api: Api, cronjob: Object) -> None:
    every_minute = {"spec": {"suspend": False, "schedule": "* * * * *"}}
    cronjob = api.patch("CronJob", NAMESPACE, NAME, every_minute)
    # As if it had last run then: the controller makes up for the minute since, and at once.
    last = {"status": {"lastScheduleTime": ago(minutes=2)}}
    api.patch("CronJob", NAMESPACE, NAME, last, "status")

    def jobs() -> Objects:
        mine = cronjob["metadata"]["uid"]
        found = api.list("Job", NAMESPACE)
        return [j for j in found if any(o["uid"] == mine for o in _owners(j))]

    job = api.wait_for(jobs, timeout=75)[0]["metadata"]["name"]
    api.patch("CronJob", NAMESPACE, NAME, {"spec": {"suspend": True}})
    (pod,) = api.wait_for(lambda: pods_of(api, job))
    assert pod["spec"]["serviceAccountName"] == "podcm-sync"
    assert pod["status"]["phase"] == "Pending"  # there is no node, but it was let in


def test_podsecurity_does_refuse_a_lesser_pod_there(api: Api, cronjob: Object) -> None:
    """Else the test above would say nothing."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "lesser"},
        "spec": pod_spec() | {"securityContext": {}},
    }
    status, answer = api.request("POST", path_of("Pod", NAMESPACE), pod)
    assert status == 403
    assert 'violates PodSecurity "restricted:latest": runAsNonRoot' in answer["message"]


@pytest.mark.parametrize("exit_code", [2, 4])
def test_an_exit_that_would_repeat_itself_fails_the_job_at_once(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, cronjob: Object, exit_code: int
) -> None:
    job = start(control_plane, kubeconfig)
    end_pod(api, job, exit_code)
    assert api.wait_for(lambda: failure_of(api, job)) == "PodFailurePolicy"
    assert len(pods_of(api, job)) == 1


@pytest.mark.parametrize("exit_code", [3, 5, 70])
def test_another_exit_gets_one_more_try(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, cronjob: Object, exit_code: int
) -> None:
    job = start(control_plane, kubeconfig)
    end_pod(api, job, exit_code)
    end_pod(api, job, exit_code)
    assert api.wait_for(lambda: failure_of(api, job)) == "BackoffLimitExceeded"
    assert len(pods_of(api, job)) == 2


def test_a_drained_node_costs_no_try(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, cronjob: Object
) -> None:
    job = start(control_plane, kubeconfig)
    for _ in range(3):  # with two of another kind it is over
        end_pod(api, job, 143, conditions=[{"type": "DisruptionTarget", "status": "True"}])
    api.wait_for(lambda: len(pods_of(api, job)) == 4)
    assert failure_of(api, job) is None


def test_the_image_can_be_set_as_the_file_says(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, cronjob: Object
) -> None:
    image = f"mirror.test/podcm-sync@sha256:{'0' * 64}"
    command = documented("cronjob.yaml", "kubectl set image")
    done = shell(control_plane, kubeconfig, command, env={"IMAGE": image})
    assert done.returncode == 0, done.stderr
    applied = api.get("CronJob", NAMESPACE, NAME)
    assert applied
    (container,) = applied["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["args"]) == (image, SHIPPED)


def test_it_can_be_stopped_as_the_file_says(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, cronjob: Object
) -> None:
    api.patch("CronJob", NAMESPACE, NAME, {"spec": {"suspend": False}})
    done = shell(control_plane, kubeconfig, documented("cronjob.yaml", "patch cronjob"))
    assert done.returncode == 0, done.stderr
    assert (api.get("CronJob", NAMESPACE, NAME) or {})["spec"]["suspend"] is True


def _owners(obj: Object) -> Objects:
    return list(obj["metadata"].get("ownerReferences", []))
