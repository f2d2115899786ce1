"""What a run asks a real API server for, counted in requests and bytes; and two content types."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import urllib3

from podcm_sync.api import decode_json, decode_protobuf
from podcm_sync.api.content_type import JSON, METADATA_ONLY, PROTOBUF
from podcm_sync.api.interner import Interner
from podcm_sync.api.page import M, Page
from podcm_sync.cluster.kube import reader
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import load
from podcm_sync.cluster.kube.paths import with_query
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.transport import Response
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.reconcile.report import Report, summary
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import Policy, run
from tests.controlplane import own
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.speed import encode

CRD = Path(__file__).resolve().parents[2] / "crd" / "podconfigmapconfig_crd.yaml"
ODD = {
    "a": "\u202eright to left, \x00\x1b[2J, \ufffd, 😀",
    "b": "line\nline\r\n\t",
    "c": "",
}


class Counting(Connection):
    """Counts the bytes of all answers."""

    size = 0

    def request(self, method: str, path: str, **options: Any) -> Response:
        response = super().request(method, path, **options)
        self.size += len(response.body)
        return response


def connect(kubeconfig: Path) -> Counting:
    return Counting(lambda: load(str(kubeconfig), None), connections=4, request_timeout=30.0)


def config(namespace: str) -> Object:
    return {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": "mine", "namespace": namespace},
        "spec": {"annotationsToInclude": ["b"]},
    }


def both(connection: Connection, path: str, query: Mapping[str, str]) -> tuple[Response, Response]:
    """The same list as protobuf and as JSON."""
    answers = [connection.get(with_query(path, query), accept) for accept in (PROTOBUF, JSON)]
    assert [each.status for each in answers] == [200, 200]
    assert [each.content_type for each in answers] == [PROTOBUF, JSON]
    return answers[0], answers[1]


def test_a_list_is_the_same_in_both_content_types(
    api: Api, namespace: str, kubeconfig: Path, control_plane: ControlPlane
) -> None:
    """Real bytes, paged: odd strings, owners, binary data, a terminating Pod, what is no UTF-8."""
    pod = api.make_pod(namespace, "odd", labels={"app": "web", "x": ""}, annotations=ODD)
    held = {"terminationGracePeriodSeconds": 3600}
    api.make_pod(namespace, "going", node_name="node-a", phase="Running", spec=held)
    api.delete("Pod", namespace, "going")
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "odd", "uid": pod["metadata"]["uid"]}
    owners = [{**owner, "controller": True}, {**owner, "uid": "other", "controller": False}]
    meta = {"name": "odd", "namespace": namespace, "annotations": ODD, "ownerReferences": owners}
    odd = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "immutable": True}
    api.create({**odd, "data": {"k": ODD["a"]}, "binaryData": {"b": "AP8="}})
    create_raw(control_plane, namespace, "raw", {"k": b"x\xff\xe2\x82y"})
    connection = connect(kubeconfig)
    for limit in ("1", "500"):
        query = {"limit": limit}
        ours, theirs = both(connection, path_of("Pod", namespace), query)
        assert _tokenless(decode_protobuf.pods(ours.body, Interner())) == _tokenless(
            decode_json.pods(theirs.body, Interner())
        )
        ours, theirs = both(connection, path_of("ConfigMap", namespace), query)
        found = decode_protobuf.config_maps(ours.body, Interner())
        assert _tokenless(found) == _tokenless(decode_json.config_maps(theirs.body, Interner()))
        assert bool(found.continue_token) == (limit == "1")
    assert {each.namespaced_name.name for each in found.items} >= {"odd", "raw"}
    (raw,) = (each for each in found.items if each.namespaced_name.name == "raw")
    assert raw.data == {"k": "x\ufffd\ufffd\ufffdy"}
    of_names = connection.get(path_of("ConfigMap", namespace), accept=METADATA_ONLY)
    assert of_names.content_type.startswith(PROTOBUF)
    named = {each.namespaced_name for each in decode_protobuf.metadata(of_names.body).items}
    assert named == {each.namespaced_name for each in found.items}


def test_a_server_that_answers_json_is_as_good(
    api: Api, namespace: str, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.make_pod(namespace, "web", annotations=ODD)
    api.create(config(namespace))
    scope = Scope(namespaces=(namespace,))
    ours = KubeReader(connect(kubeconfig)).snapshot(scope)
    monkeypatch.setattr(reader, "EITHER", JSON)
    assert KubeReader(connect(kubeconfig)).snapshot(scope) == ours
    assert [each.annotations for each in ours.pods] == [{"b": ODD["b"]}]


own_plane = own.control_plane


def test_requests_and_bytes_of_runs_over_all_namespaces(
    own_plane: ControlPlane, tmp_path: Path
) -> None:
    """Pods are listed where they matter; a second run lists, as protobuf, and does nothing else."""
    api = Api(own_plane.server, own_plane.ca_file, own_plane.admin_token)
    api.apply_crd(CRD)
    for name in ("with-config", "with-orphan", "with-pods"):
        new_namespace(api, name)
        for number in range(3):
            api.make_pod(name, f"web-{number}", annotations={"b": "c", "notes": "x" * 5_000})
    api.create(config("with-config"))
    labels = {
        "podconfig.example.com/generated-by-pcmc": "gone",
        "podconfig.example.com/pod-uid": "gone",
    }
    orphan = {"name": "pod-a-from-gone-cfg", "namespace": "with-orphan", "labels": labels}
    api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": orphan})
    audit = Audit(own_plane.audit_log)
    kubeconfig = own_plane.kubeconfig(tmp_path / "kubeconfig")

    mark = audit.mark()
    connection = connect(kubeconfig)
    report = sync(connection)
    assert (summary(report).created, summary(report).deleted) == (3, 1)
    assert asked(audit, mark) == {
        ("list", "configmaps", ""): 1,
        ("list", "podconfigmapconfigs", ""): 1,
        ("list", "pods", "with-config"): 1,
        ("list", "pods", "with-orphan"): 1,
        ("get", "", ""): 1,  # discovery, before anything is deleted for a config that is gone
        ("list", "configmaps", "with-config"): 1,  # the names that are taken
        ("create", "configmaps", "with-config"): 3,
        ("delete", "configmaps", "with-orphan"): 1,
        ("patch", "podconfigmapconfigs", "with-config"): 1,
    }

    mark = audit.mark()
    connection = connect(kubeconfig)
    assert summary(sync(connection)).unchanged == 3
    assert asked(audit, mark) == {
        ("list", "configmaps", ""): 1,
        ("list", "podconfigmapconfigs", ""): 1,
        ("list", "pods", "with-config"): 1,
    }
    generated = {"limit": "500", "labelSelector": "podconfig.example.com/generated-by-pcmc"}
    lists = [
        connection.get(with_query(path_of("ConfigMap", None), generated), PROTOBUF),
        connection.get(f"{path_of('PodConfigMapConfig', None)}?limit=500", JSON),
        connection.get(f"{path_of('Pod', 'with-config')}?limit=500", PROTOBUF),
    ]
    sizes = [len(each.body) for each in lists]
    assert connection.size == 2 * sum(sizes), "the run's bytes, and these once more"


def sync(connection: Connection) -> Report:
    everywhere = Scope(namespaces=None)
    reader, writer = KubeReader(connection), KubeWriter(connection)
    return run(everywhere, reader, writer, Policy(concurrency=4), now="2026-11-22T12:00:00Z")


def asked(audit: Audit, mark: int) -> Counter[tuple[str, str, str]]:
    events = audit.since(mark, user_agent="podcm-sync/")
    return Counter((each.verb, each.resource, each.namespace) for each in events)


def create_raw(plane: ControlPlane, namespace: str, name: str, data: dict[str, bytes]) -> None:
    """A ConfigMap with values that are no UTF-8: only protobuf can carry them to the server."""
    manifest = {"metadata": {"name": name, "namespace": namespace}, "data": data}
    body = encode.envelope("ConfigMap", encode.config_map(manifest))
    with urllib3.PoolManager(ca_certs=str(plane.ca_file), retries=False) as http:
        answer = http.request(
            "POST",
            plane.server + path_of("ConfigMap", namespace),
            body=body,
            headers={"Authorization": f"Bearer {plane.admin_token}", "Content-Type": PROTOBUF},
        )
    assert answer.status == 201, answer.data


def _tokenless(page: "Page[M]") -> tuple[object, ...]:
    return page.items, page.problems
