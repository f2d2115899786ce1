"""The control plane is what the other tests take it for."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.controlplane import binaries
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.harness import CONTROLLERS_OFF, ControlPlane

REPOSITORY = Path(__file__).resolve().parents[2]


def config_map(namespace: str, name: str, **metadata: object) -> Object:
    where = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": where | metadata}


def test_server_is_ready_and_of_the_pinned_version(api: Api) -> None:
    assert api.request("GET", "/readyz") == (200, "ok")
    assert api.request("GET", "/version")[1]["gitVersion"] == binaries.kubernetes_version()


def test_a_request_without_a_valid_token_is_refused(api: Api) -> None:
    assert api.request("GET", path_of("Pod", None), token="wrong")[0] == 401  # noqa: S106 - it is none


def test_garbage_collector_collects_what_a_deleted_pod_owned(api: Api, namespace: str) -> None:
    pod = api.make_pod(namespace, "owner", node_name="node-1", phase="Running")
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "owner", "uid": pod["metadata"]["uid"]}
    api.create(config_map(namespace, "owned", ownerReferences=[owner]))
    api.create(config_map(namespace, "free"))
    api.delete("Pod", namespace, "owner", gracePeriodSeconds=0)
    api.wait_for(lambda: api.get("ConfigMap", namespace, "owned") is None)
    assert api.get("ConfigMap", namespace, "free")


def test_service_account_token_has_the_rights_of_its_role(api: Api, namespace: str) -> None:
    rbac = "rbac.authorization.k8s.io"
    meta = {"namespace": namespace, "name": "reader"}
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    api.create({"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": [rule]})
    api.create(
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )
    token = api.service_account_token(namespace, "reader")
    allowed, forbidden = path_of("ConfigMap", namespace), path_of("Pod", namespace)
    # The authorizer learns of a new binding through a watch.
    api.wait_for(lambda: api.request("GET", allowed, token=token)[0] == 200)
    assert api.request("GET", forbidden, token=token)[0] == 403


def test_audit_has_each_answered_request_since_the_mark(
    api: Api, audit: Audit, namespace: str
) -> None:
    api.create(config_map(namespace, "before"))
    mark = audit.mark()
    api.create(config_map(namespace, "after"))
    api.request("POST", path_of("ConfigMap", namespace), config_map(namespace, "after"))
    api.request("GET", path_of("ConfigMap", "another-namespace"))
    mine = audit.since(mark, user="admin", namespace=namespace, user_agent="podcm-sync-t")
    seen = [(e.verb, e.resource, e.namespace, e.name, e.code) for e in mine]
    assert seen == [
        ("create", "configmaps", namespace, "after", 201),
        ("create", "configmaps", namespace, "after", 409),
    ]
    assert audit.since(mark, user="nobody", namespace=namespace) == []


def test_a_long_answer_is_in_the_audit_log_once_it_has_been_read(
    api: Api, audit: Audit, namespace: str
) -> None:
    for number in range(20):  # beyond what a server buffers
        api.create(config_map(namespace, f"big-{number}") | {"data": {"x": "y" * 20_000}})
    for _ in range(20):
        mark = audit.mark()
        api.list("ConfigMap", namespace)
        assert [e.verb for e in audit.since(mark, user="admin", namespace=namespace)] == ["list"]


def test_pods_keep_phase_and_node_as_no_controller_knows_better(
    api: Api, control_plane: ControlPlane, namespace: str
) -> None:
    api.make_pod(namespace, "pod", labels={"a": "b"}, node_name="no-such-node", phase="Failed")
    pod = api.get("Pod", namespace, "pod")
    assert pod
    assert (pod["spec"]["nodeName"], pod["status"]["phase"]) == ("no-such-node", "Failed")
    # To see a Pod survive takes a minute; that those who would delete it are off does not.
    log = (control_plane.audit_log.parent / "kube-controller-manager.log").read_text()
    for controller in CONTROLLERS_OFF:
        assert f'Warning: controller is disabled" controller="{controller}"' in log
        assert f'Started controller" controller="{controller}"' not in log


def test_make_pod_is_admitted_where_restricted_is_enforced(api: Api, namespace: str) -> None:
    enforce = {"pod-security.kubernetes.io/enforce": "restricted"}
    api.patch("Namespace", None, namespace, {"metadata": {"labels": enforce}})
    api.make_pod(namespace, "conformant")
    with pytest.raises(AssertionError, match=r"403: .* violates PodSecurity"):
        api.make_pod(namespace, "root", spec={"hostNetwork": True})


def test_kubectl_works_with_the_kubeconfig(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, namespace: str
) -> None:
    api.create(
        {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"namespace": namespace, "name": "mine"},
            "spec": {},
        }
    )
    answer = control_plane.kubectl(kubeconfig, "get", "pcmc", "-o", "name")
    assert answer.stdout == "podconfigmapconfig.podconfig.example.com/mine\n"


def test_a_component_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        "import pathlib, signal; from tests.controlplane.processes import Component as C;"
        f"C(pathlib.Path('/bin/sh'), ['-c', 'echo $$; exec sleep 60'], pathlib.Path('{log}'));"
        "signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=REPOSITORY)
    Api.wait_for(lambda: log.exists() and log.read_text().endswith("\n"))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    Api.wait_for(lambda: _gone(int(log.read_text())), timeout=5)


def _gone(pid: int) -> bool:
    try:
        # A container's first process may not reap: a zombie is gone too.
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_binaries_that_are_missing_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for tool in ("etcd", "kube-apiserver", "kubectl"):
        (tmp_path / tool).touch(mode=0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    with pytest.raises(binaries.ControlPlaneUnavailable, match="lacks kube-controller-manager:"):
        binaries.find_or_build()
