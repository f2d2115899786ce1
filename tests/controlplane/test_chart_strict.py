"""The API server accepts, strictly, what the chart renders for each set of values.

kubeconform would compare it with schemas from the internet. A dry run in the server does more:
unknown fields, validation, PodSecurity, and the Prometheus Operator's own CRDs.
"""

import re
from pathlib import Path

import pytest
import yaml

from tests.chart import binaries
from tests.chart.rendering import VALUES, of_set, rendered
from tests.controlplane.api import Api
from tests.controlplane.deploy_files import apply_rights
from tests.controlplane.harness import ControlPlane


@pytest.fixture(scope="module")
def prepared(api: Api) -> None:
    """The Prometheus Operator's CRDs, and the namespace that enforces `restricted`."""
    for path in binaries.operator_crds():
        api.apply_crd(path)
    apply_rights(api)


@pytest.mark.parametrize("name", VALUES)
def test_the_server_finds_no_unknown_field_in_a_set_of_values(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, prepared: None, name: str
) -> None:
    """A strict dry run in the server, which is more than any schema: admission included."""
    for where in VALUES[name].get("namespaces", ()):
        if not api.get("Namespace", None, where):
            new = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": where}}
            api.create(new)
    objects = of_set(name)
    done = control_plane.kubectl(
        kubeconfig,
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin=yaml.safe_dump_all(objects),
    )
    assert len(re.findall(r"\(server dry run\)$", done.stdout, re.MULTILINE)) == len(objects)
    assert "would violate" not in done.stderr
    assert "unknown field" not in done.stderr


def test_the_server_does_find_an_unknown_field(
    control_plane: ControlPlane, kubeconfig: Path, prepared: None
) -> None:
    """Else the test above would show nothing."""
    (cronjob,) = (obj for obj in rendered({}) if obj["kind"] == "CronJob")
    cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["nodeSelecter"] = {}
    done = control_plane.kubectl(
        kubeconfig,
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin=yaml.safe_dump(cronjob),
        may_fail=True,
    )
    assert done.returncode != 0
    assert 'unknown field "spec.jobTemplate.spec.template.spec.nodeSelecter"' in done.stderr
