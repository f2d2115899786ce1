"""deploy/kustomize/sharded keeps its promises: four Pods at once, each with its own shard."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controlplane.api import Api, Object, Objects
from tests.controlplane.deploy_files import (
    DEPLOY,
    SHARDED,
    apply_rights,
    cronjob_container,
    document,
    shell,
)
from tests.controlplane.harness import ControlPlane

FILE = SHARDED
NAMESPACE = "podcm-sync"
NAME = "podcm-sync-sharded"
SHARDS = 4
INDEX = "batch.kubernetes.io/job-completion-index"


@pytest.fixture
def cronjob(api: Api) -> Iterator[Object]:
    """The CronJob, applied as shipped and suspended, so that only a test starts Jobs."""
    apply_rights(api)
    api.apply_yaml(DEPLOY / FILE)
    yield api.patch("CronJob", NAMESPACE, NAME, {"spec": {"suspend": True}})
    api.delete("CronJob", NAMESPACE, NAME, propagationPolicy="Background")
    api.wait_for(lambda: api.get("CronJob", NAMESPACE, NAME) is None)


def job_spec() -> Object:
    return dict(document(FILE, "CronJob")["spec"]["jobTemplate"]["spec"])


def test_a_job_is_four_pods_at_once_that_podsecurity_admits_each_with_its_index(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, cronjob: Object
) -> None:
    job = f"t-{uuid.uuid4().hex[:8]}"
    start = f"kubectl -n {NAMESPACE} create job --from=cronjob/{NAME} {job}"
    done = shell(control_plane, kubeconfig, start)
    assert done.returncode == 0, done.stderr

    def pods() -> Objects:
        found = api.list("Pod", NAMESPACE, f"batch.kubernetes.io/job-name={job}")
        return found if len(found) >= SHARDS else []

    made = api.wait_for(pods)
    assert sorted(pod["metadata"]["labels"][INDEX] for pod in made) == ["0", "1", "2", "3"]
    for pod in made:
        (container,) = pod["spec"]["containers"]
        given = {each["name"]: each for each in container["env"]}
        assert given["PODCM_SYNC_SHARDS"]["value"] == str(SHARDS)
        assert "fieldRef" in given["JOB_COMPLETION_INDEX"]["valueFrom"]
        assert pod["spec"]["serviceAccountName"] == "podcm-sync"


def test_all_four_numbers_of_shards_are_the_same() -> None:
    (container,) = job_spec()["template"]["spec"]["containers"]
    (variable,) = container["env"]
    numbers = [job_spec()[key] for key in ("completions", "parallelism", "maxFailedIndexes")]
    assert [*numbers, int(variable["value"])] == [SHARDS] * 4
    assert (DEPLOY / FILE).read_text().count("# shards") == len(numbers) + 1


def test_but_for_its_shards_it_is_the_cronjob() -> None:
    (container,) = job_spec()["template"]["spec"]["containers"]
    assert {key: value for key, value in container.items() if key != "env"} == cronjob_container()
    whole = document("cronjob.yaml", "CronJob")["spec"]
    assert document(FILE, "CronJob")["spec"] | {"jobTemplate": None} == whole | {
        "jobTemplate": None
    }
