"""values.schema.json knows each value and refuses all others, but those of a parent chart."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync import __version__
from podcm_sync.__main__ import run as podcm_sync
from tests.chart.rendering import (
    DIGEST,
    MONITORING,
    NAME,
    OPENSHIFT,
    Json,
    attempt,
    container,
    of_set,
    one,
    pod_spec,
    rendered,
    run,
)
from tests.shape.deploy import CHART, values
from tests.shape.readme import ROOT

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
DEFAULTS = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
PARENTS = {"global", "enabled"}


def refusal(values: Json) -> str:
    done = attempt("template", NAME, CHART, "--values", "-", stdin=yaml.safe_dump(values))
    assert done.returncode != 0
    return done.stderr


def objects_of(schema: Json, defaults: Json, path: str = "") -> Any:
    """Each object of the schema that has its own keys, with its default and its path."""
    yield path, schema, defaults
    for key, child in schema["properties"].items():
        if "properties" in child and key in defaults:
            yield from objects_of(child, defaults[key], f"{path}.{key}")


def test_the_schema_has_each_value_and_no_other() -> None:
    seen = 0
    for path, schema, defaults in objects_of(SCHEMA, DEFAULTS):
        extra = PARENTS if path == "" else set()
        assert schema["properties"].keys() - extra == defaults.keys(), path
        assert schema["additionalProperties"] is False, path
        seen += 1
    assert seen > 10


def test_every_value_has_a_description() -> None:
    """`values` fails on one without; here, the groups of values are looked through."""
    documented = {path for path, _, _ in values()}
    assert len(documented) > 50
    assert {"mode", "image.digest", "metrics.podMonitor.enabled"} <= documented


@pytest.mark.parametrize(
    "values",
    [
        {"modes": "cronjob"},
        {"image": {"sha": DIGEST}},
        {"cronJob": {"shedule": "* * * * *"}},
        {"metrics": {"podMonitor": {"enable": True}}},
        {"networkPolicy": {"apiServer": {"cidr": "10.0.0.0/8"}}},
    ],
)
def test_a_misspelt_value_is_refused(values: Json) -> None:
    assert "additional properties" in refusal(values)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"mode": "daemonset"}, "/mode"),
        ({"namespaces": "shop"}, "/namespaces"),
        ({"namespaces": ["Shop"]}, "/namespaces/0"),
        ({"namespaces": ["shop", "shop"]}, "/namespaces"),
        ({"image": {"digest": "sha256:abc"}}, "/image/digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
        ({"policy": "create-only"}, "/policy"),
        ({"maxPrune": ["half"]}, "/maxPrune/0"),
        ({"requestTimeout": 20}, "/requestTimeout"),
        ({"openshift": "yes, please"}, "/openshift"),
        ({"extraArgs": "--qps=5"}, "/extraArgs"),
        ({"cronJob": {"startingDeadlineSeconds": 5}}, "/cronJob/startingDeadlineSeconds"),
        ({"cronJob": {"pushGateway": "pushgateway:9091"}}, "/cronJob/pushGateway"),
        ({"deployment": {"replicas": "2"}}, "/deployment/replicas"),
        ({"deployment": {"watch": "no"}}, "/deployment/watch"),
        ({"deployment": {"interval": "10"}}, "/deployment/interval"),
        ({"metrics": {"port": 0}}, "/metrics/port"),
        ({"podLabels": {"tier": 1}}, "/podLabels/tier"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(values: Json, place: str) -> None:
    assert f"at '{place}'" in refusal(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mode": "sharded", "namespaces": ["shop"]}, "leave the value namespaces empty"),
        ({"metrics": {"podMonitor": {"enabled": True}}}, "set cronJob.pushGateway instead"),
    ],
)
def test_a_combination_that_cannot_work_is_refused_with_what_to_do(
    values: Json, message: str
) -> None:
    assert message in refusal(values)


def test_a_null_removes_a_default() -> None:
    objects = rendered({"nodeSelector": None, "resources": {"limits": None}})
    assert "nodeSelector" not in pod_spec(objects)
    assert container(objects)["resources"].keys() == {"requests"}


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A chart that has this one as a dependency, behind a condition."""
    chart = {
        "apiVersion": "v2",
        "name": "platform",
        "version": "1.0.0",
        "dependencies": [
            {"name": NAME, "version": __version__, "condition": f"{NAME}.enabled"},
        ],
    }
    folder = tmp_path / "platform"
    (folder / "charts").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart))
    subprocess.run(["cp", "-r", CHART, folder / "charts" / NAME], check=True)
    return folder


def test_it_works_as_a_subchart(parent: Path) -> None:
    settings: Json = {
        "global": {"imageRegistry": "mirror.test", "imagePullSecrets": [{"name": "s"}], "x": {}},
        NAME: {"enabled": True, "mode": "deployment"},
    }
    objects = rendered(settings, chart=parent)
    assert container(objects)["image"] == f"mirror.test/podcm-sync:{__version__}"
    assert pod_spec(objects)["imagePullSecrets"] == [{"name": "s"}]
    assert rendered(settings | {NAME: {"enabled": False}}, chart=parent) == []


def test_the_versions_are_those_of_podcm_sync() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_a_digest_replaces_the_tag() -> None:
    objects = of_set("digest")
    assert container(objects)["image"] == f"mirror.test/tools/podcm-sync@{DIGEST}"
    assert pod_spec(objects)["imagePullSecrets"] == [{"name": "shared"}, {"name": "own"}]


def test_namespaces_get_roles_and_nothing_in_the_rest_of_the_cluster() -> None:
    objects = of_set("namespaced")
    roles = [obj for obj in objects if obj["kind"] == "Role"]
    assert [role["metadata"]["namespace"] for role in roles] == ["shop", "billing"]
    assert not [obj for obj in objects if obj["kind"].startswith("ClusterRole")]
    for binding in (obj for obj in objects if obj["kind"] == "RoleBinding"):
        (subject,) = binding["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": NAME, "namespace": NAME}
    assert container(objects)["args"][:4] == ["-n", "shop", "-n", "billing"]
    assert "-A" not in container(objects)["args"]


def test_a_deployment_watches_unless_a_value_says_otherwise() -> None:
    """Without it, the loop has the arguments and the permissions that it had before."""

    def loop(**values: object) -> list[str]:
        arguments: list[str] = container(rendered({"mode": "deployment", "deployment": values}))[
            "args"
        ]
        return arguments[1 : arguments.index("--deadline")]

    assert loop() == ["--loop", "--watch", "--interval", "10m"]
    assert loop(interval="5m") == ["--loop", "--watch", "--interval", "5m"]
    assert loop(watch=False) == ["--loop", "--interval", "60s"]
    assert loop(watch=False, interval="5m") == ["--loop", "--interval", "5m"]


def test_only_a_deployment_that_watches_has_the_permission_to() -> None:
    """In a role of its own, of the same kind as that of the runs."""

    def verbs(name: str) -> dict[tuple[str, str], set[str]]:
        """By the kind and the name of a role, and its namespace if it has one."""
        return {
            (obj["kind"], ".".join(filter(None, (meta["name"], meta.get("namespace"))))): {
                verb for rule in obj["rules"] for verb in rule["verbs"]
            }
            for obj in of_set(name)
            if obj["kind"] in {"Role", "ClusterRole"}
            for meta in [obj["metadata"]]
        }

    watch = {"get", "watch"}
    assert verbs("deployment")["ClusterRole", "podcm-sync-watch"] == watch
    found = verbs("namespaced-deployment")
    for namespace in ("shop", "billing"):
        assert found["Role", f"podcm-sync-watch.{namespace}"] == watch
        assert "watch" not in found["Role", f"podcm-sync.{namespace}"]
    assert not any(kind == "ClusterRole" for kind, _ in found)
    for name in ("without-watch", "cronjob", "sharded", "without-rights"):
        assert not any("watch" in each for each in verbs(name).values())


@pytest.mark.parametrize(
    ("openshift", "has_api", "has_user"),
    [
        ("auto", False, True),
        ("auto", True, False),
        (True, False, False),
        (False, True, True),
    ],
)
def test_on_openshift_the_platform_chooses_the_user(
    openshift: object, has_api: bool, has_user: bool
) -> None:
    options = ["--api-versions", OPENSHIFT] if has_api else []
    context = pod_spec(rendered({"openshift": openshift}, *options))["securityContext"]
    assert ("runAsUser" in context) is has_user
    assert ("runAsGroup" in context) is has_user
    assert context["runAsNonRoot"] is True


def test_a_selector_never_has_what_changes_between_versions() -> None:
    """A Deployment's selector is immutable, so no upgrade could change it."""
    objects = rendered({"mode": "deployment", "commonLabels": {"team": "a"}})
    assert one(objects, "Deployment")["spec"]["selector"]["matchLabels"] == {
        "app.kubernetes.io/component": "loop",
        "app.kubernetes.io/instance": NAME,
        "app.kubernetes.io/name": NAME,
    }


@pytest.mark.parametrize("mode", ["cronjob", "sharded", "deployment"])
def test_the_longest_name_of_a_release_gives_names_that_kubernetes_takes(mode: str) -> None:
    objects = rendered({"mode": mode}, release="r" * 53)
    for obj in objects:
        name = obj["metadata"]["name"]
        assert len(name) <= (52 if obj["kind"] == "CronJob" else 63)
        assert not name.endswith("-")
        for value in obj["metadata"]["labels"].values():
            assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value)


def test_another_name_has_a_lease_and_roles_of_its_own() -> None:
    objects = of_set("existing-account")
    arguments = container(objects)["args"]
    assert arguments[arguments.index("--lease-name") + 1] == "tenant-sync"
    (lease,) = [rule for rule in one(objects, "Role")["rules"] if "resourceNames" in rule]
    assert lease["resourceNames"] == ["tenant-sync"]
    assert pod_spec(objects)["serviceAccountName"] == "sync"
    assert not [obj for obj in objects if obj["kind"] == "ServiceAccount"]


def test_only_the_monitoring_namespace_reaches_the_metrics_port() -> None:
    policy = one(of_set("monitoring"), "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["ingress"] == [
        {
            "from": [
                {
                    "namespaceSelector": {
                        "matchLabels": {"kubernetes.io/metadata.name": "observability"}
                    }
                }
            ],
            "ports": [{"port": "metrics", "protocol": "TCP"}],
        }
    ]
    assert policy["egress"] == [
        {
            "ports": [{"port": 6443, "protocol": "TCP"}],
            "to": [{"ipBlock": {"cidr": "10.0.0.1/32"}}],
        }
    ]


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://pushgateway.monitoring:9091", 9091),
        ("http://pushgateway.monitoring/path", 80),
        ("https://pushgateway.example.test", 443),
    ],
)
def test_a_run_that_pushes_metrics_reaches_its_gateway(url: str, port: int) -> None:
    policy = one(
        rendered({"cronJob": {"pushGateway": url}, "networkPolicy": {"enabled": True}}),
        "NetworkPolicy",
    )["spec"]
    assert policy["ingress"] == []
    assert {"port": port, "protocol": "TCP"} in policy["egress"][1]["ports"]
    assert {"port": 53, "protocol": "UDP"} in policy["egress"][1]["ports"]


def test_a_template_in_a_value_stays_as_it_is() -> None:
    assert "--annotate={{ .podIP }}" in container(of_set("everything"))["args"]


@pytest.mark.parametrize("mode", ["cronjob", "sharded", "deployment"])
def test_the_notes_name_objects_that_there_are(mode: str) -> None:
    shown = run(
        *("install", NAME, CHART, "--namespace", "tools", "--dry-run=client"),
        *("--set", f"mode={mode}", "--output", "json"),
    )
    notes = json.loads(shown)["info"]["notes"]
    (workload,) = [
        obj
        for obj in rendered({"mode": mode}, namespace="tools")
        if obj["kind"] in {"CronJob", "Deployment"}
    ]
    name = f"{workload['kind'].lower()}/{workload['metadata']['name']}"
    assert re.search(rf"{name}( |$)", notes, re.MULTILINE)
    assert "system:serviceaccount:tools:podcm-sync" in notes
    assert "in no public registry" in notes
    (command,) = re.findall(r"podcm-sync (doctor .*)", notes)
    assert podcm_sync([*shlex.split(command), "--help"]) == 0
    assert "\n\n\n" not in notes


def examples() -> list[Json]:
    """The values that the pages show, which begin with one of the chart's keys."""
    blocks = [
        yaml.safe_load(block)
        for page in (CHART / "README.md", ROOT / "docs" / "install.md")
        for block in re.findall(r"```yaml\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    ]
    return [block for block in blocks if next(iter(block)) in DEFAULTS]


@pytest.mark.parametrize("values", examples())
def test_the_values_that_the_pages_show_are_accepted(values: Json) -> None:
    assert rendered(values)


def test_the_pages_show_values() -> None:
    assert len(examples()) == 3


@pytest.mark.parametrize("mode", ["cronjob", "deployment"])
def test_a_name_that_yaml_reads_as_a_number_stays_a_name(mode: str) -> None:
    """Kubernetes allows `12` and `on` for namespaces, and Helm for releases."""
    values: Json = {
        "mode": mode,
        "namespaces": ["12", "on"],
        "nameOverride": "12",
        "fullnameOverride": "123",
        "serviceAccount": {"create": False, "name": "456"},
        "imagePullSecrets": [{"name": "789"}],
        "networkPolicy": {"enabled": True, "monitoringNamespace": "77"},
        "metrics": MONITORING if mode == "deployment" else {},
    }
    objects = rendered(values, release="34", namespace="0x10")
    for obj in objects:
        meta = obj["metadata"]
        assert {type(meta["name"]), type(meta.get("namespace", ""))} == {str}
        assert {type(value) for value in meta["labels"].values()} == {str}
        for subject in obj.get("subjects", []):
            assert subject["name"] == "456"
            assert subject["namespace"] == "0x10"
    spec = pod_spec(objects)
    assert (spec["serviceAccountName"], spec["imagePullSecrets"]) == ("456", [{"name": "789"}])
    assert {type(word) for word in container(objects)["args"]} == {str}
    policy = one(objects, "NetworkPolicy")["spec"]
    assert {type(value) for value in policy["podSelector"]["matchLabels"].values()} == {str}
