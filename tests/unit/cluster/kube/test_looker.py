"""A look at one object believes only the API server, and says why it failed."""

import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import LookError
from podcm_sync.cluster.kube import retry
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.looker import KubeLooker
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.changes import Answer
from podcm_sync.runtime.context import RunContext
from tests.builders import NAMESPACE, manifest, pcmc, pod

POD = NamespacedName(NAMESPACE, "web-0")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "BACKOFF_SECONDS", 0.0)


def looker(status: int, body: object) -> KubeLooker:
    """One whose server always answers so; an exception is raised instead."""

    def get(_path: str) -> Response:
        if isinstance(body, Exception):
            raise body
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(status=status, body=raw, retry_after=None)

    requests = SimpleNamespace(repeated=lambda: None)
    made = SimpleNamespace(get=get, context=RunContext(), requests=requests)
    return KubeLooker(cast("Connection", made))


def refused(code: int, **more: Any) -> dict[str, Any]:
    """A v1 Status of a refusal that names the Pod."""
    about = {"name": POD.name, "kind": "pods"}
    head = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code}
    return head | {"message": f"the server says {code}", "details": about} | more


def why(status: int, body: object) -> Answer:
    """Why a look at the Pod failed."""
    with pytest.raises(LookError) as error:
        looker(status, body).pod(POD)
    return error.value.answer


def test_an_object_that_is_there() -> None:
    seen = looker(200, manifest(pod())).pod(POD)
    assert seen is not None
    assert (seen.namespaced_name, seen.uid) == (POD, pod().uid)
    config = pcmc(resource_version="7")
    found = looker(200, manifest(config)).config(config.namespaced_name)
    assert found is not None
    assert (found.uid, found.resource_version) == (config.uid, "7")


def test_an_object_that_is_not_there() -> None:
    assert looker(404, refused(404)).pod(POD) is None


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, b"404 page not found", Reason.UNCONFIRMED),
        (404, refused(404, details={"name": "another", "kind": "pods"}), Reason.UNCONFIRMED),
        (200, {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}}, Reason.UNCONFIRMED),
        (200, manifest(pod("web-0", namespace="elsewhere")), Reason.UNCONFIRMED),
        (200, manifest(pod()) | {"spec": {"nodeName": 5}}, Reason.UNCONFIRMED),
        (403, refused(403), Reason.FORBIDDEN),
        (500, refused(500), Reason.SERVER_ERROR),
        (0, TransportError("the connection was cut", is_sent=True), Reason.UNCONFIRMED),
        (0, ClusterError("no login"), Reason.UNAUTHORIZED),
    ],
)
def test_anything_else_is_no_look(status: int, body: object, reason: Reason) -> None:
    """A gateway's 404 and a Pod that can't be decoded don't prove that a Pod is gone."""
    assert why(status, body).reason is reason
