"""kubectl shows, explains and waits for a PodConfigMapConfig as its users are used to."""

import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import urllib3

from tests.controlplane.api import Api, path_of
from tests.controlplane.crd_case import numbered
from tests.controlplane.crd_objects import KIND, STATUS, crd_schema, pcmc
from tests.controlplane.harness import ControlPlane

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def kubectl(control_plane: ControlPlane, kubeconfig: Path) -> Kubectl:
    """kubectl, in the test's namespace."""
    return partial(control_plane.kubectl, kubeconfig, may_fail=True)


def test_columns_of_kubectl_get(api: Api, control_plane: ControlPlane, namespace: str) -> None:
    api.create(pcmc({}, namespace, "fresh"))
    api.create(pcmc({"suspend": True}, namespace, "seen"))
    api.patch(KIND, namespace, "seen", {"status": STATUS}, "status")
    with urllib3.PoolManager(ca_certs=str(control_plane.ca_file)) as http:
        headers = {
            "Authorization": f"Bearer {control_plane.admin_token}",
            "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io",
        }
        url = control_plane.server + path_of(KIND, namespace)
        table = http.request("GET", url, headers=headers).json()
    columns = [column["name"] for column in table["columnDefinitions"]]
    assert columns == (
        ["Name", "Ready", "Reason", "Pods", "ConfigMaps", "Suspended", "Observed", "Age"]
    )
    fresh, seen = ([*row["cells"][:-1]] for row in table["rows"])
    assert fresh == ["fresh", "Unknown", "Pending", None, None, None, None]
    assert seen == ["seen", "True", "Synced", 3, 2, True, 1]


def test_kubectl_finds_it_by_every_name(api: Api, kubectl: Kubectl, namespace: str) -> None:
    api.create(pcmc({}, namespace))
    for name in ("pcmc", "podconfigmapconfig", "podconfigmapconfigs", KIND, "podcm"):
        done = kubectl("get", name, "--output=name")
        assert done.stdout == "podconfigmapconfig.podconfig.example.com/mine\n", done.stderr


@pytest.mark.parametrize(
    "path",
    [
        *("", ".spec", ".spec.podSelector", ".spec.podSelector.matchExpressions"),
        *(".status", ".status.conditions"),
    ],
)
def test_kubectl_explains_each_field(kubectl: Kubectl, path: str) -> None:
    part = crd_schema()
    for step in path.split(".")[1:]:
        part = part["properties"][step]
        part = part.get("items", part)
    # A moment after it serves the objects the server publishes their schema.
    Api.wait_for(lambda: kubectl("explain", f"pcmc{path}").returncode == 0)
    shown = " ".join(kubectl("explain", f"pcmc{path}").stdout.split())
    assert part.get("description", "") in shown
    for name, field in part["properties"].items():
        assert f" {name} <" in shown
        if path or name in ("spec", "status"):  # the others are described by Kubernetes
            assert field["description"] in shown


def test_each_field_of_the_spec_has_an_example_and_says_what_omitting_it_means() -> None:
    spec = crd_schema()["properties"]["spec"]["properties"]
    selector = spec["podSelector"]["properties"]
    for name, field in (spec | selector).items():
        description = field["description"].lower()
        assert "omit" in description or "default" in description
        assert name == "suspend" or "example" in description


def test_kubectl_wait_goes_by_ready_of_the_present_generation(
    api: Api, kubectl: Kubectl, namespace: str
) -> None:
    def wait() -> int:
        return kubectl("wait", "--for=condition=Ready", "pcmc/mine", "--timeout=1s").returncode

    api.create(pcmc({}, namespace))
    assert wait() == 1  # pending
    api.patch(KIND, namespace, "mine", {"status": STATUS}, "status")
    assert wait() == 0
    api.patch(KIND, namespace, "mine", {"spec": {"labelsToInclude": numbered(1)}})
    assert wait() == 1  # ready, but as of the generation before
