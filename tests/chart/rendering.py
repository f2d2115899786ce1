"""The chart as Helm renders it, and the sets of values that the tests look at."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart import binaries
from tests.shape.deploy import CHART

Json = dict[str, Any]
NAME: Final = "podcm-sync"
DIGEST: Final = f"sha256:{'0123456789abcdef' * 4}"
OPENSHIFT: Final = "security.openshift.io/v1"

MONITORING: Final[Json] = {
    "podMonitor": {
        "enabled": True,
        "labels": {"release": "prometheus"},
        "interval": "30s",
        "relabelings": [{"targetLabel": "cluster", "replacement": "prod"}],
        "metricRelabelings": [{"action": "drop", "regex": "go_.*", "sourceLabels": ["__name__"]}],
    },
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True, "annotations": {"grafana_folder": "Platform"}},
}

VALUES: Final[dict[str, Json]] = {
    "cronjob": {},
    "sharded": {"mode": "sharded"},
    "deployment": {"mode": "deployment"},
    "without-watch": {"mode": "deployment", "deployment": {"watch": False}},
    "namespaced-deployment": {"mode": "deployment", "namespaces": ["shop", "billing"]},
    "namespaced": {"namespaces": ["shop", "billing"]},
    "existing-account": {
        "mode": "deployment",
        "serviceAccount": {"create": False, "name": "sync"},
        "fullnameOverride": "tenant-sync",
    },
    "without-rights": {
        "rbac": {"create": False},
        "serviceAccount": {"create": False},
        "admissionPolicy": {"enabled": False},
        "crds": {"enabled": False},
    },
    "digest": {
        "image": {"registry": "registry.test", "repository": "tools/podcm-sync", "digest": DIGEST},
        "imagePullSecrets": [{"name": "own"}],
        "global": {"imageRegistry": "mirror.test/", "imagePullSecrets": ["shared"]},
    },
    "monitoring": {
        "mode": "deployment",
        "metrics": {"port": 9090, **MONITORING},
        "networkPolicy": {
            "enabled": True,
            "monitoringNamespace": "observability",
            "apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [6443]},
        },
    },
    "pushing": {
        "cronJob": {"pushGateway": "http://pushgateway.monitoring:9091"},
        "metrics": {"prometheusRule": {"enabled": True}},
        "networkPolicy": {
            "enabled": True,
            "extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}],
        },
    },
    "openshift": {"mode": "deployment"},
    "everything": {
        "mode": "sharded",
        "policy": "upsert-only",
        "events": False,
        "maxPrune": [7],
        "maxPruneTotal": [],
        "requestTimeout": "1m30s",
        "extraArgs": ["--qps=50", "--annotate={{ .podIP }}"],
        "extraEnv": [
            {"name": "HTTPS_PROXY", "value": "http://proxy.test:3128"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "cronJob": {
            "schedule": "7 * * * *",
            "timeZone": "Europe/Berlin",
            "suspend": True,
            "deadline": "50m",
            "activeDeadlineSeconds": 3400,
            "shards": 9,
            "tolerateObjectFailures": False,
        },
        "commonLabels": {"team": "platform", "app.kubernetes.io/name": "other"},
        "commonAnnotations": {"contact": "platform@example.test"},
        "serviceAccount": {"annotations": {"role": "sync"}},
        "podLabels": {"tier": "jobs"},
        "podAnnotations": {"sidecar.istio.io/inject": "false"},
        "nodeSelector": {"pool": "tools"},
        "tolerations": [{"key": "tools", "operator": "Exists"}],
        "affinity": {"podAntiAffinity": {}},
        "topologySpreadConstraints": [
            {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "priorityClassName": "system-cluster-critical",
        "resources": {"requests": {"cpu": "1"}},
    },
}
"""Each set by its name; `openshift` is rendered for a server that has OpenShift's API."""


@cache
def helm() -> Path:
    """The helm binary, built once."""
    return binaries.find_or_build()


def run(*arguments: str | Path, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
    """What helm prints; it must succeed, without a warning."""
    done = attempt(*arguments, stdin=stdin, env=env)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return done.stdout


def attempt(
    *arguments: str | Path, stdin: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs helm with nothing of the user's own."""
    return subprocess.run(
        [helm(), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"HOME": "/nonexistent", "HELM_CACHE_HOME": "/nonexistent", **(env or {})},
    )


def template(
    values: Json, *options: str, release: str = NAME, namespace: str = NAME, chart: Path = CHART
) -> str:
    """The text of `helm template`."""
    scope = ("--namespace", namespace, "--values", "-")
    return run("template", release, chart, *scope, *options, stdin=json.dumps(values))


def rendered(
    values: Json, *options: str, release: str = NAME, namespace: str = NAME, chart: Path = CHART
) -> list[Json]:
    """The objects of `helm template`, in their order."""
    text = template(values, *options, release=release, namespace=namespace, chart=chart)
    return [obj for obj in yaml.safe_load_all(text) if obj]


def of_set(name: str) -> list[Json]:
    """The objects for a set of values."""
    options = ["--api-versions", OPENSHIFT] if name == "openshift" else []
    return rendered(VALUES[name], *options)


def one(objects: Sequence[Json], kind: str, name: str = "") -> Json:
    """The one object of the kind, and of the name if one is given."""
    (found,) = [
        obj
        for obj in objects
        if obj["kind"] == kind and (not name or obj["metadata"]["name"] == name)
    ]
    return found


def pod_spec(objects: Sequence[Json]) -> Json:
    """The Pod's spec in the one workload."""
    (workload,) = [obj for obj in objects if obj["kind"] in {"CronJob", "Deployment"}]
    spec: Json = workload["spec"]
    spec = spec["jobTemplate"]["spec"] if workload["kind"] == "CronJob" else spec
    found: Json = spec["template"]["spec"]
    return found


def container(objects: Sequence[Json]) -> Json:
    """The one container of the one workload."""
    (found,) = pod_spec(objects)["containers"]
    assert isinstance(found, dict)
    return found
