"""FakeCluster: an API server in memory, behind the two ports of a run.

It stores manifests and hands them out as pages of bytes, so that every test decodes. tests/contract
holds it to what a real API server answers. Faults are hooks: `before_list` and `before_write`.
"""

import copy
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import msgspec
from msgspec import structs

from podcm_sync.api import decode_json
from podcm_sync.api.finding import Quote
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import (
    ConfigMap,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    Problem,
)
from podcm_sync.api.page import M, Page
from podcm_sync.api.reasons import Reason
from podcm_sync.apply import Ports, Watch
from podcm_sync.cluster.interfaces import Confirm, Reader, Recorder, Writer, needs_no_look
from podcm_sync.errors import ClusterError
from podcm_sync.passes import Applied, apply
from podcm_sync.reconcile import managed_fields, names
from podcm_sync.reconcile.changes import (
    Answer,
    DesiredConfigMap,
    Outcome,
    Plan,
    Result,
    StatusUpdate,
)
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.events import Event
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES, Scope, Snapshot, without
from podcm_sync.runtime.lanes import NEVER, Stopping
from tests.allowed import Objects, objects_in, why_not_deleted
from tests.builders import GENERATED_BY, NOW, Json, Object, manifest, snapshot

PAGE_SIZE = 2
"""Small, so that small worlds have pages too."""
MAX_DATA_BYTES = 1_048_576
API_VERSIONS = {
    "Pod": "v1",
    "ConfigMap": "v1",
    "PodConfigMapConfig": "podconfig.example.com/v1alpha1",
}


class Write(NamedTuple):
    """A write that reached the server: its verb, and the object."""

    verb: str
    name: NamespacedName


class FakeCluster:
    """Implements all of `port`; may be used from many threads.

    `writes` are all that reached it, refused ones too; `lists` counts the snapshots taken; `events`
    are those that were created, by name, in their order.
    """

    def __init__(self, *objects: Object | Json) -> None:
        self.stored: dict[tuple[str, NamespacedName], Json] = {}
        self.writes: list[Write] = []
        self.lists = 0
        self.events: dict[NamespacedName, Event] = {}
        self.terminating_namespaces: set[str] = set()
        self.before_list: Callable[[str, str], str | None] = lambda *_: None
        """Told kind and namespace ("" for all) before each list; a message makes it fail."""
        self.quoted: dict[str, tuple[Quote, ...]] = {}
        """What those messages quote; of others that is not known."""
        self.before_write: Callable[[Write], Answer | None] = lambda _: None
        """Told of each write before it is carried out; an Answer is given instead of doing it."""
        self.collects_garbage = False
        """Whether ConfigMaps of Pods that are gone are gone by the end of a run."""
        self.long_lists: frozenset[str] = frozenset()
        """Namespaces that a run which may defer leaves to a later pass."""
        self.knows_long_lists = True
        """Whether a snapshot of all namespaces names them."""
        self._listed: dict[str, Objects | None] = {}
        """What the last lists of a namespace were made of; None if one of them failed."""
        self._lock = threading.RLock()
        self._version = 0
        for each in objects:
            self.add(each)

    # What others do to the cluster.

    def add(self, obj: Object | Json) -> None:
        """Store an object as it is, garbage too, with a uid and resourceVersion if it has none."""
        raw = copy.deepcopy(obj) if isinstance(obj, dict) else manifest(obj)
        metadata = raw["metadata"]
        metadata.setdefault("namespace", "default")
        name = NamespacedName(metadata["namespace"], metadata["name"])
        metadata.setdefault("uid", f"uid-{self._next_version()}")
        metadata["resourceVersion"] = self._next_version()
        self.stored[raw["kind"], name] = raw

    def get(self, kind: str, name: NamespacedName) -> Json | None:
        """A copy of an object as it is stored; None where there is none."""
        with self._lock:
            return copy.deepcopy(self.stored.get((kind, name)))

    def config_map(self, name: str, namespace: str = "shop") -> Json:
        """A copy of a ConfigMap that must be there."""
        found = self.get("ConfigMap", NamespacedName(namespace, name))
        assert found is not None, f"no ConfigMap {namespace}/{name}"
        return found

    def edit(self, kind: str, name: NamespacedName, patch: Json) -> None:
        """Somebody else's merge patch of an object that is there."""
        with self._lock:
            self._patch(kind, name, patch)

    def remove(self, kind: str, name: NamespacedName) -> None:
        """Somebody else's delete; finalizers are not waited for."""
        with self._lock:
            del self.stored[kind, name]

    def dump(self) -> dict[tuple[str, NamespacedName], Json]:
        """A copy of all that is stored, for comparing."""
        with self._lock:
            return copy.deepcopy(self.stored)

    def collect_garbage(self) -> None:
        """What the garbage collector does with ConfigMaps whose owners are all gone."""
        with self._lock:
            uids = {raw["metadata"]["uid"] for raw in self.stored.values()}
            for (kind, name), raw in tuple(self.stored.items()):
                owners = raw["metadata"].get("ownerReferences") or []
                if kind == "ConfigMap" and owners and not uids & {each["uid"] for each in owners}:
                    del self.stored[kind, name]

    # Reader.

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        """The lists of a run: ConfigMaps, configs, Pods; each namespace a scope of its own."""
        self.lists += 1
        self._note_lists(scope)
        pods: list[Pod] = []
        configs: list[PodConfigMapConfig] = []
        config_maps: list[ConfigMap] = []
        problems: list[Problem] = []
        incomplete: dict[str, str] = {}

        def fails(kind: str, namespace: str) -> bool:
            if message := self.before_list(kind, namespace):
                incomplete[namespace] = message
                failed = [namespace] if namespace else self._listed
                self._listed |= dict.fromkeys(failed)
            return bool(message)

        unplannable: set[str] = set()
        for namespace in ("",) if scope.namespaces is None else scope.namespaces:
            if fails("ConfigMap", namespace) or fails("PodConfigMapConfig", namespace):
                unplannable.add(namespace)
                continue
            for body in self._pages("ConfigMap", namespace, GENERATED_BY):
                collect(decode_json.config_maps(body, Interner()), config_maps, problems)
            for body in self._pages("PodConfigMapConfig", namespace):
                collect(decode_json.configs(body), configs, problems)
            if not fails("Pod", namespace):
                for body in self._pages("Pod", namespace):
                    collect(decode_json.pods(body, Interner()), pods, problems)
        listed = Snapshot(
            scope=scope,
            pods=tuple(pods),
            configs=tuple(configs),
            config_maps=tuple(config_maps),
            problems=tuple(problems),
            incomplete=incomplete,
            quoted=self.quoted,
            unplannable=frozenset(unplannable),
        )
        return self._without_long_lists(listed) if may_defer and self.long_lists else listed

    def _without_long_lists(self, listed: Snapshot) -> Snapshot:
        seen = without(listed, self.long_lists)
        if listed.scope.namespaces is None and not self.knows_long_lists:
            return structs.replace(seen, deferred=frozenset({ALL_NAMESPACES}))
        return seen

    def namespaces(self) -> Collection[str]:
        """Those with any object."""
        return {name.namespace for _, name in self.stored}

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """All ConfigMaps of these namespaces, and which of them are ours."""
        listed = {namespace for namespace in namespaces if not self.before_list("names", namespace)}
        return {
            name: names.is_ours(
                PartialObjectMetadata(
                    namespaced_name=name, labels=stored["metadata"].get("labels") or {}
                )
            )
            for (kind, name), stored in self.stored.items()
            if kind == "ConfigMap" and name.namespace in listed
        }

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """Those that are still stored; all of a namespace whose list fails."""
        failed = {
            namespace
            for namespace in sorted({name.namespace for name in config_maps})
            if self.before_list("remaining", namespace)
        }
        if self.collects_garbage:
            self.collect_garbage()
        with self._lock:
            return [
                name
                for name in config_maps
                if name.namespace in failed or ("ConfigMap", name) in self.stored
            ]

    # Writer.

    def create(self, desired: DesiredConfigMap) -> Answer:
        """POST."""
        name = desired.namespaced_name
        body = _sent(managed_fields.manifest(desired))
        with self._lock:
            if answer := self._received("create", name):
                return answer
            if name.namespace in self.terminating_namespaces:
                return Answer(
                    result=Result.SKIPPED,
                    reason=Reason.NAMESPACE_TERMINATING,
                    code=403,
                    message="the namespace is being terminated",
                )
            if ("ConfigMap", name) in self.stored:
                return _conflict(409, "it exists already")
            if refusal := _refusal(body):
                return refusal
            body["metadata"] |= {
                "uid": f"uid-{self._next_version()}",
                "creationTimestamp": "2026-11-22T12:00:00Z",
            }
            self.add(body)
            return Answer(result=Result.CREATED, code=201)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """PATCH with a merge patch that names the resourceVersion."""
        name = existing.namespaced_name
        patch = _sent(managed_fields.merge_patch(existing, desired))
        with self._lock:
            if answer := self._received("update", name):
                return answer
            return self._checked_patch("ConfigMap", name, patch)

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        """DELETE with uid and resourceVersion as preconditions; finalizers hold it."""
        name = existing.namespaced_name
        if (answer := confirm()) is not None:
            return answer
        with self._lock:
            if answer := self._received("delete", name):
                return answer
            stored = self.stored.get(("ConfigMap", name))
            if stored is None:
                return Answer(result=Result.SKIPPED, reason=Reason.ALREADY_GONE, code=404)
            metadata = stored["metadata"]
            if metadata["uid"] != existing.uid:
                return _conflict(409, "the uid is another")
            if metadata["resourceVersion"] != existing.resource_version:
                return _conflict(409, "the resourceVersion is another")
            self._check_delete(name, stored)
            if metadata.get("finalizers"):
                self._patch("ConfigMap", name, {"metadata": {"deletionTimestamp": "2026-11-22"}})
            else:
                del self.stored["ConfigMap", name]
            return Answer(result=Result.DELETED, code=200)

    def update_status(self, update: StatusUpdate) -> Answer:
        """PATCH of the status subresource: all else in the patch is ignored."""
        name = update.namespaced_name
        patch = _sent(
            {
                "metadata": {"resourceVersion": update.resource_version},
                "status": msgspec.to_builtins(update.desired),
            }
        )
        with self._lock:
            if answer := self._received("status", name):
                return answer
            return self._checked_patch("PodConfigMapConfig", name, patch)

    # Recorder.

    def record(self, event: Event) -> Answer:
        """POST; a name that is there is no second Event."""
        with self._lock:
            if answer := self._received("event", event.config):
                return answer
            if event.namespaced_name in self.events:
                return Answer(result=Result.UNCHANGED, code=409)
            self.events[event.namespaced_name] = event
            return Answer(result=Result.CREATED, code=201)

    # The server's inside.

    def _note_lists(self, scope: Scope) -> None:
        with self._lock:
            namespaces = scope.namespaces
            if namespaces is None:
                namespaces = tuple({name.namespace for _, name in self.stored})
            self._listed |= {name: objects_in(self.stored, name) for name in namespaces}

    def _check_delete(self, name: NamespacedName, stored: Json) -> None:
        """See that behavior.md §3 allows a delete, by what was listed before it."""
        objects = self._listed.get(name.namespace, Objects(pods=[], configs=[]))
        assert objects is not None, f"{name} was deleted though a list did not complete"
        reason = why_not_deleted(stored, objects)
        assert not reason, f"{name} was deleted: {reason}"

    def _received(self, verb: str, name: NamespacedName) -> Answer | None:
        write = Write(verb, name)
        self.writes.append(write)
        return self.before_write(write)

    def _checked_patch(self, kind: str, name: NamespacedName, patch: Json) -> Answer:
        stored = self.stored.get((kind, name))
        if stored is None:
            return _conflict(404, "it was deleted meanwhile")
        if patch["metadata"].pop("resourceVersion") != stored["metadata"]["resourceVersion"]:
            return _conflict(409, "the object has been modified")
        patched = merge_patched(stored, patch)
        if kind == "ConfigMap" and (refusal := _refusal(patched)):
            return refusal
        if stored.get("immutable") and any(
            (patched.get(part) or {}) != (stored.get(part) or {}) for part in ("data", "binaryData")
        ):
            return _invalid("field is immutable when `immutable` is set")
        self._patch(kind, name, patch)
        return Answer(result=Result.UPDATED, code=200)

    def _patch(self, kind: str, name: NamespacedName, patch: Json) -> None:
        """An identical patch leaves the resourceVersion alone; a new spec is a new generation."""
        stored = self.stored[kind, name]
        patched = merge_patched(stored, patch)
        if patched == stored:
            return
        patched["metadata"]["resourceVersion"] = self._next_version()
        if patched.get("spec") != stored.get("spec") and "generation" in patched["metadata"]:
            patched["metadata"]["generation"] += 1
        self.stored[kind, name] = patched

    def _pages(self, kind: str, namespace: str, label: str = "") -> Iterator[bytes]:
        with self._lock:
            items = [
                raw
                for (stored_kind, name), raw in sorted(self.stored.items(), key=lambda x: x[0])
                if stored_kind == kind
                and namespace in {"", name.namespace}
                and (not label or label in (raw["metadata"].get("labels") or {}))
            ]
            starts = range(0, len(items), PAGE_SIZE) or range(1)
            pages = [items[start : start + PAGE_SIZE] for start in starts]
            bodies = [
                msgspec.json.encode(
                    {
                        "apiVersion": API_VERSIONS[kind],
                        "kind": f"{kind}List",
                        "metadata": {
                            "resourceVersion": str(self._version),
                            "continue": "more" if number < len(pages) else "",
                        },
                        "items": page,
                    }
                )
                for number, page in enumerate(pages, start=1)
            ]
        yield from bodies

    def _next_version(self) -> str:
        with self._lock:
            self._version += 1
            return str(self._version)


def carried_out(
    plan: Plan,
    writer: Writer,
    *,
    concurrency: int = 1,
    stopping: Stopping = NEVER,
    watch: Watch = lambda _: None,
    configs: tuple[PodConfigMapConfig, ...] = (),
    recorder: Recorder | None = None,
) -> Applied:
    """One pass of a plan that was made of nothing, and the statuses of these configs."""
    seen = snapshot(*configs)
    decided = Planned(snapshot=seen, desired=build(seen), proposed=plan, plan=plan)
    ports = Ports(
        writer=writer,
        recorder=recorder,
        concurrency=concurrency,
        stopping=stopping,
        watch=watch,
    )
    return apply(decided, ports, NOW, plan_next_pass=lambda *_: NOTHING_DECIDED)


def outcomes_of(
    plan: Plan,
    writer: Writer,
    *,
    concurrency: int = 1,
    stopping: Stopping = NEVER,
    watch: Watch = lambda _: None,
) -> tuple[Outcome, ...]:
    """What one pass of a plan comes to."""
    applied = carried_out(plan, writer, concurrency=concurrency, stopping=stopping, watch=watch)
    return applied.passes[0].outcomes


NOTHING_DECIDED = Planned(
    snapshot=snapshot(),
    desired=build(snapshot()),
    proposed=Plan(changes=()),
    plan=Plan(changes=()),
)
"""What another pass finds to do: nothing."""


def collect(page: Page[M], items: list[M], problems: list[Problem]) -> None:
    """Note what a page of a list brought."""
    items += page.items
    problems += page.problems


def fail_nth(number: int, answer: Answer) -> Callable[[Write], Answer | None]:
    """A `before_write` that answers the nth write, from 1, instead of carrying it out."""
    count = 0

    def before_write(_: Write) -> Answer | None:
        nonlocal count
        count += 1
        return answer if count == number else None

    return before_write


class Unreachable:
    """A Reader whose server does not answer."""

    def snapshot(self, scope: Scope, *, may_defer: bool = False) -> Snapshot:
        raise ClusterError(f"cannot reach the server for {scope}")

    def namespaces(self) -> Collection[str]:
        raise ClusterError("cannot reach the server")

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        raise ClusterError(f"cannot reach the server for {namespaces}")

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        raise ClusterError(f"cannot reach the server for {config_maps}")


def merge_patched(target: Json, patch: Json) -> Json:
    """RFC 7386: null takes away, mappings merge, all else replaces. The target stays as it is."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            there = merged.get(key)
            merged[key] = merge_patched(there if isinstance(there, dict) else {}, value)
        else:
            merged[key] = value
    return merged


def _sent(body: Json) -> Json:
    """The body as it arrives: a copy, through JSON."""
    arrived: Json = msgspec.json.decode(msgspec.json.encode(body))
    return arrived


def _refusal(body: Json) -> Answer | None:
    """The checks of a ConfigMap that an API server makes of any write."""
    owners = body["metadata"].get("ownerReferences") or []
    if sum(bool(each.get("controller")) for each in owners) > 1:
        return _invalid("only one reference can have controller set to true")
    if sum(len(value.encode()) for value in (body.get("data") or {}).values()) > MAX_DATA_BYTES:
        return _invalid("must have at most 1048576 bytes")
    return None


def _conflict(code: int, message: str) -> Answer:
    return Answer(result=Result.FAILED, reason=Reason.CONFLICT, code=code, message=message)


def _invalid(message: str) -> Answer:
    return Answer(result=Result.FAILED, reason=Reason.REJECTED, code=422, message=message)


_as_reader: type[Reader] = FakeCluster
_as_writer: type[Writer] = FakeCluster
_as_recorder: type[Recorder] = FakeCluster
