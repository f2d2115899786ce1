"""A config of before the CRD had its rules, of a kind that they choke on: one sign of each sort.

The CRD is loosened for it, so these tests have a control plane of their own.
"""

import copy
from pathlib import Path

from tests import command
from tests.controlplane import crd_objects, own
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.crd_objects import KIND
from tests.controlplane.sync_objects import make_config, names
from tests.controlplane.test_events import said
from tests.controlplane.test_failures import failed, is_told
from tests.observability.running import value

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MERGE = "application/merge-patch+json"


control_plane, api, deletions = own.control_plane, own.api, own.deletions


def replace_crd(api: Api, crd: Object) -> None:
    where = f"{CRDS}/{crd['metadata']['name']}"
    status, answer = api.request("PATCH", where, {"spec": crd["spec"]}, content_type=MERGE)
    assert status == 200, answer


def store(api: Api, namespace: str, spec: Object) -> None:
    """`mine` as it was before there were rules, and `other` of today; both select the one Pod."""
    real = crd_objects.crd()
    loose = copy.deepcopy(real)
    schema = loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"x-kubernetes-preserve-unknown-fields": True}
    replace_crd(api, loose)
    configs, dry = path_of(KIND, namespace), {"dryRun": "All"}
    probe = crd_objects.pcmc({"suspend": "yes"}, namespace, "mine")
    api.wait_for(lambda: api.request("POST", configs, probe, query=dry)[0] == 201)
    api.create(crd_objects.pcmc(spec, namespace, "mine"))
    probe["metadata"]["name"] = "probe"
    replace_crd(api, real)
    api.wait_for(lambda: api.request("POST", configs, probe, query=dry)[0] == 422)
    api.wait_for(lambda: api.request("GET", configs)[0] == 200)
    make_config(api, namespace, "other")
    api.make_pod(namespace, "web")


def test_a_spec_that_the_rules_cannot_be_asked_about_is_one_series_no_event_and_a_row(
    api: Api, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """The server refuses its status, which is no second failure; so there is no Event either."""
    store(api, namespace, {"podSelector": {"matchLabels": {"n": 7}}})
    metrics = tmp_path / "run.prom"
    for _ in range(2):
        done = command.run("--metrics-file", str(metrics), kubeconfig=kubeconfig)
        assert done.code == 3, done.stderr
        assert "InvalidSpec" in done.stdout
        assert f"✘ status of {namespace}/mine  Rejected" in done.stdout
        assert failed(metrics) == {("blocking", "InvalidSpec"): 1}
        text = metrics.read_text(encoding="utf-8")
        assert value(text, "podcm_sync_configs_invalid", namespace=namespace) == 1
        assert value(text, "podcm_sync_configs_not_ready", namespace=namespace) == 1
        assert said(api, namespace) == []
    assert names(api, namespace) == ["pod-web-from-other-cfg"]
    assert is_told("InvalidSpec", 3)
