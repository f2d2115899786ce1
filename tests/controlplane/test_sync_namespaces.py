"""Namespaces that refuse what is asked: terminating ones, and ones with a quota (§3)."""

import uuid
from pathlib import Path

from tests.controlplane.accounts import account, kubeconfig_of, without
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    condition,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import sync

NAME = "pod-web-from-mine-cfg"


def test_a_terminating_namespace_refuses_creates_and_that_is_no_failure(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: an intended skip, exit 0; what is there is still updated and deleted."""
    api.make_pod(namespace, "new")
    pod = api.make_pod(namespace, "web")
    make_config(api, namespace)
    api.create(config_map(namespace, NAME, {"a": "b"}, **made_for(pod)))
    labels = made_for(pod, "gone")["labels"]
    api.create(config_map(namespace, "pod-web-from-gone-cfg", {}, labels=labels))
    with control_plane.controllers_paused():  # which would empty it meanwhile
        api.delete("Namespace", None, namespace)
        run = sync(kubeconfig)
        assert run.came_to == {
            "pod-new-from-mine-cfg": ("skipped", "NamespaceTerminating"),
            "pod-web-from-gone-cfg": ("deleted", "ConfigGone"),
            NAME: ("updated", "OutOfSync"),
        }
        assert run.code == 0
        assert names(api, namespace) == [NAME]
        assert condition(status_of(api, namespace))["status"] == "True"


def test_a_namespace_that_is_not_there_is_empty(api: Api, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §2: its lists are 200 and empty: nothing to do."""
    run = sync(kubeconfig, f"t-{uuid.uuid4().hex[:8]}")
    assert (run.came_to, run.code) == ({}, 0)


def test_a_quota_is_told_apart_from_missing_rights(
    api: Api, control_plane: ControlPlane, namespace: str, kubeconfig: Path, tmp_path: Path
) -> None:
    """behavior.md §3: both are 403 and fail the object, exit 3; the reasons say which it was."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    # It counts the one that every namespace has.
    api.wait_for(lambda: api.get("ConfigMap", namespace, "kube-root-ca.crt"))
    meta = {"namespace": namespace, "name": "few"}
    hard = {"hard": {"configmaps": "1"}}
    api.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": hard})
    api.wait_for(lambda: (api.get("ResourceQuota", namespace, "few") or {})["status"].get("used"))

    run = sync(kubeconfig)

    assert (run.came_to, run.code) == ({NAME: ("failed", "QuotaExceeded")}, 3)
    ready = condition(status_of(api, namespace))
    assert (ready["status"], ready["reason"]) == ("False", "SomeConfigMapsFailed")
    assert ready["message"].startswith("QuotaExceeded: ")
    assert NAME in ready["message"]
    assert "observedGeneration" not in status_of(api, namespace)

    token = account(api, namespace, without("create", "configmaps"))
    run = sync(kubeconfig_of(control_plane, tmp_path, namespace, token))
    assert (run.came_to, run.code) == ({NAME: ("failed", "Forbidden")}, 3)
    message = condition(status_of(api, namespace))["message"]
    assert message.startswith("Forbidden: ")
    assert NAME in message

    api.delete("ResourceQuota", namespace, "few")
    assert sync(kubeconfig).code == 0
    assert generated(api, namespace)["data"]["podName"] == "web"
