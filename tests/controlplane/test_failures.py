"""Each way in which a config can fail is one condition and one Event, however often it is met.

The ways are the blocking and held-back reasons that can be met on a real API server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.controlplane.accounts import account, kubeconfig_of, without
from tests.controlplane.api import Api, Object
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    INVALID,
    change_config,
    config_map,
    made_for,
    make_config,
)
from tests.controlplane.syncing import meddling, sync
from tests.controlplane.test_events import said

NAME = "pod-web-from-mine-cfg"


@dataclass(frozen=True)
class Failure:
    """How to bring it about, and what a run then says of the config `mine`."""

    reason: str
    plant: Callable[[Api, str], object]
    ready: str = "SomeConfigMapsFailed"
    code: int = 3
    max_prune: tuple[str, ...] = ()
    lacks: tuple[str, str] | None = None
    meddle: Callable[[Api, str], object] = lambda *_: None


def web(api: Api, namespace: str, spec: Object | None = None) -> Object:
    """A Pod, and a config that selects it."""
    make_config(api, namespace, spec=spec)
    return api.make_pod(namespace, "web")


def foreign(api: Api, namespace: str) -> None:
    web(api, namespace)
    api.create(config_map(namespace, NAME, {"my": "own"}))


def name_taken(api: Api, namespace: str) -> None:
    """Pod a + config b-from-mine, and Pod a-from-b + config mine, give one name."""
    make_config(api, namespace, "b-from-mine", {"podSelector": {"matchLabels": {"n": "a"}}})
    api.make_pod(namespace, "a", labels={"n": "a"})
    api.make_pod(namespace, "a-from-b", labels={"n": "b"})
    make_config(api, namespace, "mine", {"podSelector": {"matchLabels": {"n": "b"}}})


def immutable(api: Api, namespace: str) -> None:
    pod = web(api, namespace)
    drifted = config_map(namespace, NAME, {"podName": "old"}, **made_for(pod))
    api.create(drifted | {"immutable": True})


def quota(api: Api, namespace: str) -> None:
    web(api, namespace)
    api.wait_for(lambda: api.get("ConfigMap", namespace, "kube-root-ca.crt"))
    meta = {"namespace": namespace, "name": "few"}
    hard = {"hard": {"configmaps": "1"}}
    api.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": hard})
    api.wait_for(lambda: (api.get("ResourceQuota", namespace, "few") or {})["status"].get("used"))


def too_many_to_prune(api: Api, namespace: str) -> None:
    """What the config made once, and no longer selects."""
    pod = web(api, namespace, {"podSelector": {"matchLabels": {"n": "another"}}})
    api.create(config_map(namespace, NAME, {}, **made_for(pod)))


def drifted(api: Api, namespace: str) -> None:
    pod = web(api, namespace)
    api.create(config_map(namespace, NAME, {}, **made_for(pod)))


def touch(api: Api, namespace: str) -> None:
    """Somebody else writes the ConfigMap, each time just before we do."""
    found = api.get("ConfigMap", namespace, NAME) or {}
    count = len(found["metadata"].get("annotations") or {})
    patch = {"metadata": {"annotations": {f"touched-{count}": "x"}}}
    api.patch("ConfigMap", namespace, NAME, patch)


def templated(*sources: str) -> Callable[[Api, str], object]:
    templates = dict(zip("ab", sources, strict=False))
    return lambda api, namespace: web(api, namespace, {"configMapDataTemplate": templates})


FAILURES = [
    Failure("Foreign", foreign),
    Failure("NameTaken", name_taken),
    Failure("Immutable", immutable),
    Failure("TooLarge", templated(*['{{ repeat 530000 "x" }}'] * 2)),
    Failure("TemplateFailed", templated('{{ fail "not today" }}')),
    Failure("QuotaExceeded", quota),
    Failure("Forbidden", web, lacks=("create", "configmaps")),
    Failure("Conflict", drifted, meddle=touch),
    Failure("InvalidSpec", lambda api, ns: web(api, ns, INVALID), ready="InvalidSpec"),
    Failure("PruneBlocked", too_many_to_prune, ready="PruneBlocked", code=4, max_prune=("0",)),
]


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.reason)
def test_a_failure_is_one_condition_and_one_event(
    *,
    api: Api,
    control_plane: ControlPlane,
    namespace: str,
    kubeconfig: Path,
    tmp_path: Path,
    failure: Failure,
) -> None:
    failure.plant(api, namespace)
    if failure.lacks:
        token = account(api, namespace, without(*failure.lacks))
        kubeconfig = kubeconfig_of(control_plane, tmp_path, namespace, token)
    for _ in range(3):
        run = sync(
            kubeconfig,
            max_prune=failure.max_prune,
            interfere=meddling(namespace, "update", lambda: failure.meddle(api, namespace), 3),
        )
        assert run.code == failure.code
        met = {str(each.reason) for each in run.report.outcomes}
        met |= {str(each.reason) for each in run.report.problems}
        assert failure.reason in met
        config = api.get(KIND, namespace, "mine")
        assert config
        conditions = {each["type"]: each for each in config["status"]["conditions"]}
        assert len(conditions) == len(config["status"]["conditions"])
        false = [each["reason"] for each in conditions.values() if each["status"] == "False"]
        assert false == [failure.ready]
        assert conditions.keys() - {"Ready"} <= {"Stalled"}
        assert said(api, namespace) == [("Warning", failure.ready)]


def test_the_change_from_one_reason_to_another_of_a_kind_is_no_new_failure(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """Foreign, then TemplateFailed: both are SomeConfigMapsFailed, and the message says which."""
    foreign(api, namespace)
    sync(kubeconfig)
    change_config(api, namespace, {"configMapDataTemplate": {"k": '{{ fail "no" }}'}})
    run = sync(kubeconfig)
    assert {str(each.reason) for each in run.report.outcomes} == {"TemplateFailed"}
    assert said(api, namespace) == [("Warning", "SomeConfigMapsFailed")]
