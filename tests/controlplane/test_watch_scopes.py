"""Watching loops of one namespace, of several, and of shards; namespaces that come and go (§10)."""

import time
from functools import partial
from pathlib import Path

import pytest

from podcm_sync.reconcile.snapshot import Shard, is_in
from tests.command import until
from tests.controlplane import own
from tests.controlplane.accounts import GROUPS, LEAST, account, kubeconfig_of
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.loops import (
    QUIET,
    TOOL,
    Requests,
    wait_for_counts,
    wait_for_data,
    watching,
)
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    change_config,
    condition,
    make_config,
    names,
    selecting,
    settle,
    status_of,
)
from tests.observability.running import looping

control_plane, api, deletions = own.control_plane, own.api, own.deletions
ADMINS = "system:masters"
WRITES = {"create", "patch", "delete"}


@pytest.fixture
def config(control_plane: ControlPlane, tmp_path: Path) -> Path:
    """A kubeconfig of the admin, whose namespace is none of the tests'."""
    return control_plane.kubeconfig(tmp_path / "admins")


def go_through(api: Api, namespace: str) -> None:
    """One of each: a Pod comes, changes, leaves the selector, comes back, and is deleted."""
    api.make_pod(namespace, "web", labels={"app": "web", "v": "1"})
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": "2"}}})
    wait_for_data(api, namespace, "label_v", "2")
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "other"}}})
    wait_for_counts(api, namespace, matched=0, config_maps=0)
    api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "web"}}})
    wait_for_counts(api, namespace, matched=1, config_maps=1)
    settle(api, namespace, "web")
    wait_for_counts(api, namespace, matched=0, config_maps=0)
    change_config(api, namespace, {"suspend": True})


def configured(api: Api, name: str = "") -> str:
    """A new namespace with a config."""
    namespace = new_namespace(api, name)
    make_config(api, namespace, spec=selecting(app="web") | {"labelsToInclude": ["v"]})
    return namespace


def test_named_namespaces_are_watched_each_and_nothing_else_is_asked_for(
    api: Api, audit: Audit, config: Path
) -> None:
    namespaces, other = [configured(api) for _ in range(2)], configured(api)
    scope = [word for namespace in namespaces for word in ("-n", namespace)]
    mark = audit.mark()
    with watching(config, *scope) as loop:
        assert loop.total("podcm_sync_watches") == 6
        requests = [Requests(audit, namespace) for namespace in namespaces]
        api.make_pod(other, "web", labels={"app": "web"})
        for namespace in namespaces:
            go_through(api, namespace)
        assert [each.lists() for each in requests] == [[], []]
        assert loop.full_runs == 1
    asked = audit.since(mark, user_agent=TOOL)
    assert {each.namespace for each in asked if each.resource} == set(namespaces)
    assert names(api, other) == []


def test_two_shards_share_the_namespaces_and_neither_lists_again(
    api: Api, audit: Audit, config: Path
) -> None:
    """Each impersonates a user, so that the audit log tells them apart."""
    shards = [Shard(index=index, count=2) for index in range(2)]
    candidates = [f"sharded-{number}" for number in range(8)]
    of_shard = [
        configured(api, next(each for each in candidates if is_in(each, shard))) for shard in shards
    ]
    words = [
        ("-A", "--shard", str(shard), "--as", f"shard-{shard.index}", "--as-group", ADMINS)
        for shard in shards
    ]
    with watching(config, *words[0]), watching(config, *words[1]):
        mark = audit.mark()
        for namespace in of_shard:
            go_through(api, namespace)
        asked = audit.since(mark, user_agent=TOOL)
    for shard, namespace in zip(shards, of_shard, strict=True):
        own_requests = [each for each in asked if each.impersonated == f"shard-{shard.index}"]
        written = {each.namespace for each in own_requests if each.verb in WRITES}
        assert written == {namespace}
        assert [each.uri for each in own_requests if each.verb == "list"] == []


def test_a_namespace_that_is_made_later_is_synced_at_once(
    api: Api, audit: Audit, config: Path
) -> None:
    with watching(config, "-n", "comes-later") as loop:
        requests = Requests(audit, "comes-later")
        configured(api, "comes-later")
        go_through(api, "comes-later")
        assert requests.lists() == []
        assert "warning" not in loop.process.stderr


def test_a_namespace_that_is_deleted_causes_no_lasting_errors(
    api: Api, audit: Audit, config: Path
) -> None:
    namespace = configured(api)
    with watching(config, "-n", namespace) as loop:
        for number in range(5):
            api.make_pod(namespace, f"p{number}", labels={"app": "web"})
        wait_for_counts(api, namespace, matched=5, config_maps=5)
        api.delete("Namespace", None, namespace)
        api.wait_for(lambda: api.get("Namespace", None, namespace) is None)
        time.sleep(QUIET * 3)
        requests = Requests(audit, namespace)
        until(lambda: loop.value("podcm_sync_watch_queue") == 0, "nothing is due")
        time.sleep(QUIET)
        assert requests.all() == []
        assert "warning" not in loop.process.stderr
        configured(api, namespace)
        api.make_pod(namespace, "web", labels={"app": "web"})
        wait_for_counts(api, namespace, matched=1, config_maps=1)


def test_a_loop_that_may_not_watch_syncs_each_interval_and_watches_once_it_may(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    make_config(api, namespace, spec={"labelsToInclude": ["v"]})
    token = account(api, namespace, LEAST)
    config = kubeconfig_of(control_plane, tmp_path, namespace, token)
    with looping(config, "--watch", interval="2s") as loop:
        for name in ("web", "api"):
            api.make_pod(namespace, name)
            api.wait_for(partial(api.get, "ConfigMap", namespace, f"pod-{name}-from-mine-cfg"))
        until(lambda: loop.value("podcm_sync_watches_open", resource="pods") == 0, "it says so")
        warnings = [line for line in loop.process.stderr.splitlines() if "warning" in line]
        assert len(warnings) == 3, loop.process.stderr
        assert all("cannot watch" in line and "watch" in line for line in warnings)
        api.patch("Role", namespace, "tested", {"rules": rules("get", "watch")})
        until(lambda: loop.process.stderr.count("open again") == 3, "it watches")
        patched = time.monotonic()
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"v": "1"}}})
        wait_for_data(api, namespace, "label_v", "1")
        assert time.monotonic() - patched < 1
        after = [line for line in loop.process.stderr.splitlines() if "warning" in line]
        assert after == warnings


def ready(api: Api, namespace: str) -> Object:
    return condition(status_of(api, namespace))


def rules(*verbs: str) -> list[Object]:
    """Those of a run, and more verbs on all that it lists."""
    return [
        {
            "apiGroups": [GROUPS.get(resource, "")],
            "resources": [resource],
            "verbs": [*least, *verbs] if "list" in least else least,
        }
        for resource, least in LEAST.items()
    ]


def test_without_the_permission_to_get_passes_delete_nothing_and_the_status_shows_why(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    token = account(api, namespace, LEAST)
    api.patch("Role", namespace, "tested", {"rules": rules("watch")})
    make_config(api, namespace, spec=selecting(app="web"))
    api.make_pod(namespace, "web", labels={"app": "web"})
    config = kubeconfig_of(control_plane, tmp_path, namespace, token)
    with looping(config, "--watch", interval="10m"):
        wait_for_counts(api, namespace, matched=1, config_maps=1)
        api.patch("Pod", namespace, "web", {"metadata": {"labels": {"app": "other"}}})
        api.wait_for(lambda: 'cannot get resource "pods"' in ready(api, namespace)["message"])
        assert ready(api, namespace)["status"] == "False"
        assert names(api, namespace) == ["pod-web-from-mine-cfg"]
        api.patch("Role", namespace, "tested", {"rules": rules("get", "watch")})
        paths = [path_of("Pod", namespace, "web"), path_of(KIND, namespace, "mine")]
        api.wait_for(lambda: {api.request("GET", path, token=token)[0] for path in paths} == {200})
        change_config(api, namespace, {"labelsToInclude": ["v"]})
        api.wait_for(lambda: not names(api, namespace))
