"""Any bytes as the answer to a watch, in any pieces: events in order, and DecodeError at damage.

The pieces have no say in what is told. So what comes before a break is told as if nothing broke.
An event, written down in the other format, is told alike. No other error ever leaves a receiver.
"""

import contextlib
from collections.abc import Iterable

import msgspec

from podcm_sync.api.decode_watch import CHANGES, Bookmark, Change, Event, Failure, WatchDecoder
from podcm_sync.api.interner import Interner
from podcm_sync.api.objects import ConfigMap, Pod, Problem
from podcm_sync.api.page import CONFIG, CONFIG_MAP, POD, TypeMeta
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.listing import is_legal
from podcm_sync.cluster.kube.watch_receiver import FailedEventError, WatchReceiver
from podcm_sync.cluster.watch import Watch
from podcm_sync.errors import DecodeError
from podcm_sync.reconcile.identity import damaged_field
from tests.builders import Json, manifest
from tests.fuzz.targets.pages import can_be_sent, pod_manifest
from tests.watches import JSON, PROTOBUF, NotingSink, bookmark, error, frame

START = 1
"""The version that each watch begins after."""
KINDS = (
    (paths.PODS, POD, True),
    (paths.PODS, POD, False),
    (paths.CONFIG_MAPS, CONFIG_MAP, True),
    (paths.CONFIG_MAPS, CONFIG_MAP, False),
    (paths.CONFIGS, CONFIG, False),
)
"""What can be watched, and whether as protobuf."""


Told = tuple[list[Event], str, bool]
"""The events, the error that ended them or "", and whether a part of one waits for its rest."""


def test_one_input(data: bytes) -> None:
    """The first byte says what is watched, the second how long the pieces are."""
    if len(data) < 2:
        return
    resource, item_type, is_protobuf = KINDS[data[0] % len(KINDS)]
    body = data[2:]
    told = _told(item_type, [body], is_protobuf=is_protobuf)
    assert told == _told(item_type, _pieces(body, 1 + data[1]), is_protobuf=is_protobuf)
    events, _, _ = told
    _check(events)
    _agree(item_type, events)
    _receive(Watch(resource, ""), body, len(events), is_protobuf=is_protobuf)


def _told(item_type: TypeMeta, pieces: Iterable[bytes], *, is_protobuf: bool) -> Told:
    decoder = WatchDecoder(item_type, PROTOBUF if is_protobuf else JSON, START, Interner())
    events: list[Event] = []
    try:
        for piece in pieces:
            events.extend(decoder.events(piece))
    except DecodeError as error:
        assert str(error)
        return events, str(error), False
    return events, "", decoder.has_rest


def _pieces(body: bytes, size: int) -> Iterable[bytes]:
    return (body[start : start + size] for start in range(0, len(body), size))


def _check(events: Iterable[Event]) -> None:
    """Versions go up, and nothing in an event can't be used."""
    last = START
    for event in events:
        match event:
            case Failure(code, reason, message):
                assert isinstance(code, int)
                (reason + message).encode()
            case Bookmark(version):
                assert version >= last
                last = version
            case Change(type=kind, obj=obj, resource_version=version):
                assert kind in CHANGES
                assert version > last
                last = version
                assert not isinstance(obj, Problem) or obj.message


def _agree(item_type: TypeMeta, events: Iterable[Event]) -> None:
    """Both decoders read these events as they are, wherever they came from."""
    if item_type == CONFIG:
        return
    sound = [event for event in events if _is_sound(event)]
    for is_protobuf in (True, False):
        written = [_written(event, item_type.kind, is_protobuf=is_protobuf) for event in sound]
        assert _told(item_type, written, is_protobuf=is_protobuf) == (sound, "", False)


def _is_sound(event: Event) -> bool:
    """Whether an API server can send it."""
    match event:
        case Change(obj=Pod() | ConfigMap() as obj):
            return not damaged_field(obj) and can_be_sent(obj)
        case Failure(code=code):
            return -(1 << 31) <= code < 1 << 31
        case _:
            return isinstance(event, Bookmark)


def _written(event: Event, kind: str, *, is_protobuf: bool) -> bytes:
    match event:
        case Failure(code, reason, message):
            return error(code, reason, message, is_protobuf=is_protobuf)
        case Bookmark(version):
            return bookmark(kind, version, is_protobuf=is_protobuf)
        case Change(type=event_type, obj=obj, resource_version=version):
            assert isinstance(obj, Pod | ConfigMap)
            content = pod_manifest(obj) if isinstance(obj, Pod) else manifest(obj)
            # As plain JSON: tuples become lists.
            raw: Json = msgspec.json.decode(msgspec.json.encode(content))
            return frame(event_type, raw, version, is_protobuf=is_protobuf)


def _receive(watch: Watch, body: bytes, count: int, *, is_protobuf: bool) -> None:
    """A Sink hears of at most these events, each of an object with a name."""
    sink = NotingSink(START)
    receiver = WatchReceiver(watch, START, sink, Interner())
    receiver.opened(PROTOBUF if is_protobuf else JSON)
    with contextlib.suppress(DecodeError, FailedEventError):
        receiver.take(body)
    versions = [version for _, version in sink.of("bookmark")]
    versions += [event.resource_version for event in sink.events]
    assert len(versions) <= count
    assert receiver.resource_version == max([START, *versions])
    assert all(is_legal(event.obj.namespaced_name) for event in sink.events)
