"""What a tenant can do in one namespace fails there: exit 3, or 0 if tolerated, and never 5.

behavior.md §7. Each case has an ordinary namespace beside it, which is synced all the same.
"""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.status import is_failure
from tests import command
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.failures import policy
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    condition,
    config_map,
    made_for,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import Run, meddling, sync

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
NAME = "pod-web-from-mine-cfg"


def many_labels(count: int) -> dict[str, str]:
    return {f"{'k' * 230}-{number:04}.example.com/{'n' * 63}": "v" * 63 for number in range(count)}


def largest(api: Api, make: Callable[[int], Object]) -> Object:
    """The largest object that the server stores, to 200 bytes, of those that are made by size."""
    size, step = 0, 1 << 17
    while step >= 200:
        obj = make(size + step)
        path = path_of(obj["kind"], obj["metadata"]["namespace"])
        if api.request("POST", path, obj)[0] == 201:
            api.delete(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
            size += step
        else:
            step //= 2
    return make(size)


def labelled_config_map(api: Api, namespace: str) -> None:
    """1,500 labels and an annotation of 250 KB on one's own ConfigMap, which then grows."""
    pod = api.make_pod(namespace, "web")
    metadata: Object = made_for(pod)
    metadata["labels"] |= many_labels(1_500)
    metadata["annotations"] = {"example.com/x": "x" * 250_000}
    make_config(api, namespace, spec={"configMapDataTemplate": {"k": '{{ repeat 1000000 "x" }}'}})
    api.create(config_map(namespace, NAME, {}, **metadata))


def full_config(api: Api, namespace: str) -> None:
    """A config to which not even a status can be added."""

    def make(size: int) -> Object:
        labels = many_labels(2_000 if size < 260_000 else 2_000 + (size - 260_000) // 700)
        obj: Object = pcmc({}, namespace, "mine")
        obj["metadata"] |= {
            "labels": labels,
            "annotations": {"example.com/x": "x" * min(size, 260_000)},
        }
        return obj

    api.make_pod(namespace, "web")
    api.create(largest(api, make))


def no_events(api: Api, namespace: str) -> None:
    """An Event is refused, and a ConfigMap too."""
    api.wait_for(lambda: api.get("ConfigMap", namespace, "kube-root-ca.crt"))
    meta = {"namespace": namespace, "name": "none"}
    hard = {"count/events.events.k8s.io": "0", "count/events": "0", "configmaps": "1"}
    api.create(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": hard}}
    )
    api.wait_for(lambda: (api.get("ResourceQuota", namespace, "none") or {})["status"].get("used"))
    api.make_pod(namespace, "web")
    make_config(api, namespace)


def quota_of_objects(api: Api, namespace: str) -> None:
    """A quota of the generic kind, which the API server words in its own way."""
    api.wait_for(lambda: api.get("ConfigMap", namespace, "kube-root-ca.crt"))
    meta = {"namespace": namespace, "name": "few"}
    spec = {"hard": {"count/configmaps": "1"}}
    api.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": spec})
    api.wait_for(lambda: (api.get("ResourceQuota", namespace, "few") or {})["status"].get("used"))
    api.make_pod(namespace, "web")
    make_config(api, namespace)


def many_configs(api: Api, namespace: str) -> None:
    """More than the bound, which the test has lowered."""
    for number in range(8):
        make_config(api, namespace, f"c{number}")


CASES = [
    pytest.param(labelled_config_map, {"TooLarge"}, id="labelled ConfigMap"),
    pytest.param(full_config, {"TooLarge"}, id="full config"),
    pytest.param(no_events, {"QuotaExceeded"}, id="no Events"),
    pytest.param(quota_of_objects, {"QuotaExceeded"}, id="quota of objects"),
    pytest.param(policy, {"Rejected"}, id="admission policy"),
    pytest.param(many_configs, {"BoundExceeded"}, id="many configs"),
]


def failed_reasons(run: Run) -> set[str]:
    report = run.report
    found = {str(each.reason) for each in report.outcomes if is_failure(each)}
    found |= {str(each.reason) for each in report.statuses if str(each.result) == "failed"}
    return found | {str(each.reason) for each in report.problems}


@pytest.mark.parametrize(("hostile", "reasons"), CASES)
def test_what_a_tenant_does_fails_its_namespace_alone(
    api: Api,
    audit: Audit,
    namespace: str,
    kubeconfig: Path,
    *,
    hostile: Callable[[Api, str], object],
    reasons: set[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(LIMITS, Bound.CONFIGS, 5)
    ordinary = new_namespace(api)
    api.make_pod(ordinary, "web")
    make_config(api, ordinary)
    hostile(api, namespace)
    mark = audit.mark()
    run = sync(kubeconfig, ordinary, namespace)
    assert failed_reasons(run) == reasons
    assert run.code == 3
    assert exit_code(run.report, tolerate_object_failures=True) == 0
    assert names(api, ordinary) == [NAME]
    assert condition(status_of(api, ordinary))["status"] == "True"
    # What cannot succeed is sent once.
    writes = [
        (each.verb, each.resource, each.code)
        for each in audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
        if each.verb in {"create", "patch", "delete"}
    ]
    assert len(set(writes)) == len(writes)
    assert sync(kubeconfig, ordinary, namespace).code == 3


def test_a_namespace_that_is_terminating_in_the_middle_of_a_run_is_skipped(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: a create that is refused for it is an intended skip."""
    ordinary = new_namespace(api)
    for place in (namespace, ordinary):
        api.make_pod(place, "web")
        make_config(api, place)
    with control_plane.controllers_paused():  # which would empty it meanwhile
        interfere = meddling(namespace, "create", lambda: api.delete("Namespace", None, namespace))
        run = sync(kubeconfig, ordinary, namespace, interfere=interfere)
        came_to = {
            each.change.namespaced_name.namespace: (str(each.result), str(each.reason))
            for each in run.report.outcomes
        }
        assert came_to == {
            namespace: ("skipped", "NamespaceTerminating"),
            ordinary: ("created", "Missing"),
        }
        assert run.code == 0
        assert condition(status_of(api, ordinary))["status"] == "True"


def hanging_webhook(namespace: str, port: int, timeout: int) -> Object:
    """Asked about each new ConfigMap of one namespace."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"hangs-{namespace}"},
        "webhooks": [
            {
                "name": "hangs.example.com",
                "clientConfig": {"url": f"https://127.0.0.1:{port}/"},
                "rules": [rule | {"resources": ["configmaps"]}],
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "timeoutSeconds": timeout,
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }


def test_a_webhook_that_hangs_in_one_namespace_holds_up_no_other(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    ordinary = new_namespace(api)
    for place, count in ((namespace, 6), (ordinary, 10)):
        make_config(api, place)
        for number in range(count):
            api.make_pod(place, f"web-{number}")
    # It takes connections, and never says a word.
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        port = server.getsockname()[1]
        assert api.request("POST", WEBHOOKS, hanging_webhook(namespace, port, 5))[0] == 201
        try:
            probe = config_map(namespace, "probe", {})
            # It is in force a moment later. The webhook's own timeout ends the request: at the end
            # of a request's timeout, the API server may cut the connection instead of answering.
            path = f"{path_of('ConfigMap', namespace)}?dryRun=All"
            api.wait_for(lambda: api.request("POST", path, probe)[0] >= 500)
            mark = audit.mark()
            run = sync(kubeconfig, namespace, ordinary)
        finally:
            api.request("DELETE", f"{WEBHOOKS}/hangs-{namespace}")
    assert failed_reasons(run) == {"WebhookFailed"}
    assert run.code == 3
    assert exit_code(run.report, tolerate_object_failures=True) == 0
    assert len(names(api, ordinary)) == 10
    assert names(api, namespace) == []

    def answered(place: str) -> list[str]:
        events = audit.since(mark, namespace=place, user_agent="podcm-sync/")
        return [each.answered for each in events if each.verb in {"create", "patch"}]

    # Its ConfigMaps, status and Event all come before the webhook has first timed out.
    assert max(answered(ordinary)) < min(answered(namespace))


def test_a_config_with_the_largest_spec_that_the_crd_takes_is_read(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web")
    values = [f"{'v' * 50}{number:05}" for number in range(1_000)]
    selector = [
        {"key": f"k{number}", "operator": "NotIn", "values": values} for number in range(64)
    ]
    spec = {"podSelector": {"matchExpressions": selector}}
    status, _ = api.request("POST", path_of(KIND, namespace), pcmc(spec, namespace, "mine"))
    assert sync(kubeconfig).code == 0
    assert names(api, namespace) == ([NAME] if status == 201 else [])


def test_a_namespace_with_many_writes_due_does_not_hold_up_a_loop(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """1,100 ConfigMaps at 50 a second take 22 s; a new Pod elsewhere must not wait for them."""
    large = new_namespace(api)
    for number in range(50):
        api.make_pod(large, f"web-{number}")
    for number in range(22):
        api.create(pcmc({}, large, f"c{number}"))
    make_config(api, namespace)
    options = ("-n", namespace, "-n", large, "--loop", "--interval", "2s", "--qps", "50")
    with command.started(kubeconfig, *options) as loop:
        command.until(lambda: names(api, large), "the large namespace has its turn", 30)
        created = time.monotonic()
        api.make_pod(namespace, "web")
        command.until(lambda: names(api, namespace) == [NAME], "the next run comes", 30)
        waited = time.monotonic() - created
        assert loop.process.poll() is None, loop.stderr
    assert len(names(api, large)) < 1_100, "the large namespace was done first"
    assert waited < 10
