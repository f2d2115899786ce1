"""An API server in memory that also watches: versions, streams of events, lists, and writes.

KubeReader and KubeWriter talk to it through a Connection, so that a test has the real lists, looks,
and settled writes. What happens when is the test's business: nothing moves by itself.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast
from urllib.parse import parse_qsl, urlsplit

import msgspec

from podcm_sync.api import decode_json
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig, Problem
from podcm_sync.api.page import Page
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.client import Connection, RequestCounter
from podcm_sync.cluster.kube.transport import JSON, Response, TransportError
from podcm_sync.cluster.watch import EventType, Restart, Sink, Watch, WatchEvent
from podcm_sync.reconcile.changes import Answer
from tests.builders import GENERATED_BY, Json
from tests.fakes import FakeCluster
from tests.listserver import DISCOVERY, KINDS, Hurried
from tests.pages import LISTS, json_page

RESOURCES: Final = {
    "Pod": paths.PODS,
    "PodConfigMapConfig": paths.CONFIGS,
    "ConfigMap": paths.CONFIG_MAPS,
}
KIND_OF: Final = {resource: kind for kind, resource in RESOURCES.items()}
Key = tuple[str, NamespacedName]


class Logged(NamedTuple):
    """One change: its version, the object's kind and name, and its state before and after."""

    version: int
    key: Key
    before: Json | None
    after: Json | None


class _Stored(dict[Key, Json]):
    """The objects, which note each change."""

    def __init__(self, note: Callable[[Key, Json | None, Json | None], None]) -> None:
        super().__init__()
        self._note = note

    def __setitem__(self, key: Key, raw: Json) -> None:
        before = self.get(key)
        super().__setitem__(key, raw)
        self._note(key, before, raw)

    def __delitem__(self, key: Key) -> None:
        before = self[key]
        super().__delitem__(key)
        self._note(key, before, None)


class WatchedCluster(FakeCluster):
    """A FakeCluster with a history."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Logged] = []
        self.stored = _Stored(self._logged)

    @property
    def version(self) -> int:
        """The version of the last change."""
        return self._version

    def dump(self) -> dict[Key, Json]:
        """A copy of all that is stored, for comparing."""
        return copy.deepcopy(dict(self.stored))

    def at(self, version: int, namespace: str, kind: str) -> dict[NamespacedName, Json]:
        """The objects of a kind in a namespace as they were at a version."""
        objects: dict[NamespacedName, Json] = {}
        for each in self.log:
            if each.version > version:
                break
            (each_kind, name), raw = each.key, each.after
            if each_kind == kind and name.namespace == namespace:
                objects.pop(name, None)
                if raw is not None:
                    objects[name] = raw
        return objects

    def _logged(self, key: Key, before: Json | None, after: Json | None) -> None:
        if after is None:
            version = int(self._next_version())
        else:
            version = int(after["metadata"]["resourceVersion"])
        self.log.append(Logged(version, key, before, after))


class WatchedServer(Connection):
    """The cluster behind HTTP. `fates` are those of the next writes; anything else is done.

    `hook` is called before each request and, for a list or a write, again before its answer.
    """

    def __init__(self, cluster: WatchedCluster) -> None:
        # Without the base's own: there is no server to connect to.
        self.cluster = cluster
        self.context = Hurried()
        self.connections = 1
        self.requests = RequestCounter()
        self.target = cast("Any", SimpleNamespace(description="https://server"))
        self.hook: Callable[[], None] = lambda: None
        self.deleting: Callable[[NamespacedName, Json], None] = lambda *_: None
        """Told of each delete before it is carried out."""
        self.looking: Callable[[str], None] = lambda _: None
        """Told of each look at a single object by its kind, before it is answered."""
        self.fates: list[str] = []
        self.failing_lists: dict[str, int] = {}
        """How many lists of a resource fail from now on."""
        self.denied: set[NamespacedName] = set()
        """ConfigMaps that nobody may write."""
        self.refused: set[NamespacedName] = set()
        """Those whose write was refused for it."""
        self.lists: list[str] = []
        """The resources of all lists."""

    def get(self, path: str, accept: str = JSON, **_waiting: object) -> Response:
        parts = urlsplit(path)
        query = dict(parse_qsl(parts.query))
        *before, last = parts.path.strip("/").split("/")
        if parts.path == paths.DISCOVERY:
            self.hook()
            return _response(200, msgspec.json.encode(DISCOVERY))
        if last not in KINDS:
            self.hook()
            key = KINDS[before[-1]], NamespacedName(before[-2], last)
            self.looking(key[0])
            return self._object(key)
        self.hook()
        kind = KINDS[last]
        resource = RESOURCES[kind]
        self.lists.append(resource)
        if self.failing_lists.get(resource, 0):
            self.failing_lists[resource] -= 1
            return _status(500, "InternalError", kind, NamespacedName("", ""))
        namespace = before[-1] if "namespaces" in before else ""
        items = [
            raw
            for (stored_kind, name), raw in sorted(self.cluster.stored.items())
            if stored_kind == kind
            and namespace in {"", name.namespace}
            and ("labelSelector" not in query or has_label(raw))
        ]
        version = str(self.cluster.version)
        if "as=Partial" in accept:
            kind = "PartialObjectMetadata"
            items = [
                {"kind": kind, "apiVersion": LISTS[kind], "metadata": item["metadata"]}
                for item in items
            ]
        body = json_page(kind, items, None, resourceVersion=version)
        self.hook()
        return _response(200, body)

    def request(self, method: str, path: str, *, body: bytes | None = None, **_: Any) -> Response:
        self.hook()
        fate = self.fates.pop(0) if self.fates else "done"
        if fate == "unsent":
            raise TransportError("the connection failed", is_sent=False)
        if fate == "refused":
            return _status(503, "ServiceUnavailable", "ConfigMap", NamespacedName("", ""))
        if fate == "lost before":
            raise TransportError("the connection was cut", is_sent=True)
        response = self._write(method, path, msgspec.json.decode(body or b"{}"))
        self.hook()
        if fate == "lost after":
            raise TransportError("the connection was cut", is_sent=True)
        return response

    def _write(self, method: str, path: str, body: Json) -> Response:
        parts = path.strip("/").removesuffix("/status").split("/")
        if method == "POST":
            key = KINDS[parts[-1]], NamespacedName(parts[-2], body["metadata"]["name"])
        else:
            key = KINDS[parts[-2]], NamespacedName(parts[-3], parts[-1])
        kind, name = key
        cluster, stored = self.cluster, self.cluster.stored.get(key)
        if method == "POST" and stored is not None:
            return _status(409, "AlreadyExists", kind, name)
        if kind == "ConfigMap" and method != "DELETE" and name in self.denied:
            self.refused.add(name)
            return _status(403, "Forbidden", kind, name)
        if method == "POST":
            cluster.add(body)
        elif stored is None:
            return _status(404, "NotFound", kind, name)
        elif method == "PATCH":
            answer = cluster._checked_patch(kind, name, body)
            if answer.code is not None and answer.code >= 400:
                return _refused(answer, kind, name)
        else:
            wanted = body["preconditions"]
            if any(stored["metadata"][field] != value for field, value in wanted.items()):
                return _status(409, "Conflict", kind, name)
            self.deleting(name, stored)
            del cluster.stored[key]
            return _status(200, "", kind, name)
        return self._object(key)

    def _object(self, key: Key) -> Response:
        raw = self.cluster.stored.get(key)
        if raw is None:
            return _status(404, "NotFound", *key)
        return _response(200, msgspec.json.encode(raw))


class Stream:
    """One watch, as a Reflector keeps it (cluster/kube/reflector.py), but moved by hand."""

    def __init__(
        self, cluster: WatchedCluster, watch: Watch, sink: Sink, now: Callable[[], float]
    ) -> None:
        self.watch = watch
        self.is_open = False
        self.version: int | None = None
        """Up to where it told; None if the Sink must say where to begin."""
        self.compacted = 0
        """A watch from an earlier version than this is answered with 410."""
        self._cluster = cluster
        self._sink = sink
        self._now = now
        self._listed: int | None = None
        self._is_expired = False

    def open(self) -> bool:
        """Begin to watch if there is a version to begin from; whether it is open."""
        if self.is_open:
            return True
        version = self._await_version() if self.version is None else self.version
        if version is None:
            return False
        self.version = version
        if version < self.compacted:
            self.end(Restart.EXPIRED)
            return False
        self.is_open = True
        self._sink.opened(self.watch)
        return True

    def pending(self) -> Iterator[WatchEvent]:
        """The events that it hasn't told."""
        assert self.version is not None
        for each in self._cluster.log:
            if each.version > self.version and (event := self._event(each)) is not None:
                yield event

    def deliver(self, count: int) -> int:
        """Tell the next events; how many there were."""
        told = 0
        while self.is_open and told < count:
            event = next(self.pending(), None)
            if event is None:
                break
            self._sink.take(self.watch, event)
            self.version = event.resource_version
            told += 1
        return told

    def drop(self) -> WatchEvent | None:
        """Lose the next event: what no server does."""
        event = next(self.pending(), None)
        if event is not None:
            self.version = event.resource_version
        return event

    def bookmark(self) -> None:
        """Tell up to where there is nothing to tell."""
        if self.is_open:
            event = next(self.pending(), None)
            self.version = event.resource_version - 1 if event else self._cluster.version
            self._sink.bookmark(self.watch, self.version)

    def end(self, restart: Restart) -> None:
        """The watch ends, or could not begin."""
        self.is_open = False
        self._sink.closed(self.watch, restart, "the test says so")
        if restart is Restart.EXPIRED:
            self.version = None
            self._is_expired = self._sink.start(self.watch) is not None

    def _await_version(self) -> int | None:
        version = self._sink.start(self.watch)
        if version is not None and self._is_expired and version == self._listed:
            return None
        self._is_expired = False
        self._listed = version
        return version

    def _event(self, change: Logged) -> WatchEvent | None:
        """What the watch tells of a change. Without the label any more, an object is gone."""
        kind, name = change.key
        watch = self.watch
        if KIND_OF[watch.resource] != kind or watch.namespace not in {"", name.namespace}:
            return None
        had, has = (self._selects(raw) for raw in (change.before, change.after))
        if not (had or has):
            return None
        raw = change.after if has else change.before
        assert raw is not None
        raw = {**raw, "metadata": {**raw["metadata"], "resourceVersion": str(change.version)}}
        both = EventType.MODIFIED if had else EventType.ADDED
        return WatchEvent(
            type=both if has else EventType.DELETED,
            obj=decoded(raw),
            resource_version=change.version,
            received=self._now(),
        )

    def _selects(self, raw: Json | None) -> bool:
        return raw is not None and (self.watch.resource != paths.CONFIG_MAPS or has_label(raw))


def has_label(raw: Json) -> bool:
    """Whether a ConfigMap has the label that lists and watches select by."""
    return GENERATED_BY in (raw["metadata"].get("labels") or {})


def decoded(raw: Json) -> Pod | PodConfigMapConfig | ConfigMap | Problem:
    """The object of an event, or the Problem in its place."""
    body = json_page(raw["kind"], [raw], None)
    decode: Mapping[str, Callable[[], Page[Any]]] = {
        "Pod": lambda: decode_json.pods(body, Interner()),
        "ConfigMap": lambda: decode_json.config_maps(body, Interner()),
        "PodConfigMapConfig": lambda: decode_json.configs(body),
    }
    page = decode[raw["kind"]]()
    objects = [*page.items, *page.problems]
    assert len(objects) == 1, raw
    return cast("Pod | PodConfigMapConfig | ConfigMap | Problem", objects[0])


def _response(status: int, body: bytes) -> Response:
    return Response(status=status, body=body, retry_after=None)


def _refused(answer: Answer, kind: str, name: NamespacedName) -> Response:
    assert answer.code is not None
    return _status(
        answer.code, {404: "NotFound", 409: "Conflict"}.get(answer.code, "Invalid"), kind, name
    )


def _status(code: int, reason: str, kind: str, name: NamespacedName) -> Response:
    status: Mapping[str, object] = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Success" if code == 200 else "Failure",
        "reason": reason,
        "message": f"the test says {reason}",
        "code": code,
        "details": {"name": name.name, "kind": RESOURCES[kind].partition(".")[0]},
    }
    return _response(code, msgspec.json.encode(status))
