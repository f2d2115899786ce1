"""A Reflector goes on from where it was, and begins again only from a new list."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import GENERATED_BY_LABEL
from podcm_sync.api.objects import Problem
from podcm_sync.cli import logs
from podcm_sync.cluster.kube import paths, reflector, watch_receiver
from podcm_sync.cluster.kube.reflector import Reflector, Reflectors, Timing
from podcm_sync.cluster.kube.stream import Receiver, SilentError, StoppedError, StreamLimits
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.cluster.kube.watch_receiver import WatchReceiver
from podcm_sync.cluster.watch import EventType, Restart, Watch, WatchEvent
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.snapshot import Scope, Shard
from podcm_sync.watch.lives import watches_of
from tests.builders import config_map, pod
from tests.command import until
from tests.watches import JSON, PROTOBUF, NotingSink, bookmark, error, frame, line

PODS = Watch(paths.PODS, "shop")
Play = Callable[[Receiver], Response]
ENDED = Response(status=200, body=b"", retry_after=None)


class Script:
    """A Connection whose nth watch plays the nth part; later ones stay open."""

    def __init__(self, *parts: Play) -> None:
        self.target = SimpleNamespace(description="https://api.example.com")
        self.asked: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.accepts: list[str] = []
        self.times: list[float] = []
        self.limits: list[StreamLimits] = []
        self._parts = list(parts)

    def stream(
        self,
        path: str,
        accept: str,
        receiver: Receiver,
        *,
        limits: StreamLimits,
        is_stopped: Callable[[], bool],
    ) -> Response:
        self.times.append(time.monotonic())
        url = urlsplit(path)
        self.paths.append(url.path)
        self.asked.append(dict(parse_qsl(url.query)))
        self.accepts.append(accept)
        self.limits.append(limits)
        if self._parts:
            return self._parts.pop(0)(receiver)
        receiver.opened(JSON)
        while not is_stopped():
            time.sleep(0.002)
        raise StoppedError

    @property
    def versions(self) -> list[int]:
        return [int(query["resourceVersion"]) for query in self.asked]

    def wait(self, count: int) -> None:
        until = time.monotonic() + 10.0
        while len(self.asked) < count:
            assert time.monotonic() < until, self.asked
            time.sleep(0.002)


def sending(
    *frames: bytes, end: Response | Exception = ENDED, content_type: str = PROTOBUF
) -> Play:
    """Accept the watch, send this, and end it so."""

    def play(receiver: Receiver) -> Response:
        receiver.opened(content_type)
        for one in frames:
            receiver.take(one)
        return raising(end)(receiver)

    return play


def raising(end: Response | Exception) -> Play:
    """Answer so without accepting the watch."""

    def play(_: Receiver) -> Response:
        if isinstance(end, Exception):
            raise end
        return end

    return play


def refusing(code: int, message: str = "no", reason: str = "") -> Play:
    """The refusal of an API server."""
    body = (
        f'{{"kind":"Status","apiVersion":"v1","message":"{message}","reason":"{reason}",'
        f'"code":{code}}}'
    )
    return raising(Response(status=code, body=body.encode(), retry_after=None))


def protobuf(*versions: int) -> list[bytes]:
    return [frame("MODIFIED", pod(), version, is_protobuf=True) for version in versions]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(reflector, "MAX_BACKOFF_SECONDS", 0.08)
    monkeypatch.setattr(reflector, "START_POLL_SECONDS", 0.005)
    monkeypatch.setattr(reflector, "MIN_LIFE_SECONDS", 0.0)


@contextmanager
def running(script: Script, sink: NotingSink, watch: Watch = PODS) -> Iterator[Reflector]:
    connection: Any = script
    made = Reflector(connection, sink, watch)
    made.start()
    try:
        yield made
    finally:
        assert made.stop()


def test_a_watch_asks_as_client_go_does() -> None:
    for watch, path in (
        (PODS, "/api/v1/namespaces/shop/pods"),
        (Watch(paths.CONFIG_MAPS, ""), "/api/v1/configmaps"),
        (
            Watch(paths.CONFIGS, "shop"),
            "/apis/podconfig.example.com/v1alpha1/namespaces/shop/podconfigmapconfigs",
        ),
    ):
        script = Script()
        with running(script, NotingSink(4711), watch):
            script.wait(1)
        (query,) = script.asked
        assert 300 <= int(query.pop("timeoutSeconds")) <= 600
        selector = query.pop("labelSelector", "")
        # Of Pods, a selector would make each one that lost the label look deleted.
        assert selector == (GENERATED_BY_LABEL if watch.resource == paths.CONFIG_MAPS else "")
        assert query == {"watch": "1", "resourceVersion": "4711", "allowWatchBookmarks": "true"}
        assert script.paths == [path]
        is_custom = watch.resource == paths.CONFIGS
        assert script.accepts == [JSON if is_custom else f"{PROTOBUF}, {JSON}"]
        assert script.limits[0].silence == 120.0
        assert script.limits[0].total > 300


def test_a_watch_begins_once_there_is_a_list() -> None:
    script, sink = Script(), NotingSink(None)
    with running(script, sink):
        time.sleep(0.05)
        assert script.asked == []
        sink.version = 7
        sink.wait("opened")
    assert script.versions == [7]


def test_it_goes_on_from_the_last_version() -> None:
    """After a normal end at once, after a failure soon; each end is told."""
    script = Script(
        sending(*protobuf(5, 9)),
        sending(bookmark("Pod", 12, is_protobuf=True)),
        sending(*protobuf(20), end=TransportError("cut", is_sent=True)),
        sending(end=SilentError("no byte", is_sent=True)),
        raising(TransportError("Connection refused", is_sent=False)),
    )
    sink = NotingSink(1)
    with running(script, sink):
        sink.wait("opened", 5)
    assert script.versions == [1, 9, 12, 20, 20, 20]
    assert sink.restarts == [
        Restart.ENDED,
        Restart.ENDED,
        Restart.BROKEN,
        Restart.SILENT,
        Restart.BROKEN,
    ]
    assert [event.resource_version for event in sink.events] == [5, 9, 20]
    assert sink.of("bookmark") == [(PODS, 12)]
    assert all(event.type is EventType.MODIFIED for event in sink.events)
    assert time.monotonic() - sink.events[0].received < 5.0


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(refusing(410, "too old", "Expired"), id="410"),
        pytest.param(refusing(504, "Too large resource version: 9, current: 3"), id="too large"),
        pytest.param(
            sending(error(410, "Expired", "too old", is_protobuf=True)), id="an ERROR of 410"
        ),
        pytest.param(sending(error(0, "Gone", "", is_protobuf=True)), id="an ERROR of Gone"),
        pytest.param(sending(b"\x00\x00\x00\x01\xff"), id="a damaged frame"),
        pytest.param(
            sending(frame("ADDED", pod(namespace="other"), 2, is_protobuf=True)),
            id="another namespace",
        ),
        pytest.param(
            sending(frame("ADDED", pod("Ä"), 2, is_protobuf=True)), id="no name of an object"
        ),
        pytest.param(sending(b"{}\n", content_type=JSON), id="an empty object"),
    ],
)
@pytest.mark.parametrize("is_dropped", [False, True])
def test_what_cannot_go_on_waits_for_a_new_list(part: Play, *, is_dropped: bool) -> None:
    """If the Sink drops its list at once, the next one is new even at the same version."""
    script, sink = Script(part), NotingSink(1)
    if is_dropped:
        sink.expire = True
    with running(script, sink):
        sink.wait("closed")
        time.sleep(0.1)
        assert script.versions == [1]
        sink.version = 1 if is_dropped else 30
        script.wait(2)
        assert script.versions == [1, sink.version]
    assert sink.restarts == [Restart.EXPIRED]
    assert sink.events == []


def test_events_before_the_damage_count() -> None:
    script, sink = Script(sending(*protobuf(5), b"\xff" * 9)), NotingSink(1)
    with running(script, sink):
        sink.wait("closed")
    assert [event.resource_version for event in sink.events] == [5]
    assert sink.restarts == [Restart.EXPIRED]


@pytest.mark.parametrize("content_type", ["text/html", "application/yaml"])
def test_a_page_of_a_proxy_is_never_open(content_type: str) -> None:
    """Nothing was missed, so no list is needed: it goes on from the same version."""
    page = b"<html>Please sign in</html>\n"
    script, sink = Script(sending(page, content_type=content_type)), NotingSink(3)
    with running(script, sink):
        sink.wait("opened")
    assert script.versions == [3, 3]
    assert sink.restarts == [Restart.BROKEN]
    assert [note[0] for note in sink.notes] == ["closed", "opened"]


def test_an_answer_that_ends_in_the_middle_of_an_event_is_cut() -> None:
    half = protobuf(9)[0][:-1]
    script, sink = Script(sending(*protobuf(5), half)), NotingSink(3)
    with running(script, sink):
        sink.wait("opened", 2)
    assert script.versions == [3, 5]
    assert sink.restarts == [Restart.BROKEN]


def test_an_event_whose_rest_does_not_come_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """If a frame's length was damaged, later events would count as its rest for minutes."""
    monkeypatch.setattr(watch_receiver, "REST_SECONDS", 0.1)
    sink = NotingSink(1)
    receiver = WatchReceiver(PODS, 1, sink, Interner())
    receiver.opened(PROTOBUF)
    first, second, third = protobuf(5, 9, 12)
    receiver.take(first + second[:10])
    time.sleep(0.06)
    receiver.take(second[10:] + third[:10])  # another event waits now
    time.sleep(0.06)
    receiver.check_rest()
    receiver.take(third[10:20])
    time.sleep(0.06)
    with pytest.raises(TransportError, match="the rest of an event"):
        receiver.check_rest()
    receiver.take(third[20:])
    receiver.check_rest()
    assert [event.resource_version for event in sink.events] == [5, 9, 12]


@pytest.mark.parametrize(
    ("part", "restart", "message"),
    [
        (refusing(403, "pods is forbidden"), Restart.REFUSED, "run doctor with the same options"),
        (refusing(404), Restart.REFUSED, "HTTP 404: no"),
        (refusing(400, "bad"), Restart.REFUSED, "HTTP 400: bad"),
        (refusing(401), Restart.REFUSED, "renew the credentials"),
        (refusing(503, "away"), Restart.BROKEN, "HTTP 503: away"),
        (refusing(429, "slow"), Restart.BROKEN, "HTTP 429: slow"),
        (
            raising(Response(status=502, body=b"<html>", retry_after=None)),
            Restart.BROKEN,
            "HTTP 502, but not from the API server",
        ),
        (
            raising(Response(status=410, body=b"<html>", retry_after=None)),
            Restart.BROKEN,
            "HTTP 410, but not from the API server",
        ),
        (
            raising(ClusterError("not trusted", hint="check the CA")),
            Restart.REFUSED,
            "not trusted; check the CA",
        ),
        (sending(error(403, "Forbidden", "x", is_protobuf=True)), Restart.REFUSED, "403 Forbidden"),
        (sending(error(500, "InternalError", "x", is_protobuf=True)), Restart.BROKEN, "500"),
    ],
)
def test_a_refusal_is_told_and_tried_again(part: Play, restart: Restart, message: str) -> None:
    script, sink = Script(part), NotingSink(3)
    with running(script, sink):
        script.wait(2)
    ((_, told, why),) = sink.of("closed")
    assert told is restart
    assert message in why
    assert script.versions == [3, 3]


def test_a_missing_crd_is_named_with_the_way_to_install_it() -> None:
    """As the list of a run does it, with the same words."""
    not_found = Response(status=404, body=b"404 page not found\n", retry_after=None)
    script, sink = Script(raising(not_found)), NotingSink(3)
    with running(script, sink, Watch(paths.CONFIGS, "")):
        script.wait(2)
    ((_, restart, message),) = sink.of("closed")
    assert restart is Restart.MISSING
    assert "doesn't have the CRD" in message
    assert "kubectl apply" in message


def test_an_error_event_that_comes_again_needs_a_new_list() -> None:
    """The server may never get past an event that it can't decrypt."""
    part = sending(error(500, "InternalError", "unable to decode", is_protobuf=True))
    script, sink = Script(part, part), NotingSink(3)
    with running(script, sink):
        sink.wait("closed", 2)
        sink.version = 8
        script.wait(3)
    assert sink.restarts == [Restart.BROKEN, Restart.EXPIRED]
    assert script.versions == [3, 3, 8]


def test_damage_of_one_object_is_a_problem() -> None:
    """As in a list: a uid that no server could have stored."""
    damaged = frame("ADDED", pod(), 5, is_protobuf=True).replace(pod().uid.encode(), b"\xff" * 36)
    script, sink = Script(sending(damaged)), NotingSink(3)
    with running(script, sink):
        ((_, event),) = sink.wait("event")
    assert isinstance(event, WatchEvent)
    assert isinstance(event.obj, Problem)
    assert event.obj.message == "metadata.uid: is missing or damaged"
    assert event.obj.namespaced_name == pod().namespaced_name


def test_a_config_map_without_the_label_is_no_answer_to_the_watch() -> None:
    other = config_map(labels={GENERATED_BY_LABEL: None})
    script = Script(sending(frame("ADDED", other, 5, is_protobuf=True)))
    sink = NotingSink(3)
    with running(script, sink, Watch(paths.CONFIG_MAPS, "")):
        sink.wait("closed")
    ((_, restart, message),) = sink.of("closed")
    assert restart is Restart.EXPIRED
    assert f"doesn't have the label {GENERATED_BY_LABEL}" in message


def test_failures_in_a_row_wait_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a limit; a watch that lived for a while begins the series again."""
    monkeypatch.setattr(reflector, "SOUND_SECONDS", 0.15)
    broken = raising(TransportError("refused", is_sent=False))

    def living(receiver: Receiver) -> Response:
        receiver.opened(PROTOBUF)
        time.sleep(0.2)
        raise TransportError("cut", is_sent=True)

    script, sink = Script(*[broken] * 6, living, broken), NotingSink(3)
    with running(script, sink):
        script.wait(9)
    ends = [*script.times]
    ends[6] += 0.2
    pauses = [begin - end for end, begin in zip(ends, script.times[1:], strict=False)]
    for pause, least in zip(pauses, [0.01, 0.02, 0.04, 0.08, 0.08, 0.08, 0.01, 0.02], strict=True):
        assert least <= pause < least * 1.1 + 0.03, pauses


def test_a_server_that_ends_each_watch_at_once_gets_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reflector, "MIN_LIFE_SECONDS", 1.0)
    script, sink = Script(*[sending()] * 4), NotingSink(3)
    with running(script, sink):
        script.wait(5)
    assert script.times[4] - script.times[0] >= 0.01 + 0.02 + 0.04 + 0.08
    assert set(sink.restarts) == {Restart.ENDED}


def test_the_server_can_ask_for_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "MAX_BACKOFF_SECONDS", 5.0)
    busy = Response(status=429, body=b"slow down", retry_after=0.2)
    script, sink = Script(raising(busy)), NotingSink(3)
    with running(script, sink):
        script.wait(2)
    assert script.times[1] - script.times[0] >= 0.2


def test_a_refusal_is_logged_once_and_its_end_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    forbidden = refusing(403, "x")
    script, sink = Script(*[forbidden] * 4, refusing(404, "gone"), sending()), NotingSink(3)
    with running(script, sink):
        sink.wait("opened", 2)
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        (
            "no permission to watch pods in namespace shop: x; to see the fix, run doctor with the "
            "same options"
        ),
        "cannot watch pods in namespace shop: HTTP 404: gone",
    ]
    assert "watch pods in namespace shop: open again" in caplog.messages


LONG = "x" * 100_000
WORD = "sesame##vso[x]"


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(
            sending(error(403, f"{WORD} {LONG}", f"a {WORD}", is_protobuf=True)), id="reason"
        ),
        pytest.param(sending(error(403, "No", WORD + LONG, is_protobuf=True)), id="message"),
        pytest.param(
            sending(
                line("ADDED", {"kind": f"{WORD} {LONG}", "apiVersion": "v1"}), content_type=JSON
            ),
            id="kind",
        ),
        pytest.param(sending(content_type=f"{WORD}/{LONG}"), id="content type"),
        pytest.param(refusing(403, f"{WORD} {LONG}"), id="403"),
        pytest.param(refusing(400, f"{WORD} {LONG}"), id="400"),
        pytest.param(refusing(410, f"{WORD} {LONG}"), id="410"),
        pytest.param(refusing(503, f"{WORD} {LONG}"), id="503"),
        pytest.param(raising(ClusterError(f"no {WORD}", quoted=WORD)), id="no server"),
        pytest.param(raising(RuntimeError(WORD)), id="a bug"),
    ],
)
def test_the_words_of_a_server_are_cut_and_can_be_withheld(
    part: Play, caplog: pytest.LogCaptureFixture
) -> None:
    """A log line is short, no command of a CI system, and with --redact has no word of others."""
    caplog.set_level(logging.DEBUG, logger="podcm_sync")
    script, sink = Script(part), NotingSink(3)
    with running(script, sink):
        sink.wait("closed")
        until(lambda: any(WORD in message for message in caplog.messages), "a line in the log")
    ((_, _, message),) = sink.of("closed")
    assert len(message) < 1_000
    shown = [*caplog.messages, message]
    assert all(len(message) < 1_000 for message in shown)
    for formatter in (logs._Text(is_redacted=False), logs._Json(is_redacted=False)):
        assert not any("##vso[" in formatter.format(record) for record in caplog.records)
    redacted = logs._Text(is_redacted=True)
    assert not any("sesame" in redacted.format(record) for record in caplog.records)


def test_a_connection_that_comes_back_soon_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    broken = raising(TransportError("Connection refused", is_sent=False))
    script, sink = Script(broken, broken), NotingSink(3)
    with running(script, sink):
        sink.wait("opened")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    script, sink = Script(*[broken] * 5), NotingSink(3)
    with running(script, sink):
        sink.wait("opened")
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["cannot watch pods in namespace shop: Connection refused"]


def test_a_new_list_is_no_warning_unless_it_does_not_help(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = raising(TransportError("Connection refused", is_sent=False))
    expired = refusing(410, "too old", "Expired")
    script, sink = Script(broken, broken, expired), NotingSink(3)
    sink.expire = True
    with running(script, sink):
        sink.wait("closed", 3)
        sink.version = 4
        sink.wait("opened")
    assert not [record for record in caplog.records if record.levelname == "WARNING"]

    class Lists(NotingSink):
        def closed(self, watch: Watch, restart: Restart, message: str) -> None:
            super().closed(watch, restart, message)
            self.version = (self.version or 0) + 1

    script, sink = Script(*[expired] * 5), Lists(3)
    with running(script, sink):
        sink.wait("opened")
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["cannot watch pods in namespace shop: HTTP 410: too old"]


def test_a_watch_that_opens_and_breaks_again_and_again_warns_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    cut = sending(end=TransportError("cut", is_sent=True))
    script, sink = Script(*[cut] * 9), NotingSink(3)
    with running(script, sink):
        sink.wait("opened", 10)
    warnings = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["cannot watch pods in namespace shop: cut"]
    assert caplog.messages.count("watch pods in namespace shop: open again") == 1


def test_an_error_of_the_sink_is_logged_and_needs_a_new_list(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Faulty(NotingSink):
        def take(self, watch: Watch, event: WatchEvent) -> None:
            super().take(watch, event)
            raise KeyError("a bug")

    script, sink = Script(sending(*protobuf(5, 9))), Faulty(3)
    with running(script, sink):
        sink.wait("closed")
        sink.version = 10
        script.wait(2)
    assert sink.restarts == [Restart.EXPIRED]
    assert script.versions == [3, 10]
    assert "KeyError: 'a bug'" in caplog.text


@pytest.mark.parametrize(
    ("listed", "version"),
    [
        pytest.param(100, 50, id="the same list"),
        pytest.param(45, 50, id="a list from before the last event"),
        pytest.param(70, 70, id="a list after the last event"),
        pytest.param(20, 20, id="a list of an earlier state: restored from a backup"),
    ],
)
def test_a_newer_list_moves_the_beginning(listed: int, version: int) -> None:
    """It saves a 410 after a long refusal. A restored server would be silent for ever."""
    sink = NotingSink(30)

    def play(receiver: Receiver) -> Response:
        receiver.opened(PROTOBUF)
        receiver.take(protobuf(50)[0])
        sink.version = 30 if listed == 100 else listed
        return ENDED

    script = Script(play)
    with running(script, sink):
        script.wait(2)
    assert script.versions == [30, version]


def test_a_stop_ends_every_thread_soon() -> None:
    """Also those that wait for a list or for the end of a pause."""
    connection: Any = Script(raising(TransportError("cut", is_sent=True)))
    watches = watches_of(Scope(namespaces=("a", "b")))
    reflectors = [
        Reflectors(connection, NotingSink(None), watches),
        Reflectors(connection, NotingSink(3), watches),
    ]
    for one in reflectors:
        one.start()
    time.sleep(0.05)
    began = time.monotonic()
    assert all(one.stop() for one in reflectors)
    assert time.monotonic() - began < 1.0


def test_a_stop_before_the_start_is_no_error() -> None:
    """A signal can come first."""
    watches = watches_of(Scope(namespaces=("a",)))
    assert Reflectors(cast("Any", Script()), NotingSink(None), watches).stop()


def test_a_stop_is_not_an_end_of_the_watch() -> None:
    script, sink = Script(), NotingSink(3)
    with running(script, sink):
        sink.wait("opened")
    assert sink.of("closed") == []


def test_a_scope_has_three_watches_each() -> None:
    all_of_it = {Watch(paths.PODS, ""), Watch(paths.CONFIGS, ""), Watch(paths.CONFIG_MAPS, "")}
    assert set(watches_of(Scope(namespaces=None))) == all_of_it
    assert set(watches_of(Scope(namespaces=None, shard=Shard(index=1, count=4)))) == all_of_it
    assert set(watches_of(Scope(namespaces=("a", "b")))) == {
        Watch(resource, namespace)
        for resource in (paths.PODS, paths.CONFIGS, paths.CONFIG_MAPS)
        for namespace in ("a", "b")
    }


def test_the_limits_are_those_of_the_notes() -> None:
    timing = Timing()
    assert timing.silence == 120.0
    assert timing.life == (300, 600)
