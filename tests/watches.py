"""Watches as an API server answers them, in both formats, and a Sink that notes what it is told."""

import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.watch import Restart, Watch, WatchEvent
from tests.builders import Json, Object, manifest
from tests.speed import encode

PROTOBUF = "application/vnd.kubernetes.protobuf;stream=watch"
JSON = "application/json"
KINDS = {paths.PODS: "Pod", paths.CONFIG_MAPS: "ConfigMap", paths.CONFIGS: "PodConfigMapConfig"}
_ENCODERS = {"Pod": encode.pod, "ConfigMap": encode.config_map}


def frame(event: str, obj: Object | Json, version: int | str, *, is_protobuf: bool) -> bytes:
    """An event about an object at this version."""
    raw = obj if isinstance(obj, dict) else manifest(obj)
    raw = raw | {"metadata": raw["metadata"] | {"resourceVersion": str(version)}}
    if is_protobuf:
        return encode.watch_frame(event, raw["kind"], _ENCODERS[raw["kind"]](raw))
    return line(event, raw)


def bookmark(kind: str, version: int | str, *, is_protobuf: bool) -> bytes:
    """A BOOKMARK event: an object that has only a version."""
    group = "podconfig.example.com/v1alpha1" if kind == "PodConfigMapConfig" else "v1"
    raw: Json = {"kind": kind, "apiVersion": group, "metadata": {}}
    return frame("BOOKMARK", raw, version, is_protobuf=is_protobuf)


def error(code: int, reason: str, message: str, *, is_protobuf: bool) -> bytes:
    """An ERROR event."""
    if is_protobuf:
        return encode.watch_frame("ERROR", "Status", encode.status(code, reason, message))
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return line("ERROR", status | {"message": message, "reason": reason, "code": code})


def line(event: str, obj: Any) -> bytes:
    """An event as a line of JSON."""
    return msgspec.json.encode({"type": event, "object": obj}) + b"\n"


class NotingSink:
    """A Sink that begins each watch at `version` and notes everything, in order."""

    def __init__(self, version: int | None = 1) -> None:
        self.version = version
        self.expire = False
        """Whether it drops its list when a watch expires."""
        self.notes: list[tuple[Any, ...]] = []
        self._changed = threading.Condition()

    def start(self, watch: Watch) -> int | None:
        return self.version

    def opened(self, watch: Watch) -> None:
        self._note("opened", watch)

    def take(self, watch: Watch, event: WatchEvent) -> None:
        self._note("event", watch, event)

    def bookmark(self, watch: Watch, resource_version: int) -> None:
        self._note("bookmark", watch, resource_version)

    def closed(self, watch: Watch, restart: Restart, message: str) -> None:
        if restart is Restart.EXPIRED and self.expire:
            self.version = None
        self._note("closed", watch, restart, message)

    def _note(self, *note: Any) -> None:
        with self._changed:
            self.notes.append(note)
            self._changed.notify_all()

    def is_open(self, watch: Watch) -> bool:
        """Whether the last that was told of the watch isn't its end."""
        told = [note[0] for note in self.notes if note[1] == watch]
        return bool(told) and told[-1] != "closed"

    def wait(self, what: str, count: int = 1, seconds: float = 20.0) -> list[tuple[Any, ...]]:
        """The first notes of this kind, once there are so many."""
        with self._changed:
            is_there = self._changed.wait_for(lambda: len(self.of(what)) >= count, seconds)
        assert is_there, f"fewer than {count} of {what!r}: {self.notes}"
        return self.of(what)[:count]

    def of(self, what: str) -> list[tuple[Any, ...]]:
        """The notes of this kind, without the kind."""
        return [note[1:] for note in self.notes if note[0] == what]

    @property
    def events(self) -> list[WatchEvent]:
        return [event for _, event in self.of("event")]

    @property
    def restarts(self) -> list[Restart]:
        return [restart for _, restart, _ in self.of("closed")]


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    """The data cut at these places; an empty piece is left out."""
    ends = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(ends) if end > start]
