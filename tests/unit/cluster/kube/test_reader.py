"""A list counts only if it is the one requested, and its objects only if they are whole.

Any JSON with 200 once counted as an empty list, and a damaged name as another Pod's. Whatever an
answer is, podcm-sync deletes nothing because of what is missing in it (§2.1).
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec import structs

from podcm_sync.api.content_type import EITHER
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.retry import ATTEMPTS
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.errors import ClusterError
from podcm_sync.reconcile.changes import Change, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.prune import Guards
from podcm_sync.reconcile.snapshot import Scope, Shard, Snapshot
from podcm_sync.sync import plan_pass
from tests.builders import GENERATED_BY, POD_UID, Json, pcmc, pod
from tests.listserver import DISCOVERY, JSON, Asked, ListServer, in_sync
from tests.pages import json_page

ALL = Scope(namespaces=None)
SHOP = Scope(namespaces=("shop",))
BOTH = Scope(namespaces=("bank", "shop"))
SHARD = Scope(namespaces=None, shard=Shard(index=0, count=1))
RESOURCES = ("configmaps", "podconfigmapconfigs", "pods")
LABELS = {"app": "web"}


def world() -> list[Json]:
    """Five Pods, two in the namespace bank, each with its ConfigMap."""
    pods = [pod(f"web-{number}", labels=LABELS) for number in range(3)]
    pods += [pod(f"till-{number}", labels=LABELS, namespace="bank") for number in range(2)]
    configs = [pcmc(match_labels=LABELS), pcmc(match_labels=LABELS, namespace="bank")]
    return in_sync(*pods, *configs)


@pytest.fixture(params=[True, False], ids=["protobuf", "json"])
def server(request: pytest.FixtureRequest) -> ListServer:
    return ListServer(world(), is_protobuf=request.param)


def look(server: ListServer, scope: Scope = ALL) -> tuple[Snapshot, list[Change]]:
    """The snapshot that a run reads, and the changes that it plans."""
    reader = KubeReader(server)
    seen = reader.snapshot(scope)
    decided = plan_pass(seen, build(seen), reader, Guards())
    return seen, list(decided.plan.changes)


def deleted(changes: list[Change]) -> list[str]:
    return [str(change.namespaced_name) for change in changes if change.verb is Verb.DELETE]


def answering(
    server: ListServer, resource: str, change: Callable[[bytes], bytes], token: str | None = None
) -> None:
    """Change the body of these answers from now on."""

    def answer(asked: Asked, response: Response) -> Response:
        if asked.resource != resource or token not in {None, asked.token}:
            return response
        return structs.replace(response, body=change(response.body))

    server.answer = answer


def remove(server: ListServer, kind: str, name: str) -> None:
    """Delete an object. A Pod's ConfigMaps become orphans, which only podcm-sync deletes."""
    for obj in server.objects:
        owners = obj["metadata"].get("ownerReferences") or []
        if kind == "Pod" and any(owner["name"] == name for owner in owners):
            del obj["metadata"]["ownerReferences"]
    server.objects = [
        obj for obj in server.objects if (obj["kind"], obj["metadata"]["name"]) != (kind, name)
    ]


def manifest_of(server: ListServer, kind: str, name: str) -> Json:
    (found,) = [
        obj for obj in server.objects if (obj["kind"], obj["metadata"]["name"]) == (kind, name)
    ]
    return found


@pytest.mark.parametrize("scope", [ALL, SHOP, BOTH, SHARD])
def test_what_is_in_sync_is_kept(server: ListServer, scope: Scope) -> None:
    seen, changes = look(server, scope)
    assert (seen.problems, seen.incomplete) == ((), {})
    assert {change.verb for change in changes} == {Verb.KEEP}
    assert len(changes) == (3 if scope == SHOP else 5)


def test_what_lacks_its_pod_is_deleted(server: ListServer) -> None:
    """Without this, the tests below could not fail."""
    remove(server, "Pod", "web-1")
    assert deleted(look(server)[1]) == ["shop/pod-web-1-from-web-cfg"]


@pytest.mark.parametrize("scope", [ALL, BOTH])
@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize(
    "body",
    [
        b'{"error": "upstream unavailable"}',
        b"{}",
        b"[]",
        b"null",
        b"",
        b"<html>Sign in to this network</html>",
        b'{"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}',
        json_page("Pod", []).replace(b"PodList", b"NodeList"),
    ],
)
def test_an_answer_to_another_question_makes_its_scope_incomplete(
    server: ListServer, resource: str, body: bytes, scope: Scope
) -> None:
    """Even if it is the first answer of the run: a server that answers isn't unreachable."""
    answering(server, resource, lambda _: body)
    seen, changes = look(server, scope)
    assert deleted(changes) == []
    assert seen.is_incomplete("shop")
    assert seen.is_incomplete("bank")
    assert seen.is_plannable("shop") is (resource == "pods")
    tries = {count for request, count in server.asked.items() if request.resource == resource}
    assert tries == {ATTEMPTS}


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_answer_to_another_question_is_asked_for_again(
    server: ListServer, resource: str
) -> None:
    """If a proxy in trouble gave the answer, the list goes on at the same page."""
    left = [None] * (ATTEMPTS - 1)

    def answer(asked: Asked, response: Response) -> Response:
        if asked.resource == resource and left:
            left.pop()
            return structs.replace(response, body=b"{}")
        return response

    server.answer = answer
    remove(server, "Pod", "web-1")
    seen, changes = look(server)
    assert (seen.incomplete, left) == ({}, [])
    assert deleted(changes) == ["shop/pod-web-1-from-web-cfg"]


def test_a_server_that_never_answers_is_unreachable(server: ListServer) -> None:
    def answer(asked: Asked, response: Response) -> Response:
        raise TransportError(f"no answer to {asked}, {response.status}", is_sent=True)

    server.answer = answer
    with pytest.raises(ClusterError):
        look(server)


def test_pages_of_different_versions_are_no_list(server: ListServer) -> None:
    answering(server, "pods", lambda body: body.replace(b"4711", b"4712"), "token-of-0002")
    seen, changes = look(server, SHOP)
    assert (list(seen.incomplete), deleted(changes)) == (["shop"], [])


def test_a_page_that_comes_twice_is_no_list(server: ListServer) -> None:
    """With a cache that ignores the continue token, a list would never end."""
    first: list[bytes] = []

    def change(body: bytes) -> bytes:
        first.append(body)
        return first[0]

    answering(server, "pods", change)
    seen, changes = look(server, SHOP)
    assert (list(seen.incomplete), deleted(changes)) == (["shop"], [])
    assert server.asked[Asked("pods", "shop", "token-of-0002")] == ATTEMPTS


@pytest.mark.parametrize("resource", RESOURCES)
def test_an_object_that_is_in_a_list_twice_spoils_it(server: ListServer, resource: str) -> None:
    kinds = {"pods": "Pod", "configmaps": "ConfigMap", "podconfigmapconfigs": "PodConfigMapConfig"}
    double = next(obj for obj in server.objects if obj["kind"] == kinds[resource])
    server.objects.append(double)
    seen, changes = look(server)
    assert seen.is_incomplete(double["metadata"]["namespace"])
    assert deleted(changes) == []


def test_a_continue_token_that_repeats_is_no_list(server: ListServer) -> None:
    """Each page is different, and the list never ends."""
    pages = iter(range(1_000))

    def answer(asked: Asked, response: Response) -> Response:
        if asked.resource != "pods":
            return response
        item = {"metadata": {"name": f"other-{next(pages)}", "namespace": "shop", "uid": "u"}}
        body = json_page("Pod", [item], "again")
        return structs.replace(response, status=200, content_type=JSON, body=body)

    server.answer = answer
    seen, changes = look(server, SHOP)
    assert (list(seen.incomplete), deleted(changes)) == (["shop"], [])
    assert server.asked[Asked("pods", "shop", "again")] == ATTEMPTS


def test_an_object_of_another_namespace_spoils_the_list(server: ListServer) -> None:
    """A proxy that rewrites the path gives the Pods of the whole cluster."""
    server.page_size = 10
    elsewhere = server.get("/api/v1/namespaces/bank/pods", accept=EITHER).body
    answering(server, "pods", lambda _: elsewhere)
    seen, changes = look(server, SHOP)
    assert (list(seen.incomplete), deleted(changes)) == (["shop"], [])


def test_an_object_without_the_label_asked_for_spoils_the_list(server: ListServer) -> None:
    """A proxy that drops the query gives all ConfigMaps."""
    old = GENERATED_BY.encode()
    answering(server, "configmaps", lambda body: body.replace(old, old.swapcase(), 1))
    seen, changes = look(server, SHOP)
    assert (list(seen.incomplete), deleted(changes)) == (["shop"], [])


def test_an_item_that_claims_another_kind_spoils_the_list(server: ListServer) -> None:
    claim = b'"kind":"PodConfigMapConfig"'
    answering(server, "podconfigmapconfigs", lambda body: body.replace(claim, b'"kind":"Lease"'))
    seen, changes = look(server, SHOP)
    assert (list(seen.incomplete), deleted(changes)) == (["shop"], [])


@pytest.mark.parametrize(
    "body",
    [
        {"resources": DISCOVERY["resources"]},
        DISCOVERY | {"kind": "APIGroup"},
        DISCOVERY | {"apiVersion": "v2"},
        DISCOVERY | {"groupVersion": "apps/v1"},
        {key: value for key, value in DISCOVERY.items() if key != "resources"},
    ],
)
def test_another_discovery_does_not_show_that_a_config_is_gone(
    server: ListServer, body: Json
) -> None:
    remove(server, "PodConfigMapConfig", "web")
    assert len(deleted(look(server)[1])) == 5
    answering(server, "", lambda _: msgspec.json.encode(body))
    seen, changes = look(server)
    assert deleted(changes) == []
    assert seen.is_incomplete("shop")


UID = manifest_of(ListServer(world()), "Pod", "web-1")["metadata"]["uid"].encode()


def damaged(text: bytes) -> bytes:
    return text[:-1] + b"\xff"


@pytest.mark.parametrize(
    "text", [UID, b"app\x12\x03web", b"app"], ids=["uid", "label value", "label key"]
)
def test_a_damaged_pod_keeps_its_config_map(text: bytes) -> None:
    """A damaged label must not make a Pod unselected."""
    server = ListServer(world())
    server.page_size = 1
    answering(server, "pods", lambda body: body.replace(text, damaged(text)), "token-of-0001")
    seen, changes = look(server, SHOP)
    assert [str(problem.namespaced_name) for problem in seen.problems] == ["shop/web-1"]
    assert {problem.reason for problem in seen.problems} == {Reason.UNDECODABLE}
    assert seen.incomplete == {}
    assert {change.pod_name: (change.verb, change.reason) for change in changes} == {
        "web-0": (Verb.KEEP, Reason.IN_SYNC),
        "web-1": (Verb.SKIP, Reason.UNDECODABLE),
        "web-2": (Verb.KEEP, Reason.IN_SYNC),
    }


def test_a_damaged_pod_keeps_its_config_map_if_the_config_is_gone() -> None:
    server = ListServer(world())
    remove(server, "PodConfigMapConfig", "web")
    answering(server, "pods", lambda body: body.replace(UID, damaged(UID)))
    assert deleted(look(server, SHOP)[1]) == [
        "shop/pod-web-0-from-web-cfg",
        "shop/pod-web-2-from-web-cfg",
    ]


@pytest.mark.parametrize("uid", ["", None])
def test_a_pod_without_a_uid_is_undecodable(server: ListServer, uid: str | None) -> None:
    metadata = manifest_of(server, "Pod", "web-1")["metadata"]
    del metadata["uid"]
    if uid is not None:
        metadata["uid"] = uid
    seen, changes = look(server, SHOP)
    assert [str(problem.namespaced_name) for problem in seen.problems] == ["shop/web-1"]
    assert deleted(changes) == []


@pytest.mark.parametrize("name", [b"web-\xff", b"Web-1", b"web-.", b"web 1"])
def test_a_pod_whose_name_cannot_be_read_closes_its_namespace_alone(name: bytes) -> None:
    """Its ConfigMaps are unknown. Once, the ConfigMap of a live Pod was deleted as NotSelected."""
    server = ListServer(world())
    remove(server, "Pod", "till-1")
    answering(server, "pods", lambda body: body.replace(b"\x0a\x05web-1", b"\x0a\x05" + name))
    # One list of the whole cluster, as with many namespaces.
    seen = look_at_once(server)
    assert list(seen[0].incomplete) == ["shop"]
    assert seen[0].is_plannable("shop")
    assert deleted(seen[1]) == ["bank/pod-till-1-from-web-cfg"]


def look_at_once(server: ListServer) -> tuple[Snapshot, list[Change]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("podcm_sync.cluster.kube.reader.MAX_POD_LISTS", 0)
        return look(server)


def test_a_pod_whose_namespace_cannot_be_read_closes_all_that_was_listed() -> None:
    server = ListServer(world())
    remove(server, "Pod", "till-1")
    answering(server, "pods", lambda body: body.replace(b"\x1a\x04shop", b"\x1a\x04sho\xff", 1))
    seen, changes = look_at_once(server)
    assert (list(seen.incomplete), deleted(changes)) == ([""], [])
    # In the list of one namespace, it can only be that namespace.
    seen, changes = look(server)
    assert (list(seen.incomplete), deleted(changes)) == (
        ["shop"],
        ["bank/pod-till-1-from-web-cfg"],
    )


@pytest.mark.parametrize("resource", ["configmaps", "podconfigmapconfigs"])
def test_without_the_name_of_a_config_map_or_config_nothing_is_planned_there(
    server: ListServer, resource: str
) -> None:
    """The same as a failed list: ownership, or the winner of a name, is unknown."""
    kind = "ConfigMap" if resource == "configmaps" else "PodConfigMapConfig"
    (obj, *_) = [
        manifest
        for manifest in server.objects
        if manifest["kind"] == kind and manifest["metadata"]["namespace"] == "shop"
    ]
    obj["metadata"]["name"] = "Not a name"
    seen, changes = look(server)
    assert list(seen.incomplete) == ["shop"]
    assert not seen.is_plannable("shop")
    assert {(change.namespaced_name.namespace, change.verb) for change in changes} == {
        ("bank", Verb.KEEP)
    }


@pytest.mark.parametrize("field", ["uid", "resourceVersion"])
@pytest.mark.parametrize("value", ["", "\u00e4"])
def test_a_config_map_without_what_a_write_needs_is_undecodable(
    server: ListServer, field: str, value: str
) -> None:
    """These fields are the preconditions of writes."""
    name = "pod-web-1-from-web-cfg"
    manifest_of(server, "ConfigMap", name)["metadata"][field] = value
    seen, changes = look(server, SHOP)
    assert [str(problem.namespaced_name) for problem in seen.problems] == [f"shop/{name}"]
    assert {change.namespaced_name.name: change.verb for change in changes}[name] is Verb.SKIP


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("uid", ""),
        ("resourceVersion", ""),
        ("generation", 0),
        ("creationTimestamp", ""),
        ("creationTimestamp", "yesterday"),
        ("creationTimestamp", None),
    ],
)
def test_a_config_that_is_not_whole_keeps_what_it_has(
    server: ListServer, field: str, value: object
) -> None:
    """Its age decides who has a name, and its generation is stamped."""
    for obj in server.objects:
        if obj["kind"] == "PodConfigMapConfig":
            obj["metadata"][field] = value
    remove(server, "Pod", "web-1")
    seen, changes = look(server)
    assert {problem.reason for problem in seen.problems} == {Reason.UNREADABLE}
    assert {change.verb for change in changes} == {Verb.SKIP}


@pytest.mark.parametrize("key", ["na\u00efve", ""])
def test_a_label_that_kubernetes_does_not_allow_makes_its_object_undecodable(
    server: ListServer, key: str
) -> None:
    manifest_of(server, "Pod", "web-1")["metadata"]["labels"][key] = "x"
    manifest_of(server, "ConfigMap", "pod-web-2-from-web-cfg")["metadata"]["labels"][key] = "x"
    seen, changes = look(server, SHOP)
    assert {str(problem.namespaced_name) for problem in seen.problems} == {
        "shop/web-1",
        "shop/pod-web-2-from-web-cfg",
    }
    assert deleted(changes) == []


def test_occupied_names_say_whose_they_are(server: ListServer) -> None:
    foreign: dict[str, Any] = {
        "kind": "ConfigMap",
        "metadata": {"name": "somebody-elses", "namespace": "shop", "labels": {"a": "b"}},
    }
    broken: dict[str, Any] = {
        "kind": "ConfigMap",
        "metadata": {"name": "pod-x-cfg", "namespace": "shop", "labels": {GENERATED_BY: "\u00e4"}},
    }
    broken["metadata"]["labels"][POD_UID] = "x"
    server.objects += [foreign, broken]
    found = KubeReader(server).occupied_names({"shop"})
    assert found == {
        NamespacedName("shop", "pod-web-0-from-web-cfg"): True,
        NamespacedName("shop", "pod-web-1-from-web-cfg"): True,
        NamespacedName("shop", "pod-web-2-from-web-cfg"): True,
        NamespacedName("shop", "somebody-elses"): False,
        NamespacedName("shop", "pod-x-cfg"): False,
    }


def test_what_remains_is_asked_of_one_list_for_each_namespace(server: ListServer) -> None:
    gone, there = (NamespacedName("shop", f"pod-{n}-from-web-cfg") for n in ("gone", "web-1"))
    other = NamespacedName("bank", "pod-till-0-from-web-cfg")
    assert set(KubeReader(server).remaining([gone, there, other])) == {there, other}
    places = [request.namespace for request in server.asked if not request.token]
    assert sorted(places) == ["bank", "shop"]
    assert {(request.resource, request.is_metadata) for request in server.asked} == {
        ("configmaps", True)
    }


def test_what_cannot_be_looked_up_counts_as_remaining(server: ListServer) -> None:
    gone = NamespacedName("shop", "pod-gone-from-web-cfg")
    refusal = b'{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 403}'

    def refuse(_: Asked, response: Response) -> Response:
        return structs.replace(response, status=403, content_type=JSON, body=refusal)

    server.answer = refuse
    assert set(KubeReader(server).remaining([gone])) == {gone}


def test_a_shard_lists_the_namespace_of_an_object_without_a_name(server: ListServer) -> None:
    """An unreadable name must not remove its namespace from the run."""
    for kind in ("ConfigMap", "PodConfigMapConfig"):
        for obj in server.objects:
            if obj["kind"] == kind and obj["metadata"]["namespace"] == "bank":
                obj["metadata"]["name"] = f"Not a name {len(obj['metadata']['name'])}"
    seen, _ = look(server, SHARD)
    assert list(seen.incomplete) == ["bank"]


def test_a_shard_is_not_known_if_a_namespace_cannot_be_read(server: ListServer) -> None:
    for obj in server.objects:
        obj["metadata"]["namespace"] = "Not a namespace"
    seen, changes = look(server, SHARD)
    assert (list(seen.incomplete), changes) == ([""], [])


@pytest.mark.parametrize("scope", [ALL, SHOP, BOTH, SHARD])
def test_without_a_list_of_pods_nothing_is_gone(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fallback between kinds of lists once left the Pods out. No mistake of ours may delete."""
    monkeypatch.setattr(KubeReader, "_list_pods", lambda *_, **__: None)
    seen = KubeReader(ListServer(world())).snapshot(scope)
    assert seen.pods == ()
    assert {config_map.namespaced_name.namespace for config_map in seen.config_maps}
    assert all(seen.is_incomplete(each.namespaced_name.namespace) for each in seen.config_maps)
