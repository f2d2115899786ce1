"""An API server's lists without a network: a Connection whose answers a test may damage.

It pages, and answers in protobuf or JSON, as the real server does. Whatever writes is not here.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from podcm_sync.cluster.kube.client import Connection, RequestCounter
from podcm_sync.cluster.kube.transport import Response, TooLargeError
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.context import RunContext
from podcm_sync.sync import Policy, run
from tests.builders import GENERATED_BY, NOW, Json, Object
from tests.fakes import FakeCluster
from tests.pages import LISTS, json_page
from tests.speed import encode

JSON = "application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
KINDS = {"pods": "Pod", "configmaps": "ConfigMap", "podconfigmapconfigs": "PodConfigMapConfig"}
DISCOVERY = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": "podconfig.example.com/v1alpha1",
    "resources": [
        {
            "name": "podconfigmapconfigs",
            "kind": "PodConfigMapConfig",
            "namespaced": True,
            "verbs": ["create", "delete", "get", "list", "patch"],
        }
    ],
}


class Asked(NamedTuple):
    """A request: the resource ("" for discovery), its namespace, and the page's token."""

    resource: str
    namespace: str = ""
    token: str = ""
    is_metadata: bool = False


class Hurried(RunContext):
    """Waits for nothing."""

    def wait(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> bool:
        return True


class ListServer(Connection):
    """These objects, in pages of two; `asked` counts the requests, `sent` the bytes of answers.

    A page is smaller if the request's limit is, and is cut if it is larger than is taken.
    """

    def __init__(self, objects: Iterable[Json], *, is_protobuf: bool = True) -> None:
        # Without the base's own: there is no server to connect to.
        self.objects = list(objects)
        self.context = Hurried()
        self.connections = 1
        self.requests = RequestCounter()
        self.target = cast("Any", SimpleNamespace(description="https://server"))
        self.page_size = 2
        self.asked: Counter[Asked] = Counter()
        self._given: set[str] = set()
        self.sent: Counter[Asked] = Counter()
        self.answer: Callable[[Asked, Response], Response] = lambda _, response: response
        """Told of each request and its answer; gives the answer that is sent instead."""
        self._is_protobuf = is_protobuf

    def get(
        self,
        path: str,
        accept: str = JSON,
        *,
        max_bytes: int | None = None,
        **_waiting: object,
    ) -> Response:
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query))
        *before, last = parts.path.strip("/").split("/")
        if last not in KINDS:
            asked = Asked("")
            body, content_type = msgspec.json.encode(DISCOVERY), JSON
        else:
            namespace = before[-1] if "namespaces" in before else ""
            asked = Asked(last, namespace, query.get("continue", ""), "as=Partial" in accept)
            is_protobuf = self._is_protobuf and accept.startswith(PROTOBUF)
            body = self._page(asked, query, is_protobuf=is_protobuf)
            content_type = PROTOBUF if is_protobuf else JSON
        self.asked[asked] += 1
        if max_bytes is not None and len(body) > max_bytes:
            self.sent[asked] += max_bytes
            raise TooLargeError
        self.sent[asked] += len(body)
        status = 200 if body else 410
        response = Response(status=status, body=body, retry_after=None, content_type=content_type)
        return self.answer(asked, response)

    def _page(self, asked: Asked, query: Mapping[str, str], *, is_protobuf: bool) -> bytes:
        """A page, or nothing for a token that was not given out."""
        objects = [
            obj
            for obj in self.objects
            if obj["kind"] == KINDS[asked.resource]
            and asked.namespace in {"", obj["metadata"]["namespace"]}
            and ("labelSelector" not in query or GENERATED_BY in obj["metadata"]["labels"])
        ]
        start = 0
        if asked.token:
            if asked.token not in self._given:
                return b""
            start = int(asked.token.rpartition("-")[2])
        end = start + min(self.page_size, int(query.get("limit", self.page_size)))
        token = f"token-of-{end:04}" if end < len(objects) else ""
        self._given.add(token)
        # As the real server: without a selector it tells how many remain.
        has_count = token and "labelSelector" not in query
        remaining = len(objects) - end if has_count else None
        items = objects[start:end]
        kind = KINDS[asked.resource]
        if asked.is_metadata:
            kind = "PartialObjectMetadata"
            items = [
                {"kind": kind, "apiVersion": LISTS[kind], "metadata": item["metadata"]}
                for item in items
            ]
        elif asked.resource != "podconfigmapconfigs":
            bare = {"kind", "apiVersion"}
            items = [{k: v for k, v in item.items() if k not in bare} for item in items]
        if not is_protobuf:
            return json_page(kind, items, token or None, remainingItemCount=remaining)
        encoded = encode.config_map if kind == "ConfigMap" else encode.pod
        return encode.page(kind, list(map(encoded, items)), token, remaining=remaining)


def in_sync(*objects: Object) -> list[Json]:
    """These Pods and configs as an API server stores them, after a run that did all there was."""
    cluster = FakeCluster(*objects)
    for _ in range(2):
        report = run(Scope(namespaces=None), cluster, cluster, Policy(concurrency=1), now=NOW)
    assert {each.result for each in report.outcomes} == {Result.UNCHANGED}
    return list(cluster.dump().values())
