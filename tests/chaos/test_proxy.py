"""The proxy does what its rules say: a fault that does nothing would be a test that can't fail."""

import json
from pathlib import Path
from random import Random

import pytest

from tests.chaos.answers import WRONG_KINDS, flipped, of_another_state, wrong_kinds
from tests.chaos.proxy import Proxy
from tests.chaos.rules import NOTHING, Fault, Reply, Rule, Seen, random_rules
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
    (held,) = [request for request in proxy.seen if request.fault is Fault.HELD]
    lists = [request for request in proxy.seen if request.is_list and request.ended > held.began]
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
    pages = [request for request in proxy.seen if request.name == "pods"]
    assert len(pages) == 3
    reply = proxy._forward(pages[1])
    changed = of_another_state(reply)
    if not is_json:
        assert reply.headers["Content-Type"] == PROTOBUF
        places = [place for place, byte in enumerate(reply.body) if byte != changed.body[place]]
        assert len(changed.body) == len(reply.body)
        assert len(places) == 1
        return
    (configs,) = [request for request in proxy.seen if request.name == "podconfigmapconfigs"]
    for page in (reply, proxy._forward(configs)):
        before, after = json.loads(page.body), json.loads(of_another_state(page).body)
        assert before["metadata"].pop("resourceVersion") != after["metadata"].pop("resourceVersion")
        assert before == after


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.99])
def test_a_flipped_byte_is_no_utf_8_and_is_in_a_name(share: float) -> None:
    body = b'{"metadata":{"name":"pod-web-0-from-all-cfg"},"data":{"note":"any"}}'
    rule = Rule(Fault.BYTE_FLIP, share=share)
    changed = flipped(rule, Reply(200, {}, body)).body
    (place,) = [place for place, byte in enumerate(body) if byte != changed[place]]
    assert b"web-0-from-all" in body[place - 13 : place + 14]
    with pytest.raises(UnicodeDecodeError):
        changed.decode()


def test_a_wrong_kind_is_never_the_list_that_was_asked_for() -> None:
    request = Seen("GET", "/api/v1/namespaces/a/pods?limit=500", {"accept": PROTOBUF}, b"")
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

    assert {rule.fault for rule in rules()} == set(Fault) - {NOTHING.fault}
    assert rules() == rules()
