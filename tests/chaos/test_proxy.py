"""The proxy does what its rules say: a fault that does nothing would be a test that can't fail."""

import json
import time
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from urllib3.exceptions import ProtocolError

from tests.chaos.answers import WRONG_KINDS, flipped, of_another_state, wrong_kinds
from tests.chaos.proxy import Proxy
from tests.chaos.rules import NOTHING, OF_STREAMS, Fault, Observed, Reply, Rule, random_rules
from tests.chaos.running import run_once
from tests.chaos.world import Intent, World
from tests.controlplane.api import Api, path_of
from tests.controlplane.harness import ControlPlane

INTENT = Intent(variants=(0, 2, 1), is_flipped=False, is_name_taken=False)
PROTOBUF = "application/vnd.kubernetes.protobuf"


@pytest.fixture
def through_proxy(control_plane: ControlPlane, proxy: Proxy) -> Api:
    """A client that goes through the proxy."""
    return Api(proxy.url, control_plane.ca_file, control_plane.admin_token)


@pytest.mark.parametrize("fault", [Fault.BALANCER, Fault.HTML, Fault.WRONG_KIND])
@pytest.mark.parametrize("is_forwarded", [False, True])
def test_its_own_answer_comes_with_or_without_the_servers_work(
    proxy: Proxy, through_proxy: Api, namespace: str, fault: Fault, is_forwarded: bool
) -> None:
    proxy.begin(Rule(fault, method="POST", is_forwarded=is_forwarded, status=520))
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "made"}}
    _, answer = through_proxy.request("POST", path_of("ConfigMap", namespace), body)
    assert "made" not in str(answer)
    assert (through_proxy.get("ConfigMap", namespace, "made") is not None) == is_forwarded


def test_a_held_write_lands_once_the_next_list_was_answered(
    proxy: Proxy, api: Api, namespace: str, through: Path, quick_retries: None
) -> None:
    """The run's first create is held, and a later pass lists before it lands."""
    World.make(api, namespace).ask(INTENT)
    proxy.begin(Rule(Fault.HELD, method="POST"))
    run_once(through, concurrency=1)
    proxy.settle()
    (held,) = [request for request in proxy.requests if request.fault is Fault.HELD]
    lists = [
        request for request in proxy.requests if request.is_list and request.ended > held.began
    ]
    assert lists[0].ended <= held.ended
    assert held.codes == [201]


@pytest.mark.parametrize("is_json", [False, True])
def test_pages_are_small_and_change(
    proxy: Proxy, api: Api, namespace: str, through: Path, is_json: bool
) -> None:
    """In JSON and in protobuf, a page can have another resourceVersion, and nothing else."""
    world = World.make(api, namespace)
    world.ask(INTENT)
    proxy.page_limit, proxy.is_json_only = 2, is_json
    proxy.begin()
    run_once(through, is_dry_run=True)
    pages = [request for request in proxy.requests if request.name == "pods"]
    assert len(pages) == 3
    reply = proxy._forward(pages[1])
    changed = of_another_state(reply)
    if not is_json:
        assert reply.headers["Content-Type"] == PROTOBUF
        places = [place for place, byte in enumerate(reply.body) if byte != changed.body[place]]
        assert len(changed.body) == len(reply.body)
        assert len(places) == 1
        return
    (configs,) = [request for request in proxy.requests if request.name == "podconfigmapconfigs"]
    for page in (reply, proxy._forward(configs)):
        before, after = json.loads(page.body), json.loads(of_another_state(page).body)
        assert before["metadata"].pop("resourceVersion") != after["metadata"].pop("resourceVersion")
        assert before == after


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_a_flipped_byte_is_no_utf_8_and_is_in_a_name(share: float) -> None:
    body = b'{"metadata":{"name":"pod-web-0-from-all-cfg"},"data":{"note":"any"}}'
    rule = Rule(Fault.BYTE_FLIP, share=share)
    changed = flipped(rule, Reply(200, body)).body
    (place,) = [place for place, byte in enumerate(body) if byte != changed[place]]
    assert b"web-0-from-all" in body[place - 13 : place + 14]
    with pytest.raises(UnicodeDecodeError):
        changed.decode()


def test_a_wrong_kind_is_never_the_list_that_was_asked_for() -> None:
    request = Observed("GET", "/api/v1/namespaces/a/pods?limit=500", {"accept": PROTOBUF}, b"")
    replies = wrong_kinds(request)
    assert replies
    assert all(reply.headers["Content-Type"] == PROTOBUF for reply in replies)
    request.headers["accept"] = "application/json"
    bodies = [reply.body for reply in wrong_kinds(request)]
    assert WRONG_KINDS["a PodList"].body not in bodies
    assert WRONG_KINDS["a ConfigMapList"].body in bodies


def test_random_rules_come_to_every_fault_and_follow_from_the_seed() -> None:
    def rules() -> list[Rule]:
        seeds = map(Random, range(400))
        return [rule for rng in seeds for rule in random_rules(rng, "other")]

    assert {rule.fault for rule in rules()} == set(Fault) - {NOTHING.fault, *OF_STREAMS}
    assert rules() == rules()


def watch(through_proxy: Api, namespace: str, **query: str) -> urllib3.BaseHTTPResponse:
    """The head of the answer to a watch through the proxy; its body comes as it is read."""
    asked = {"watch": "1", "timeoutSeconds": "3"} | query
    answer = through_proxy._http.request(
        "GET",
        f"{through_proxy._server}{path_of('Secret', namespace)}?{urlencode(asked)}",
        headers={"Authorization": f"Bearer {through_proxy._token}"},
        preload_content=False,
        timeout=10.0,
    )
    assert answer.status == 200
    return answer


def whole(answer: urllib3.BaseHTTPResponse) -> list[Any]:
    """The events of a watch that ended as it should."""
    return [json.loads(line) for line in answer.data.splitlines()]


@pytest.fixture
def watched(api: Api, namespace: str) -> str:
    """A namespace with one Secret, so that a watch from the beginning has an event at once."""
    meta = {"name": "made", "namespace": namespace}
    api.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    return namespace


def test_a_watch_is_passed_on_as_it_comes(
    proxy: Proxy, through_proxy: Api, api: Api, watched: str
) -> None:
    """And ends when the server ends it; `begin` doesn't cut it."""
    with watch(through_proxy, watched) as answer:
        first = json.loads(answer.readline())
        proxy.begin()
        meta = {"name": "later", "namespace": watched}
        began = time.monotonic()
        api.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
        later = json.loads(answer.readline())
        assert time.monotonic() - began < 1.0
        assert first["type"] == later["type"] == "ADDED"
        assert later["object"]["metadata"]["name"] == "later"
        assert answer.read() == b""


def test_a_watch_is_cut_after_so_many_bytes(proxy: Proxy, through_proxy: Api, watched: str) -> None:
    for after in (0, 1, 100):
        proxy.begin(Rule(Fault.STREAM_CUT, query="watch=1", after=after))
        with watch(through_proxy, watched) as answer, pytest.raises(ProtocolError) as error:
            answer.read()
        assert f"{after} bytes read" in str(error.value) or after == 0
        (request,) = proxy.requests
        assert (request.fault, request.passed) == (Fault.STREAM_CUT, after)


def test_a_watch_falls_silent_until_other_rules_begin(
    proxy: Proxy, through_proxy: Api, watched: str
) -> None:
    proxy.begin(Rule(Fault.STREAM_SILENT, query="watch=1", after=10))
    with watch(through_proxy, watched) as answer:
        assert answer.read(10)
        assert proxy.stuck.wait(5.0)
        proxy.begin()
        with pytest.raises(ProtocolError):
            answer.read()


def test_a_watch_pauses_and_then_all_of_it_comes(
    proxy: Proxy, through_proxy: Api, watched: str
) -> None:
    proxy.begin(Rule(Fault.STREAM_PAUSE, query="watch=1", after=10, seconds=0.5))
    with watch(through_proxy, watched) as answer:
        answer.read(10)
        began = time.monotonic()
        answer.readline()
        assert 0.4 < time.monotonic() - began < 2.0
        assert answer.read() == b""


def test_a_watch_expires_and_ends(proxy: Proxy, through_proxy: Api, watched: str) -> None:
    proxy.begin(Rule(Fault.STREAM_EXPIRED, query="watch=1"))
    with watch(through_proxy, watched) as answer:
        (event,) = whole(answer)
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


def test_one_byte_of_a_watch_is_damaged(proxy: Proxy, through_proxy: Api, watched: str) -> None:
    with watch(through_proxy, watched) as answer:
        true = answer.data
    proxy.begin(Rule(Fault.STREAM_GARBLED, query="watch=1", after=20))
    with watch(through_proxy, watched) as answer:
        damaged = answer.data
    assert damaged == true[:20] + b"\xff" + true[21:]


def test_all_watches_are_cut_at_once(proxy: Proxy, through_proxy: Api, watched: str) -> None:
    with watch(through_proxy, watched) as one, watch(through_proxy, watched) as other:
        assert proxy.cut_streams() == 2
        for answer in (one, other):
            with pytest.raises(ProtocolError):
                answer.read()


def test_a_client_that_goes_ends_the_watch_at_the_server(
    proxy: Proxy, through_proxy: Api, watched: str
) -> None:
    """Otherwise each one that a test gives up would stay for minutes."""
    with watch(through_proxy, watched, timeoutSeconds="300") as answer:
        answer.readline()
        (stream,) = proxy._streams
        answer.connection.close() if answer.connection else None
    through_proxy.wait_for(lambda: not proxy._streams)
    assert stream._is_over.is_set()
