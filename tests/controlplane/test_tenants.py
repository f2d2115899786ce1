"""What a tenant can do in one namespace fails there: exit 3, or 0 if tolerated, and never 5.

Spec §7. Each case has an ordinary namespace beside it, which is synced all the same.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from podcm_sync.core.bounds import LIMITS, Bound
from podcm_sync.core.report import exit_code
from podcm_sync.core.status import is_failure
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND, pcmc
from tests.controlplane.failures import policy
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    condition,
    config_map,
    made_for,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import Run, sync

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


def many_configs(api: Api, namespace: str) -> None:
    """More than the bound, which the test has lowered."""
    for number in range(8):
        make_config(api, namespace, f"c{number}")


CASES = [
    pytest.param(labelled_config_map, {"TooLarge"}, id="labelled ConfigMap"),
    pytest.param(full_config, {"TooLarge"}, id="full config"),
    pytest.param(no_events, {"QuotaExceeded"}, id="no Events"),
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
