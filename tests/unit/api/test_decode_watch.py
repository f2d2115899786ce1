"""A watch's bytes become events in order, or a DecodeError that ends the watch."""

from typing import Any

import pytest
from msgspec.structs import replace

from podcm_sync.api.decode_watch import (
    MAX_EVENT_BYTES,
    Bookmark,
    Change,
    Event,
    Failure,
    WatchDecoder,
)
from podcm_sync.api.interner import MAX_STRINGS, Interner
from podcm_sync.api.objects import Pod, PodConfigMapConfig, Problem
from podcm_sync.api.page import CONFIG, CONFIG_MAP, POD, TypeMeta
from podcm_sync.errors import DecodeError
from tests.builders import config_map, manifest, newer_pcmc, pcmc, pod
from tests.speed import encode
from tests.watches import JSON, PROTOBUF, bookmark, error, frame, line

BOTH = pytest.mark.parametrize("is_protobuf", [True, False], ids=["protobuf", "json"])


def decoded(data: bytes, item_type: TypeMeta, *, is_protobuf: bool, after: int = 1) -> list[Event]:
    content_type = PROTOBUF if is_protobuf else JSON
    decoder = WatchDecoder(item_type, content_type, after, Interner())
    events = list(decoder.events(data))
    assert not decoder.has_rest
    return events


@BOTH
def test_events_are_told_in_order(*, is_protobuf: bool) -> None:
    made = pod(labels={"app": "web"}, annotations={"note": "ü"}, node_name="n-1")
    data = (
        frame("ADDED", made, 2, is_protobuf=is_protobuf)
        + bookmark("Pod", 2, is_protobuf=is_protobuf)
        + bookmark("Pod", 7, is_protobuf=is_protobuf)
        + frame("DELETED", made, 8, is_protobuf=is_protobuf)
        + error(410, "Expired", "too old resource version: 1 (7)", is_protobuf=is_protobuf)
    )
    added, *rest = decoded(data, POD, is_protobuf=is_protobuf)
    assert isinstance(added, Change)
    assert isinstance(added.obj, Pod)
    assert replace(added.obj, template_fields=made.template_fields) == made
    assert rest == [
        Bookmark(2),
        Bookmark(7),
        Change(type="DELETED", obj=added.obj, resource_version=8),
        Failure(410, "Expired", "too old resource version: 1 (7)"),
    ]


@BOTH
def test_a_pod_has_what_a_template_can_read(*, is_protobuf: bool) -> None:
    """A config that comes later can include any annotation and have any template."""
    raw = manifest(pod(annotations={"a": "b"}))
    raw["spec"] = {"serviceAccountName": "robot"}
    (event,) = decoded(
        frame("ADDED", raw, 2, is_protobuf=is_protobuf), POD, is_protobuf=is_protobuf
    )
    assert isinstance(event, Change)
    assert isinstance(event.obj, Pod)
    assert event.obj.annotations == {"a": "b"}
    assert b"robot" in event.obj.template_fields


@BOTH
def test_a_config_map_is_whole(*, is_protobuf: bool) -> None:
    made = config_map(annotations={"a": "b"}, binary_data={"b": "AA=="}, resource_version="9")
    (event,) = decoded(
        frame("MODIFIED", made, 9, is_protobuf=is_protobuf), CONFIG_MAP, is_protobuf=is_protobuf
    )
    assert event == Change(type="MODIFIED", obj=made, resource_version=9)


def test_a_config_comes_from_an_api_server() -> None:
    """So its CRD knows all its fields: an unknown one is a newer version's, not a mistake."""
    made = replace(pcmc(resource_version="9"), is_stored=True)
    newer = frame("ADDED", newer_pcmc(), 10, is_protobuf=False)
    first, second = decoded(
        frame("ADDED", made, 9, is_protobuf=False) + newer, CONFIG, is_protobuf=False
    )
    assert first == Change(type="ADDED", obj=made, resource_version=9)
    assert isinstance(second, Change)
    assert isinstance(second.obj, PodConfigMapConfig)
    assert second.obj.spec_error is not None
    assert second.obj.spec_error.newer == "field `maxPods`"


def version(text: str, **metadata: Any) -> Any:
    raw = manifest(pod())
    return raw | {"metadata": raw["metadata"] | {"resourceVersion": text} | metadata}


@pytest.mark.parametrize(
    "text", ["", "0", "1", "007", "-5", "1e3", "12a", "²", "5 ", "9" * 21], ids=repr
)
@BOTH
def test_a_version_that_none_can_have_ends_the_watch(*, is_protobuf: bool, text: str) -> None:
    """The first is missing; "1" isn't after the version that the watch began from."""
    data = frame("ADDED", version(text), text, is_protobuf=is_protobuf)
    with pytest.raises(DecodeError, match="resourceVersion"):
        decoded(data, POD, is_protobuf=is_protobuf)


@BOTH
def test_versions_never_go_back(*, is_protobuf: bool) -> None:
    """A damaged version is noticed at the next event; so is a server restored from a backup."""
    damaged = frame("ADDED", pod(), 9_000, is_protobuf=is_protobuf)
    for after in (
        frame("ADDED", pod("b"), 11, is_protobuf=is_protobuf),
        frame("ADDED", pod("b"), 9_000, is_protobuf=is_protobuf),
        bookmark("Pod", 11, is_protobuf=is_protobuf),
    ):
        with pytest.raises(DecodeError, match="came after 9000"):
            decoded(damaged + after, POD, is_protobuf=is_protobuf)


@BOTH
@pytest.mark.parametrize("event", ["", "SYNC", "added"])
def test_an_unknown_type_ends_the_watch(*, is_protobuf: bool, event: str) -> None:
    with pytest.raises(DecodeError, match="no known type"):
        decoded(frame(event, pod(), 2, is_protobuf=is_protobuf), POD, is_protobuf=is_protobuf)


def test_an_object_of_another_kind_ends_the_watch() -> None:
    for is_protobuf in (True, False):
        for item_type, data in (
            (CONFIG_MAP, frame("ADDED", pod(), 2, is_protobuf=is_protobuf)),
            (CONFIG_MAP, bookmark("Pod", 2, is_protobuf=is_protobuf)),
            (POD, frame("ADDED", config_map(), 2, is_protobuf=is_protobuf)),
        ):
            with pytest.raises(DecodeError, match="expected a v1"):
                decoded(data, item_type, is_protobuf=is_protobuf)
    nothing = line("ERROR", {"kind": "Pod", "apiVersion": "v1"})
    with pytest.raises(DecodeError, match="expected a v1 Status, not a v1 Pod"):
        decoded(nothing, POD, is_protobuf=False)


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"{}\n",
        b"null\n",
        b"[]\n",
        b"<html>\n",
        line("ADDED", None),
        line("ADDED", {}),
        line("ADDED", {"kind": "Pod", "apiVersion": "v1"}),
        line("ADDED", manifest(pod())),
        line("ERROR", "x"),
        b'{"type":"ADDED","object":{},"more":1}\n',
        b'{"type":1,"object":{}}\n',
        frame("ADDED", pod(), 2, is_protobuf=False).replace(b"web", b"w\xff"),
        b'{"type":"ADDED","object":' + b"[" * 100_000 + b"\n",
        bytes(MAX_EVENT_BYTES + 1),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_lines_that_are_no_events_end_the_watch(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decoded(data, POD, is_protobuf=False)


@pytest.mark.parametrize(
    "data",
    [
        bytes(4),
        b"\x01\x00\x00\x01",
        b"\x00\x00\x00\x02\x0a\x05",
        b"\x00\x00\x00\x02\x08\x05",
        b"<!doctype html>",
        encode.watch_frame("ADDED", "Pod", b""),
        encode.watch_frame("ADDED", "Pod", b"\xff"),
        frame("ADDED", pod(), 2, is_protobuf=True).replace(b"k8s\x00", b"k9s\x00"),
    ],
    ids=lambda data: repr(data[:40]),
)
def test_frames_that_are_no_events_end_the_watch(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decoded(data, POD, is_protobuf=True)


@pytest.mark.parametrize(
    ("envelope_rest", "extension_rest", "event_rest", "message"),
    [
        (b"\x2a\x01x", b"", b"", "a field that no event has"),
        (b"", b"\x12\x01x", b"", "a field that no event has"),
        (b"", b"", b"\x1a\x01x", "a field that no event has"),
        (b"\x1a\x04gzip", b"", b"", "another encoding"),
        (b"\x22\x01x", b"", b"", "another encoding"),
    ],
)
def test_a_frame_with_more_than_an_event_is_damaged(
    envelope_rest: bytes, extension_rest: bytes, event_rest: bytes, message: str
) -> None:
    """Such as one that took in a part of the next one, or a compressed object."""
    raw = encode.pod(version("7"))
    envelope = encode.envelope("Pod", raw) + envelope_rest
    extension = encode._bytes(1, envelope) + extension_rest
    event = encode._bytes(1, b"ADDED") + encode._bytes(2, extension)
    sound, damaged = event, event + event_rest
    if not (envelope_rest or extension_rest):
        assert len(decoded(len(sound).to_bytes(4, "big") + sound, POD, is_protobuf=True)) == 1
    with pytest.raises(DecodeError, match=message):
        decoded(len(damaged).to_bytes(4, "big") + damaged, POD, is_protobuf=True)


@BOTH
def test_events_before_the_damage_are_told(*, is_protobuf: bool) -> None:
    content_type = PROTOBUF if is_protobuf else JSON
    decoder = WatchDecoder(POD, content_type, 1, Interner())
    events = decoder.events(
        frame("ADDED", pod(), 2, is_protobuf=is_protobuf) + (b"\xff" * 8) + b"\n"
    )
    assert isinstance(next(events), Change)
    with pytest.raises(DecodeError):
        next(events)


def test_an_object_that_does_not_decode_is_a_problem() -> None:
    """As in a list: what is wrong with one object must not cost a new list."""
    raw = version("7", labels={"a": 1})
    (event,) = decoded(line("MODIFIED", raw), POD, is_protobuf=False)
    assert isinstance(event, Change)
    assert isinstance(event.obj, Problem)
    assert (event.obj.kind, event.obj.namespaced_name) == ("Pod", pod().namespaced_name)
    assert (event.type, event.resource_version) == ("MODIFIED", 7)
    # A label without its value, which Go always writes.
    whole = frame("MODIFIED", pod(labels={"app": ""}), 7, is_protobuf=True)
    assert whole.count(b"\x0a\x03app\x12\x00") == 1
    damaged = whole.replace(b"\x0a\x03app\x12\x00", b"\x0a\x03app\x0a\x00")
    (event,) = decoded(damaged, POD, is_protobuf=True)
    assert isinstance(event, Change)
    assert isinstance(event.obj, Problem)
    assert event.obj.namespaced_name == pod().namespaced_name


@pytest.mark.parametrize(
    ("item_type", "content_type"),
    [
        (POD, "text/html"),
        (POD, ""),
        (POD, "application/vnd.kubernetes.protobufx"),
        (CONFIG, PROTOBUF),
    ],
)
def test_another_content_type_is_no_watch(item_type: TypeMeta, content_type: str) -> None:
    with pytest.raises(DecodeError, match="doesn't answer a watch with"):
        WatchDecoder(item_type, content_type, 1, Interner())


@BOTH
def test_a_long_watch_takes_no_more_memory(*, is_protobuf: bool) -> None:
    """Neither its buffer nor its strings grow with each event."""
    interner = Interner()
    interner._strings |= {str(number): str(number) for number in range(MAX_STRINGS + 1)}
    decoder = WatchDecoder(POD, PROTOBUF if is_protobuf else JSON, 1, interner)
    for number in range(2, 50):
        list(decoder.events(frame("ADDED", pod(), number, is_protobuf=is_protobuf)))
        assert not decoder.has_rest
    assert len(interner._strings) < 100
