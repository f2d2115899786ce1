"""deploy/kustomize/deployment keeps its promises, and the real controllers do what it says."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from podcm_sync import __version__
from podcm_sync.leaderelection.elector import RELEASE_SECONDS
from podcm_sync.runtime.context import GRACE_SECONDS, MAX_RESERVED_SECONDS
from tests import command
from tests.controlplane.api import Api, Object, Objects
from tests.controlplane.deploy_files import (
    DEPLOY,
    DEPLOYMENT,
    apply_rights,
    cronjob_container,
    document,
    longest_read,
    seconds,
)

FILE = DEPLOYMENT
NAME = NAMESPACE = "podcm-sync"
LABELS = {"app.kubernetes.io/name": "podcm-sync", "app.kubernetes.io/component": "loop"}
SELECTED = ",".join(f"{key}={value}" for key, value in LABELS.items())


def spec() -> Object:
    return dict(document(FILE, "Deployment")["spec"])


def pod_spec() -> Object:
    return dict(spec()["template"]["spec"])


def container() -> Object:
    (found,) = pod_spec()["containers"]
    assert isinstance(found, dict)
    return found


@pytest.fixture
def deployment(api: Api) -> Iterator[Object]:
    """The Deployment, applied as shipped."""
    apply_rights(api)
    api.apply_yaml(DEPLOY / FILE)
    found = api.get("Deployment", NAMESPACE, NAME)
    assert found
    yield found
    api.delete("Deployment", NAMESPACE, NAME, propagationPolicy="Foreground")
    for kind in ("PodDisruptionBudget", "RoleBinding", "Role"):
        api.delete(kind, NAMESPACE, document(FILE, kind)["metadata"]["name"])
    for kind in ("ClusterRoleBinding", "ClusterRole"):
        api.delete(kind, None, document(FILE, kind)["metadata"]["name"])
    api.wait_for(lambda: not pods(api))
    api.wait_for(lambda: api.get("Deployment", NAMESPACE, NAME) is None)


def pods(api: Api) -> Objects:
    return api.list("Pod", NAMESPACE, SELECTED)


def test_two_pods_are_made_that_podsecurity_admits(api: Api, deployment: Object) -> None:
    made = api.wait_for(lambda: len(found := pods(api)) == 2 and found)
    assert made
    for pod in made:
        assert pod["spec"]["serviceAccountName"] == "podcm-sync"
        assert pod["status"]["phase"] == "Pending"  # there is no node, but it was let in


def test_the_budget_speaks_of_these_pods(api: Api, deployment: Object) -> None:
    """As the disruption controller counts them: two expected, one of which may go."""

    def counted() -> bool:
        status = (api.get("PodDisruptionBudget", NAMESPACE, NAME) or {}).get("status", {})
        return (status.get("expectedPods"), status.get("desiredHealthy")) == (2, 1)

    api.wait_for(counted)


def test_it_runs_what_it_is_said_to_run() -> None:
    assert container()["args"] == [
        "-A",
        *("--loop", "--watch", "--interval", "10m"),
        *("--deadline", "4m", "--request-timeout", "20s"),
        *("--leader-elect", "--listen", ":8080"),
        *("--max-prune", "100", "--max-prune", "50%"),
        *("--max-prune-total", "50", "--max-prune-total", "20%"),
        *("--log-format", "json", "-o", "json"),
    ]
    assert "command" not in container()  # the image's entry point
    assert container()["image"] == f"podcm-sync:{__version__}"
    assert "env" not in container()


def test_a_read_that_is_never_answered_leaves_a_run_the_time_to_report() -> None:
    arguments = container()["args"]
    assert longest_read(arguments) < seconds(arguments, "--deadline") - MAX_RESERVED_SECONDS


def test_the_command_takes_its_arguments(tmp_path: Path) -> None:
    """They are read before the kubeconfig, which is not there."""
    arguments = [each if each != ":8080" else "127.0.0.1:0" for each in container()["args"]]
    done = command.run(*arguments, kubeconfig=tmp_path / "none")
    assert done.code == 2
    assert "no kubeconfig at" in done.stderr


def test_its_pod_is_as_hardened_as_the_cronjobs() -> None:
    job = document("cronjob.yaml", "CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    same = (
        "serviceAccountName",
        "automountServiceAccountToken",
        "enableServiceLinks",
        "nodeSelector",
        "securityContext",
    )
    assert {key: pod_spec()[key] for key in same} == {key: job[key] for key in same}
    for key in ("securityContext", "resources", "image", "imagePullPolicy"):
        assert container()[key] == cronjob_container()[key]
    assert "volumes" not in pod_spec()


def test_a_pod_has_the_time_to_finish_and_to_give_the_lease_up() -> None:
    """Whatever --deadline says: a signal's grace is a run's end."""
    assert pod_spec()["terminationGracePeriodSeconds"] > GRACE_SECONDS + RELEASE_SECONDS


def test_there_are_two_that_are_kept_apart_and_replaced_one_by_one() -> None:
    assert spec()["replicas"] == 2
    assert spec()["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert spec()["selector"]["matchLabels"] == LABELS
    assert LABELS.items() <= spec()["template"]["metadata"]["labels"].items()
    budget = document(FILE, "PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert budget["selector"]["matchLabels"] == LABELS
    spread = pod_spec()["topologySpreadConstraints"]
    assert [(each["topologyKey"], each["whenUnsatisfiable"]) for each in spread] == [
        ("kubernetes.io/hostname", "ScheduleAnyway"),
        ("topology.kubernetes.io/zone", "ScheduleAnyway"),
    ]
    assert all(each["labelSelector"]["matchLabels"] == LABELS for each in spread)


def test_the_probes_ask_where_it_listens() -> None:
    (port,) = container()["ports"]
    assert port == {"name": "metrics", "containerPort": 8080}
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container()[probe]["httpGet"] == {"path": path, "port": "metrics"}


def test_the_rights_on_leases_are_the_least() -> None:
    """tests/chaos/test_replicas.py works with these, and sees each of them used."""
    assert document(FILE, "Role")["rules"] == [
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
        {
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": ["podcm-sync"],
            "verbs": ["get", "patch"],
        },
    ]
    (subject,) = document(FILE, "RoleBinding")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "podcm-sync", "namespace": NAMESPACE}


def test_the_rights_to_watch_are_the_least() -> None:
    """To watch each resource that a run lists, and to look at Pods and configs (§9)."""
    rules = document(FILE, "ClusterRole")["rules"]
    assert [(rule["apiGroups"], rule["resources"], rule["verbs"]) for rule in rules] == [
        ([""], ["pods"], ["get", "watch"]),
        (["podconfig.example.com"], ["podconfigmapconfigs"], ["get", "watch"]),
        ([""], ["configmaps"], ["watch"]),
    ]
    assert not any("resourceNames" in rule for rule in rules)
    binding = document(FILE, "ClusterRoleBinding")
    assert binding["roleRef"]["name"] == document(FILE, "ClusterRole")["metadata"]["name"]
    (subject,) = binding["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "podcm-sync", "namespace": NAMESPACE}


def test_without_the_deployment_nobody_can_watch(api: Api, kubeconfig: Path) -> None:
    """The rules of rbac.yaml, which the CronJob has, don't allow it; those of this file do."""
    apply_rights(api)
    account = f"system:serviceaccount:{NAMESPACE}:podcm-sync"
    scope = ("-A", "--watch", "--leader-elect", f"--lease-namespace={NAMESPACE}")

    def missing() -> str:
        done = command.run(
            *("doctor", *scope, "-o", "json", "--as", account), kubeconfig=kubeconfig
        )
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        return str(checks["permissions"]["detail"])

    configs = "podconfigmapconfigs.podconfig.example.com"
    watched = f"get, watch pods; get, watch {configs}; watch configmaps"
    # An earlier test's binding is gone, but the authorizer learns of that through a watch.
    api.wait_for(lambda: f"missing in all namespaces: {watched}" in missing())
    kinds = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    for kind in kinds:
        api.create(document(FILE, kind))
    try:
        # The authorizer learns of a new binding through a watch.
        api.wait_for(lambda: missing() == "all 17 in all namespaces")
    finally:
        for kind in reversed(kinds):
            meta = document(FILE, kind)["metadata"]
            api.delete(kind, meta.get("namespace"), meta["name"])
