"""The chart, the kustomizations, and deploy/*.yaml have the same objects for one way to run.

Only Helm's own labels differ, the Namespace that a chart doesn't have, and the policy's account:
the chart knows its own, and the file names every account of that name.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import NAME, VALUES, Json, one, rendered
from tests.controlplane import binaries
from tests.shape.deploy import DEPLOY, KUSTOMIZE
from tests.shape.readme import ROOT

HELMS_OWN = {
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "app.kubernetes.io/version",
    "helm.sh/chart",
}
CRD = ROOT / "crd" / "podconfigmapconfig_crd.yaml"
Objects = dict[tuple[str, str], Json]


def plain(value: Any) -> Any:
    """The value without the labels that only Helm sets, and with the verbs of a rule sorted."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(each) if key == "verbs" else plain(each)
        for key, each in value.items()
        if key not in HELMS_OWN
    }


def compared(objects: Iterable[Json]) -> Objects:
    """Each object by kind and name, without what may differ."""
    found: Objects = {}
    for obj in map(plain, objects):
        if obj["kind"] == "Namespace":
            continue
        if obj["kind"] == "ValidatingAdmissionPolicy":
            (condition,) = obj["spec"].pop("matchConditions")
            assert condition["name"] == "is-podcm-sync"
        if obj["kind"] == "CustomResourceDefinition":
            for key in ("labels", "annotations"):
                obj["metadata"].pop(key, None)
        place = (obj["kind"], obj["metadata"]["name"])
        assert place not in found
        found[place] = obj
    return found


def documents(*paths: Path) -> list[Json]:
    return [
        obj for path in paths for obj in yaml.safe_load_all(path.read_text(encoding="utf-8")) if obj
    ]


def kustomized(folder: Path) -> list[Json]:
    """What `kubectl kustomize` builds."""
    kubectl = binaries.find_or_build() / "kubectl"
    done = subprocess.run(
        [kubectl, "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return [obj for obj in yaml.safe_load_all(done.stdout) if obj]


def test_the_defaults_are_the_plain_manifests() -> None:
    plain_manifests = compared(documents(CRD, *DEPLOY.glob("*.yaml")))
    assert compared(rendered({})) == plain_manifests
    assert len(plain_manifests) == 7


@pytest.mark.parametrize(("mode", "count"), [("cronjob", 7), ("sharded", 7), ("deployment", 12)])
def test_a_mode_is_the_kustomization_of_its_name(mode: str, count: int) -> None:
    built = compared(kustomized(KUSTOMIZE / mode))
    assert compared(rendered({"mode": mode})) == built
    assert len(built) == count


def test_the_plain_manifests_are_the_kustomization_of_the_cronjob() -> None:
    built = kustomized(KUSTOMIZE / "cronjob")
    assert sorted(built, key=str) == sorted(documents(CRD, *DEPLOY.glob("*.yaml")), key=str)


def test_a_namespace_is_the_kustomization_of_a_team(tmp_path: Path) -> None:
    """As overlaid with a namespace; it has none in its options, since it is the Pod's own."""
    overlay = {"resources": ["../namespaced/team"], "namespace": "shop"}
    copy = tmp_path / "deploy"
    for source in (DEPLOY, ROOT / "crd"):
        subprocess.run(["cp", "-r", source, tmp_path], check=True)
    (copy / "kustomize" / "shop").mkdir()
    (copy / "kustomize" / "shop" / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    built = compared([*kustomized(KUSTOMIZE / "base"), *kustomized(copy / "kustomize" / "shop")])
    chart = compared(rendered({"namespaces": ["shop"]}, namespace="shop"))
    job = chart["CronJob", NAME]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    arguments = job["containers"][0]["args"]
    assert arguments[:2] == ["-n", "shop"]
    del arguments[:2]
    assert chart == built
    assert len(built) == 7


def test_each_kustomization_has_one_way_to_run() -> None:
    for folder in ("cronjob", "sharded", "deployment", "namespaced"):
        kinds = [obj["kind"] for obj in kustomized(KUSTOMIZE / folder)]
        assert sum(kind in {"CronJob", "Deployment"} for kind in kinds) == 1
        assert kinds[0] == "CustomResourceDefinition"
        assert kinds[-1] in {"CronJob", "Deployment"}


def test_the_crd_is_the_file_with_labels_and_the_policy_to_keep_it() -> None:
    """With each `{{ }}` of its descriptions, which Helm would render in a template."""
    (shipped,) = documents(CRD)
    crd = one(rendered({}), "CustomResourceDefinition")
    assert "{{.podIP}}" in str(crd["spec"])
    metadata = crd.pop("metadata")
    assert metadata["annotations"] == {"helm.sh/resource-policy": "keep"}
    assert metadata["labels"]["app.kubernetes.io/part-of"] == NAME
    assert metadata["name"] == shipped.pop("metadata")["name"]
    assert crd == shipped


def test_the_crd_can_be_removed_with_the_release() -> None:
    crd = one(rendered({"crds": {"keep": False}}), "CustomResourceDefinition")
    assert "annotations" not in crd["metadata"]


def test_the_alerts_and_the_dashboard_are_the_files() -> None:
    objects = rendered(VALUES["monitoring"])
    (rules,) = documents(DEPLOY / "observability" / "rules.yaml")
    assert one(objects, "PrometheusRule")["spec"] == rules
    assert "{{ $labels." in str(rules)
    dashboard = (DEPLOY / "observability" / "dashboard.json").read_text(encoding="utf-8")
    data = one(objects, "ConfigMap")["data"]
    assert data["podcm-sync.json"].strip() == dashboard.strip()


def test_each_alert_points_to_the_place_of_your_runbook() -> None:
    place = "https://wiki.example.com/podcm-sync/"
    values = {"metrics": {"prometheusRule": {"enabled": True, "docsUrl": place}}}
    spec = one(rendered(values), "PrometheusRule")["spec"]
    alerts = [rule for group in spec["groups"] for rule in group["rules"] if "alert" in rule]
    urls = [alert["annotations"]["runbook_url"] for alert in alerts]
    assert len(urls) > 5
    assert all(url.startswith(f"{place}runbook.md#") for url in urls)


def test_the_policy_names_only_the_account_of_the_release() -> None:
    objects = rendered(
        {"serviceAccount": {"create": False, "name": "shared"}}, namespace="tools", release="team"
    )
    policy = one(objects, "ValidatingAdmissionPolicy")
    (condition,) = policy["spec"]["matchConditions"]
    account = "system:serviceaccount:tools:shared"
    assert condition["expression"] == f"request.userInfo.username in ['{account}']"
    binding = one(objects, "ValidatingAdmissionPolicyBinding")
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert policy["metadata"]["name"] == "team-podcm-sync-own-configmaps"
