"""However its bytes come in, a watch tells its events in order; if damaged, a part and an end.

One kind of damage nobody can tell: one that makes a different valid object of an object, such as
one letter of a name that became another letter (tests/fuzz/flips.py has the same for lists).
"""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.interner import Interner
from podcm_sync.api.objects import Pod, Problem
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.watch_receiver import WatchReceiver
from podcm_sync.cluster.watch import Watch
from podcm_sync.errors import DecodeError
from tests.builders import Object, config_map, pcmc, pod
from tests.watches import JSON, KINDS, PROTOBUF, NotingSink, bookmark, frame, pieces

OBJECTS: dict[str, list[Object]] = {
    paths.PODS: [
        pod("web-0", labels={"app": "web"}, annotations={"note": "übergröße"}, node_name="n-1"),
        pod("web-00", labels={"app": "web", "tier": "front"}, terminating=True),
        pod("x"),
    ],
    paths.CONFIG_MAPS: [config_map(), config_map("b", annotations={"a": "b"}), config_map("c")],
    paths.CONFIGS: [
        replace(one, is_stored=True)
        for one in (pcmc(labels=["tier"]), pcmc("any", templates={"a": "{{ 1 }}"}))
    ],
}
FORMATS = [
    (paths.PODS, True),
    (paths.PODS, False),
    (paths.CONFIG_MAPS, True),
    (paths.CONFIG_MAPS, False),
    (paths.CONFIGS, False),
]


class Stream(Struct, frozen=True):
    """The bytes of a watch, and the places where its frames end."""

    resource: str
    is_protobuf: bool
    data: bytes
    ends: tuple[int, ...]


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    resource, is_protobuf = draw(st.sampled_from(FORMATS))
    types = st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"])
    version, data, ends = 4711, b"", []
    for event in draw(st.lists(types, min_size=1, max_size=6)):
        version += draw(st.integers(1, 300))
        if event == "BOOKMARK":
            data += bookmark(KINDS[resource], version, is_protobuf=is_protobuf)
        else:
            obj = draw(st.sampled_from(OBJECTS[resource]))
            data += frame(event, obj, version, is_protobuf=is_protobuf)
        ends.append(len(data))
    return Stream(resource, is_protobuf, data, tuple(ends))


def told(stream: Stream, data: bytes, cuts: list[int]) -> tuple[list[Any], bool]:
    """What the Sink is told, without times, and whether the watch could go on after it."""
    namespace = "shop"
    sink = NotingSink()
    receiver = WatchReceiver(Watch(stream.resource, namespace), 4711, sink, Interner())
    receiver.opened(PROTOBUF if stream.is_protobuf else JSON)
    is_sound = True
    try:
        for piece in pieces(data, cuts):
            receiver.take(piece)
    except DecodeError:
        is_sound = False
    notes = [
        replace(note[2], received=0.0) if note[0] == "event" else note[2]
        for note in sink.notes
        if note[0] != "opened"
    ]
    return notes, is_sound and not receiver.has_rest


CUTS = st.lists(st.integers(0, 5_000), max_size=12)


@given(stream=streams(), cuts=CUTS)
def test_any_chunks_give_the_same_events(stream: Stream, cuts: list[int]) -> None:
    whole, is_sound = told(stream, stream.data, [])
    assert is_sound
    assert len(whole) == len(stream.ends)
    assert told(stream, stream.data, cuts) == (whole, True)
    assert told(stream, stream.data, list(range(len(stream.data)))) == (whole, True)


@given(stream=streams(), cuts=CUTS, data=st.data())
def test_a_part_gives_the_events_that_are_whole(
    stream: Stream, cuts: list[int], data: st.DataObject
) -> None:
    whole, _ = told(stream, stream.data, [])
    cut = data.draw(st.integers(0, len(stream.data)))
    count = sum(end <= cut for end in stream.ends)
    is_at_an_end = cut in {0, *stream.ends}
    assert told(stream, stream.data[:cut], cuts) == (whole[:count], is_at_an_end)


@pytest.mark.parametrize("kind", ["0xff", "high bit", "one bit", "random byte", "lost", "twice"])
@given(stream=streams(), cuts=CUTS, data=st.data())
def test_damage_ends_the_watch_or_stays_in_its_event(
    stream: Stream, kind: str, cuts: list[int], data: st.DataObject
) -> None:
    """No event is lost or doubled in silence, and those before the damage are as they were."""
    whole, _ = told(stream, stream.data, [])
    at = data.draw(st.integers(0, len(stream.data) - 1))
    old = stream.data[at]
    bit, byte = 1 << data.draw(st.integers(0, 7)), data.draw(st.integers(0, 255))
    new = {
        "0xff": b"\xff",
        "high bit": bytes([old | 0x80]),
        "one bit": bytes([old ^ bit]),
        "random byte": bytes([byte]),
        "lost": b"",
        "twice": bytes([old, old]),
    }[kind]
    damaged = stream.data[:at] + new + stream.data[at + 1 :]
    notes, is_sound = told(stream, damaged, cuts)
    index = sum(end <= at for end in stream.ends)
    assert notes[:index] == whole[:index]
    assert notes[index + 1 :] == whole[index + 1 : len(notes)]
    assert len(notes) == len(whole) or not is_sound
    if len(notes) > index and notes[index] != whole[index]:
        _check_damaged(notes[index], whole[index], is_ascii=(bytes([old]) + new).isascii())


def _check_damaged(note: Any, true: Any, *, is_ascii: bool) -> None:
    """A damaged event is of the same sort. Damage that can't be text hits nothing that counts."""
    assert type(note) is type(true)
    if is_ascii or isinstance(note, int):
        return
    assert (note.type, note.resource_version) == (true.type, true.resource_version)
    obj, whole = note.obj, true.obj
    if isinstance(obj, Problem):
        assert obj.namespaced_name == whole.namespaced_name
        return
    assert (obj.namespaced_name, obj.uid) == (whole.namespaced_name, whole.uid)
    if isinstance(obj, Pod):
        assert obj.labels == whole.labels
