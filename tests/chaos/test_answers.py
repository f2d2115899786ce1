"""podcm-sync believes no answer, list, or plan unverified (§2): a test for each fault.

Each test puts one fault in front of the real API server. A run may then fail, but it never deletes
what must stay, and never reports what didn't happen.
"""

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from podcm_sync.runtime.context import RunContext
from tests import command
from tests.chaos.answers import PAGE, WRONG_KINDS
from tests.chaos.proxy import Proxy
from tests.chaos.rules import WRITES, Fault, Observed, Rule
from tests.chaos.running import Ran, run_once
from tests.controlplane.api import Api, Object
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    POD_UID,
    change_config,
    condition,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    selecting,
    status_of,
)

PODS = ("web-0", "web-1", "web-2")
WANTED = [f"pod-{pod}-from-mine-cfg" for pod in PODS]
LEFTOVER = "pod-web-0-from-gone-cfg"
GONE = {"metadata": {"name": "gone", "uid": "0-0"}}
LISTS = {
    "configmaps": (b"ConfigMap", b"v1"),
    "podconfigmapconfigs": (b"PodConfigMapConfig", b"podconfig.example.com/v1alpha1"),
    "pods": (b"Pod", b"v1"),
}
"""Resource → the kind and apiVersion of its objects."""
EACH_LIST = pytest.mark.parametrize("resource", LISTS)

pytestmark = pytest.mark.usefixtures("quick_retries")


@dataclass
class Site:
    """A namespace with a config and the Pods that it selects, and a proxy on the way to it."""

    api: Api
    namespace: str
    proxy: Proxy
    kubeconfig: Path
    uids: dict[str, str]

    def run(self, **options: Any) -> Ran:
        """One run through the proxy."""
        return run_once(self.kubeconfig, **options)

    def run_with(self, *rules: Rule, **options: Any) -> Ran:
        """One run with these faults and nothing seen before."""
        self.proxy.begin(*rules)
        return self.run(**options)

    def names(self) -> list[str]:
        return names(self.api, self.namespace)

    def change_config(self, spec: Object) -> None:
        change_config(self.api, self.namespace, spec)

    def make_leftover(self) -> None:
        """A ConfigMap of ours that is to be deleted."""
        labels = made_for(GONE)["labels"]
        self.api.create(config_map(self.namespace, LEFTOVER, {}, labels=labels))

    def is_ready(self) -> bool:
        """Whether the status claims that everything is in sync."""
        ready: bool = condition(status_of(self.api, self.namespace))["status"] == "True"
        return ready

    def check_untouched(self, ran: Ran) -> None:
        """The run knew that it saw too little: exit 5, nothing deleted, nothing written."""
        assert self.names() == WANTED
        assert ran.code == 5, ran
        assert self.proxy.writes() == []

    def digest(self) -> str:
        """The digest that a dry run prints."""
        ran = self.run(is_dry_run=True)
        assert ran.report
        return ran.report.digest


@pytest.fixture
def site(api: Api, namespace: str, proxy: Proxy, through: Path) -> Site:
    """Three Pods and a config; nothing is synced yet."""
    pods = {name: api.make_pod(namespace, name, labels={"app": "web"}) for name in PODS}
    make_config(api, namespace)
    uids = {name: pod["metadata"]["uid"] for name, pod in pods.items()}
    return Site(api, namespace, proxy, through, uids)


@pytest.fixture
def synced(site: Site) -> Site:
    """The same with everything in sync."""
    assert site.run().code == 0
    assert site.names() == WANTED
    return site


def counts(ran: Ran) -> tuple[int, int, int]:
    """How many ConfigMaps the report calls created, updated, and deleted."""
    summary = ran.document["summary"]
    return summary["created"], summary["updated"], summary["deleted"]


# 1. Lists


@pytest.mark.parametrize(
    ("resource", "answer"),
    [
        (resource, answer)
        for resource in LISTS
        for answer in WRONG_KINDS
        if answer.removeprefix("a ").lower() != f"{resource.removesuffix('s')}list"
    ],
)
def test_a_list_that_is_no_list_deletes_nothing(synced: Site, resource: str, answer: str) -> None:
    """JSON and protobuf of another kind, for each list."""
    reply = WRONG_KINDS[answer]
    rule = Rule(
        Fault.ANSWER,
        path=f"/{resource}$",
        status=200,
        body=reply.body,
        content_type=reply.headers["Content-Type"],
        times=None,
    )
    synced.check_untouched(synced.run_with(rule))


BROKEN_LISTS = {
    "a web page": PAGE,
    "no body": b"",
    "no items": b'{"kind":"%sList","apiVersion":"%s","metadata":{"resourceVersion":"1"}}',
    "no metadata": b'{"kind":"%sList","apiVersion":"%s","items":[]}',
    "no resourceVersion": b'{"kind":"%sList","apiVersion":"%s","metadata":{},"items":[]}',
    "no apiVersion": b'{"kind":"%sList","metadata":{"resourceVersion":"1"},"items":[]}%.0s',
}
"""Bodies that break one promise of a list, with room for its kind and apiVersion."""


@EACH_LIST
@pytest.mark.parametrize("body", BROKEN_LISTS)
def test_a_list_that_breaks_one_promise_deletes_nothing(
    synced: Site, resource: str, body: str
) -> None:
    text = BROKEN_LISTS[body]
    answer = text % LISTS[resource] if b"%s" in text else text
    rule = Rule(Fault.ANSWER, path=f"/{resource}$", status=200, body=answer, times=None)
    synced.check_untouched(synced.run_with(rule))


@EACH_LIST
def test_another_namespaces_list_deletes_nothing(
    synced: Site, control_plane: ControlPlane, tmp_path: Path, resource: str
) -> None:
    """The other namespace has Pods of the same names, another config, and its ConfigMaps."""
    other = new_namespace(synced.api)
    for pod in PODS:
        synced.api.make_pod(other, pod)
    make_config(synced.api, other, "other")
    assert run_once(control_plane.kubeconfig(tmp_path / "other", namespace=other)).code == 0
    rule = Rule(Fault.OTHER_OBJECT, path=f"/{resource}$", namespace=other, times=None)
    synced.check_untouched(synced.run_with(rule))


@EACH_LIST
@pytest.mark.parametrize("share", [0.0, 1.0], ids=["another version", "the first page again"])
def test_pages_that_do_not_belong_together_delete_nothing(
    synced: Site, resource: str, share: float
) -> None:
    """A later page is of another state of the list, or brings the items of page 1 again."""
    for number in range(2):
        name, spec = f"nobody-{number}", selecting(app="nobody")
        make_config(synced.api, synced.namespace, name, spec)
    assert synced.run().code == 0
    synced.proxy.page_limit = 1
    path = f"/{resource}$"
    rule = Rule(Fault.CHANGED_PAGE, path=path, query="continue=", share=share, times=None)
    ran = synced.run_with(rule)
    assert Fault.CHANGED_PAGE in {request.fault for request in synced.proxy.requests}
    synced.check_untouched(ran)


@EACH_LIST
def test_a_wrong_answer_for_a_moment_costs_nothing(synced: Site, resource: str) -> None:
    """The list is asked for again, as after a lost answer."""
    ran = synced.run_with(Rule(Fault.WRONG_KIND, path=f"/{resource}$", share=0.0))
    assert ran.code == 0, ran
    assert synced.proxy.writes() == []


DISCOVERY = {
    "an empty object": b"{}",
    "another group": b'{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"apps/v1",'
    b'"resources":[{"name":"podconfigmapconfigs","verbs":["create"]}]}',
    "resources alone": b'{"resources":[{"name":"podconfigmapconfigs","verbs":["create"]}]}',
    "a web page": PAGE,
}


@pytest.mark.parametrize("body", DISCOVERY)
def test_discovery_that_is_none_deletes_nothing(synced: Site, body: str) -> None:
    """The config is gone, and only discovery can prove that its CRD isn't."""
    synced.api.delete("PodConfigMapConfig", synced.namespace, "mine")
    answer = DISCOVERY[body]
    rule = Rule(Fault.ANSWER, path="/v1alpha1$", status=200, body=answer, times=None)
    synced.check_untouched(synced.run_with(rule))


# 2. An expected plan


FOR_THE_MOMENT = {
    "a webhook that is down": Rule(Fault.WEBHOOK, method="POST"),
    "a cut connection": Rule(Fault.CUT, method="POST"),
    "503": Rule(Fault.ANSWER, method="POST", status=503),
    "429": Rule(Fault.ANSWER, method="POST", status=429, retry_after=0, times=9),
    "520": Rule(Fault.BALANCER, method="POST", status=520),
    "a web page": Rule(Fault.HTML, method="POST", status=200),
}


@pytest.mark.parametrize("fault", FOR_THE_MOMENT)
def test_a_create_that_fails_for_the_moment_is_not_reported_as_created(
    site: Site, fault: str
) -> None:
    """Under --expect-plan, the report counts what exists, and the status claims no more."""
    digest = site.digest()
    ran = site.run_with(FOR_THE_MOMENT[fault], expected_digest=digest, concurrency=1)
    existing = len(site.names())
    assert counts(ran) == (existing, 0, 0)
    assert site.is_ready() == (existing == len(WANTED))
    assert (ran.code == 0) == (existing == len(WANTED))


# 3. Answers to writes


NO_ANSWERS = {
    **{
        f"{status} of a balancer": Rule(Fault.BALANCER, status=status)
        for status in (404, 499, 502, 520, 522, 524)
    },
    "a web page with 200": Rule(Fault.HTML, status=200),
    "a web page with 201": Rule(Fault.HTML, status=201),
    "a web page with 403": Rule(Fault.HTML, status=403),
    "no body": Rule(Fault.EMPTY),
    "an empty object": Rule(Fault.WRONG_KIND, share=0.0),
    "another object": Rule(Fault.OTHER_OBJECT, share=0.0),
    "404 of another object": Rule(Fault.OTHER_OBJECT, share=0.4),
    "409 of another object": Rule(Fault.OTHER_OBJECT, share=1.0),
}
"""Answers that say nothing about the object that the request was about."""
NO_ANSWER = pytest.mark.parametrize("answer", NO_ANSWERS)


def unanswered(answer: str, method: str) -> Rule:
    """For good, and only for ConfigMaps: the status can still be written."""
    return replace(NO_ANSWERS[answer], method=method, path="/configmaps", times=None)


def check_that_nothing_is_claimed(site: Site, ran: Ran) -> None:
    """Exit 5, no counts, and a status that says that it isn't in sync."""
    assert counts(ran) == (0, 0, 0)
    assert ran.code == 5, ran
    assert ran.document["summary"]["failed"] == len(WANTED)
    assert not site.is_ready()


@NO_ANSWER
def test_a_post_that_the_api_server_did_not_answer_is_no_success(site: Site, answer: str) -> None:
    ran = site.run_with(unanswered(answer, "POST"))
    assert site.names() == []
    check_that_nothing_is_claimed(site, ran)


@NO_ANSWER
def test_a_delete_that_the_api_server_did_not_answer_is_no_success(
    synced: Site, answer: str
) -> None:
    synced.change_config(selecting(app="nobody"))
    ran = synced.run_with(unanswered(answer, "DELETE"))
    assert synced.names() == WANTED
    check_that_nothing_is_claimed(synced, ran)


@NO_ANSWER
def test_a_patch_that_the_api_server_did_not_answer_is_no_update(synced: Site, answer: str) -> None:
    synced.change_config({"labelsToInclude": ["app"]})
    ran = synced.run_with(unanswered(answer, "PATCH"))
    assert "label_app" not in generated(synced.api, synced.namespace, WANTED[0])["data"]
    check_that_nothing_is_claimed(synced, ran)


@NO_ANSWER
def test_a_status_that_the_api_server_did_not_answer_is_not_reported_as_written(
    site: Site, answer: str
) -> None:
    rule = replace(NO_ANSWERS[answer], method="PATCH", path="/status$", times=None)
    ran = site.run_with(rule)
    assert not site.is_ready()
    assert [status["result"] for status in ran.document["statuses"]] == ["failed"]
    assert ran.code == 5, ran


@NO_ANSWER
@pytest.mark.parametrize("is_forwarded", [False, True], ids=["not carried out", "carried out"])
def test_a_write_that_was_not_answered_for_a_moment_is_settled(
    synced: Site, answer: str, is_forwarded: bool
) -> None:
    """One write of each verb: the run learns what came of it, counts it once, and exits 0."""
    namespace = synced.namespace
    synced.api.delete("ConfigMap", namespace, WANTED[0])
    synced.api.patch("ConfigMap", namespace, WANTED[1], {"data": {"podName": "drifted"}})
    synced.make_leftover()
    rules = [unanswered(answer, method) for method in ("POST", "PATCH", "DELETE")]
    ran = synced.run_with(*(replace(rule, times=1, is_forwarded=is_forwarded) for rule in rules))
    assert ran.code == 0, ran
    assert synced.names() == WANTED
    assert counts(ran) == (1, 1, 1)


@pytest.mark.parametrize("answer", ["404 of a balancer", "404 of another object"])
def test_a_look_that_the_api_server_did_not_answer_settles_nothing(site: Site, answer: str) -> None:
    """All creates are carried out and their answers are lost, and so is the look at the first.

    Then nobody knows, or it is found some other way: what it isn't is unchanged.
    """
    path = f"/configmaps/{WANTED[0]}"
    ran = site.run_with(
        Rule(Fault.LOSE, method="POST", path="/configmaps$", times=3),
        replace(NO_ANSWERS[answer], method="GET", path=path, times=None),
    )
    assert site.names() == WANTED
    first, *others = ((change["result"], change["reason"]) for change in ran.document["changes"])
    assert first in {("failed", "Unreachable"), ("created", "Missing")}
    assert others == [("created", "Missing")] * 2
    assert ran.code == (5 if first[0] == "failed" else 0)


# 4. Our own ConfigMaps


def test_our_own_config_map_created_between_the_lists_is_not_foreign(
    site: Site, kubeconfig: Path
) -> None:
    """A second syncer creates all of them before the list of occupied names is answered."""
    site.proxy.before = Once(lambda: run_once(kubeconfig), "PartialObjectMetadata")
    ran = site.run()
    assert ran.code == 0, ran
    assert {change["result"] for change in ran.document["changes"]} == {"unchanged"}
    assert site.is_ready()


def test_our_own_late_create_is_not_foreign(site: Site) -> None:
    """The POST has no answer, and lands after the next pass has listed the ConfigMaps."""
    ran = site.run_with(Rule(Fault.HELD, method="POST", path="/configmaps$"), concurrency=1)
    assert ran.code == 0, ran
    assert site.names() == WANTED
    assert site.is_ready()


class Once:
    """Does something before the first request that accepts such a content type."""

    def __init__(self, action: Callable[[], object], accept: str) -> None:
        self._actions = [action]
        self._accept = accept
        self._lock = threading.Lock()

    def __call__(self, request: Observed) -> None:
        with self._lock:
            if self._actions and self._accept in request.headers.get("accept", ""):
                self._actions.pop()()


# 5. Lost answers of a reviewed plan


LOST_UPDATE = Rule(Fault.LOSE, method="PATCH", path="/configmaps/")


def test_a_lost_answer_to_an_update_of_an_expected_plan_is_settled(synced: Site) -> None:
    """The change is in place, so the plan isn't outdated: exit 0, counted as updated."""
    synced.change_config({"labelsToInclude": ["app"]})
    digest = synced.digest()
    ran = synced.run_with(LOST_UPDATE, expected_digest=digest, concurrency=1)
    stored = [generated(synced.api, synced.namespace, name)["data"] for name in WANTED]
    assert [data.get("label_app") for data in stored] == ["web"] * len(WANTED)
    assert ran.code == 0, ran
    assert counts(ran) == (0, len(WANTED), 0)
    assert synced.is_ready()
    again = synced.run(expected_digest=synced.digest())
    assert (again.code, counts(again)) == (0, (0, 0, 0))


def test_a_lost_answer_to_an_update_of_a_saved_plan_is_settled(
    synced: Site, tmp_path: Path
) -> None:
    synced.change_config({"labelsToInclude": ["app"]})
    plan = str(tmp_path / "plan.json")
    # A dry run exits 0 with changes, and a saved plan is only good for the server it came from.
    assert command.run("--dry-run", "--plan-out", plan, kubeconfig=synced.kubeconfig).code == 0
    synced.proxy.begin(LOST_UPDATE)
    env = {"KUBECONFIG": str(synced.kubeconfig)}
    done = command.run("apply", plan, "--concurrency", "1", "-o", "json", kubeconfig=None, env=env)
    assert done.code == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["summary"]["updated"] == len(WANTED)
    assert synced.is_ready()


@pytest.mark.parametrize("fault", [Fault.LOSE, Fault.SWALLOW])
def test_a_lost_answer_to_an_update_counts_as_updated(synced: Site, fault: Fault) -> None:
    """The counts of the report are those of what the server carried out."""
    synced.change_config({"labelsToInclude": ["app"]})
    ran = synced.run_with(replace(LOST_UPDATE, fault=fault), request_timeout=1.0)
    assert (ran.code, counts(ran)) == (0, (0, len(WANTED), 0))


# 6. A namespace that hangs


@pytest.mark.parametrize("end", ["deadline", "signal"])
def test_a_namespace_whose_writes_hang_costs_no_other_its_status(
    synced: Site, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create, a delete, and a status are due in the healthy one; all are done in time."""
    hanging = new_namespace(synced.api)
    for number in range(6):
        synced.api.make_pod(hanging, f"web-{number}")
    make_config(synced.api, hanging)
    synced.api.delete("ConfigMap", synced.namespace, WANTED[0])
    synced.change_config(selecting(app="web"))
    synced.make_leftover()
    monkeypatch.setattr("podcm_sync.runtime.context.GRACE_SECONDS", 1.0)
    context = RunContext()
    timer = threading.Timer(2.5, lambda: context.receive(signal.SIGTERM))
    if end == "signal":
        timer.start()
    ran = synced.run_with(
        Rule(Fault.FREEZE, method=WRITES, path=f"/namespaces/{hanging}/", times=None),
        namespaces=(synced.namespace, hanging),
        deadline=4.0,
        context=context,
    )
    timer.cancel()
    assert synced.names() == WANTED
    assert synced.is_ready()
    assert status_of(synced.api, synced.namespace)["observedGeneration"] == 2
    assert names(synced.api, hanging) == []
    assert condition(status_of(synced.api, hanging))["status"] != "True"
    assert ran.code == 5, ran
    assert counts(ran) == (1, 0, 1)


# 7. A webhook that is down


def test_a_webhook_that_is_down_fails_its_objects_and_each_is_sent_once(site: Site) -> None:
    """It is the objects' failure (exit 3), not the API server's, and the message names it."""
    ran = site.run_with(Rule(Fault.WEBHOOK, method="POST", path="/configmaps$", times=None))
    assert ran.code == 3, ran
    posts = [request for request in site.proxy.writes() if request.method == "POST"]
    assert len(posts) == len(WANTED)
    assert all("w.example.com" in change["message"] for change in ran.document["changes"])
    assert not site.is_ready()


# 8. Bytes that are no UTF-8


IDENTITIES = (
    ("pods", "web-1"),
    ("pods", "UID"),
    ("pods", "NAMESPACE"),
    ("pods", "app"),
    ("configmaps", "pod-web-1-from-mine-cfg"),
    ("configmaps", "UID"),
    ("configmaps", "NAMESPACE"),
    ("configmaps", "generated-by-pcmc"),
    ("podconfigmapconfigs", "mine"),
    ("podconfigmapconfigs", "NAMESPACE"),
)


@pytest.mark.parametrize("is_json", [False, True], ids=["protobuf", "JSON"])
@pytest.mark.parametrize(("resource", "text"), IDENTITIES)
def test_bytes_that_are_no_utf_8_delete_nothing_and_are_no_bug(
    site: Site, resource: str, text: str, is_json: bool
) -> None:
    """A damaged name, uid, namespace, or label costs its object or its list; never exit 70."""
    site.change_config(selecting(app="web"))
    assert site.run().code == 0
    site.proxy.is_json_only = is_json
    pattern = {"UID": site.uids["web-1"], "NAMESPACE": site.namespace}.get(text, text).encode()
    for share in (0.0, 0.5, 0.999):
        path = f"/{resource}$"
        ran = site.run_with(
            Rule(Fault.BYTE_FLIP, path=path, pattern=pattern, share=share, times=None)
        )
        assert site.names() == WANTED
        labels = [
            generated(site.api, site.namespace, name)["metadata"]["labels"] for name in WANTED
        ]
        assert [label[POD_UID] for label in labels] == [site.uids[pod] for pod in PODS]
        assert ran.code in {0, 3, 5}, ran
        assert not [request for request in site.proxy.writes() if request.method == "DELETE"]
    assert site.run_with().code == 0


# 9. A list of Pods that ends too early


def test_pods_that_were_not_seen_keep_the_names_that_they_have(
    api: Api, namespace: str, proxy: Proxy, through: Path
) -> None:
    """Two pairs give one name. The Pod that has it is on page 2, which fails."""
    for pod in ("x", "x-from-b"):
        api.make_pod(namespace, pod)
    for config in ("a", "b-from-a"):  # the older one has the name
        make_config(api, namespace, config)
    name = "pod-x-from-b-from-a-cfg"
    assert run_once(through).code == 3
    assert generated(api, namespace, name)["data"]["podName"] == "x-from-b"
    proxy.page_limit = 1
    proxy.begin(Rule(Fault.ANSWER, path="/pods$", query="continue=", status=500, times=None))
    ran = run_once(through)
    assert generated(api, namespace, name)["data"]["podName"] == "x-from-b"
    assert ran.code == 5, ran
