"""A workload counts by what its container runs, and its scope by that container's options."""

from typing import Any

import msgspec
import pytest
import yaml

from podcm_sync.cluster.kube.transport import Response
from podcm_sync.doctor.facts import NotChecked, Workload
from podcm_sync.doctor.workload_probe import find_workloads
from podcm_sync.reconcile.snapshot import Scope, Shard
from tests.shape.deploy import DEPLOY, KUSTOMIZE

Json = dict[str, Any]
ALL = Scope(namespaces=None)
TOOLS = Scope(namespaces=("tools",))
API = {"CronJob": "batch/v1", "Deployment": "apps/v1"}


def answer(status: int, body: object) -> Response:
    return Response(status=status, body=msgspec.json.encode(body), retry_after=None, date="")


class Server:
    """Answers the two lists, a page for each object."""

    def __init__(self, *objects: Json, refused: str = "", is_endless: bool = False) -> None:
        self._objects = objects
        self._refused = refused
        self._is_endless = is_endless
        self.paths: list[str] = []

    def get(self, path: str) -> Response:
        self.paths.append(path)
        kind = "CronJob" if path.startswith("/apis/batch/v1/cronjobs?") else "Deployment"
        if kind == self._refused:
            return answer(403, {"apiVersion": "v1", "kind": "Status", "message": "no"})
        found = [obj for obj in self._objects if obj["kind"] == kind]
        page = int(path.partition("continue=")[2] or 0)
        more = page + 1 < len(found)
        token = "0" if self._is_endless else str(page + 1) if more else ""
        content = {"apiVersion": API[kind], "kind": f"{kind}List", "items": found[page : page + 1]}
        return answer(200, {**content, "metadata": {"continue": token, "resourceVersion": "1"}})


def deployment(container: Json, **spec: object) -> Json:
    template = {"spec": {"containers": [{"name": "proxy", "image": "envoy"}, container]}}
    return {
        "kind": "Deployment",
        "metadata": {"name": "sync", "namespace": "tools", "labels": {"argocd": "tools"}},
        "spec": {"replicas": 2, "template": template, **spec},
    }


def scope_of(container: Json, **spec: object) -> Scope | None:
    found = find_workloads(Server(deployment(container, **spec)).get)
    assert not isinstance(found, NotChecked)
    return found[0].scope if found else None


def shipped(path: str) -> Json:
    folder = DEPLOY if path == "cronjob.yaml" else KUSTOMIZE
    documents = yaml.safe_load_all((folder / path).read_text())
    (found,) = (obj for obj in documents if obj["kind"] in API)
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("cronjob.yaml", "CronJob", "podcm-sync"),
        ("sharded/cronjob.yaml", "CronJob", "podcm-sync-sharded"),
        ("deployment/deployment.yaml", "Deployment", "podcm-sync"),
    ],
)
def test_each_shipped_workload_is_found_with_its_scope(path: str, kind: str, name: str) -> None:
    found = find_workloads(Server(shipped(path)).get)
    assert found == (Workload(kind=kind, namespace="podcm-sync", name=name, scope=ALL),)


@pytest.mark.parametrize(
    "container",
    [
        {"image": "registry.test:5000/tools/podcm-sync"},
        {"image": "registry.test:5000/tools/podcm-sync:0.1.0"},
        {"image": "podcm-sync@sha256:0000"},
        {"image": "mirror/other", "name": "podcm-sync"},
        {"image": "mirror/python", "command": ["/opt/bin/podcm-sync"]},
        {"image": "mirror/python", "command": ["python", "-m", "podcm_sync"]},
    ],
)
def test_it_counts_without_any_label(container: Json) -> None:
    assert scope_of({"args": ["-A"], **container}) == ALL


@pytest.mark.parametrize(
    "container",
    [
        {"image": "podcm-sync-dashboard:1"},
        {"image": "podcm-sync/exporter:1"},
        {"image": "nginx", "args": ["podcm-sync"]},
        {"image": None},
    ],
)
def test_another_program_does_not_count(container: Json) -> None:
    assert scope_of(container) is None


@pytest.mark.parametrize(
    ("args", "env", "scope"),
    [
        (["-A"], {}, ALL),
        (["--all-namespaces", "--loop"], {}, ALL),
        (["-vA"], {}, ALL),
        ([], {}, TOOLS),
        (["-n", "shop", "-nbank", "--namespace=post", "--namespace", "till"], {}, None),
        ([], {"NAMESPACE": "shop bank"}, Scope(namespaces=("shop", "bank"))),
        ([], {"ALL_NAMESPACES": "true"}, ALL),
        ([], {"ALL_NAMESPACES": "false"}, TOOLS),
        (["-n", "shop"], {"ALL_NAMESPACES": "1"}, Scope(namespaces=("shop",))),
        (["-A"], {"NAMESPACE": "shop"}, ALL),
        (["-A", "--shard", "1/4"], {}, Scope(namespaces=None, shard=Shard(index=1, count=4))),
        (["-A"], {"SHARD": "1/4"}, Scope(namespaces=None, shard=Shard(index=1, count=4))),
        (["-A"], {"SHARDS": "4"}, ALL),
        (["-A", "--shard=one"], {}, ALL),
    ],
)
def test_the_scope_is_that_of_its_options_and_variables(
    args: list[str], env: dict[str, str], scope: Scope | None
) -> None:
    variables = [{"name": f"PODCM_SYNC_{name}", "value": value} for name, value in env.items()]
    container = {"image": "podcm-sync", "args": args, "env": variables}
    named = Scope(namespaces=("shop", "bank", "post", "till"))
    assert scope_of(container) == (scope or named)


@pytest.mark.parametrize(
    ("container", "spec"),
    [
        ({"args": ["-A", "--dry-run"]}, {}),
        ({"env": [{"name": "PODCM_SYNC_DRY_RUN", "value": "1"}]}, {}),
        ({"args": ["status", "-A"]}, {}),
        ({"command": ["podcm-sync", "doctor"], "args": ["-A"]}, {}),
        ({"args": ["-A"]}, {"replicas": 0}),
        ({"args": ["-A"]}, {"suspend": True}),
    ],
)
def test_a_workload_that_writes_nothing_does_not_count(container: Json, spec: Json) -> None:
    assert scope_of({"image": "podcm-sync", **container}, **spec) is None


def test_every_page_is_read() -> None:
    many = [deployment({"image": "podcm-sync", "args": ["-n", f"n{index}"]}) for index in range(3)]
    server = Server(*many)
    found = find_workloads(server.get)
    assert not isinstance(found, NotChecked)
    assert [workload.scope.namespaces for workload in found] == [("n0",), ("n1",), ("n2",)]
    assert len(server.paths) == 4


@pytest.mark.parametrize("kind", API)
def test_without_the_permission_for_one_list_nothing_is_known(kind: str) -> None:
    found = find_workloads(Server(shipped("cronjob.yaml"), refused=kind).get)
    assert found == NotChecked(why=f"no permission to list {kind}s in all namespaces")


@pytest.mark.parametrize("items", [5, [None], [{}], [{"metadata": {"name": "a"}}]])
def test_a_list_of_other_types_is_no_answer(items: object) -> None:
    content = {"apiVersion": "batch/v1", "kind": "CronJobList", "items": items}
    assert isinstance(find_workloads(lambda _: answer(200, content)), NotChecked)


def test_a_list_without_an_end_is_no_answer() -> None:
    assert isinstance(find_workloads(Server(is_endless=True).get), NotChecked)
