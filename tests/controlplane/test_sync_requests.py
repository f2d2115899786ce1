"""What podcm-sync asks the API server for, as the server's own audit log has it (§2, §9)."""

from pathlib import Path

import pytest

from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane.accounts import LEAST, LISTS, account, kubeconfig_of
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    all_config_maps,
    condition,
    config_map,
    generated,
    made_for,
    make_config,
    names,
    status_of,
)
from tests.controlplane.syncing import NoWaiting, sync

DISCOVERY = "/apis/podconfig.example.com/v1alpha1"


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    """One ConfigMap to create, one to update, one to delete."""
    pods = [api.make_pod(namespace, name) for name in ("new", "web")]
    make_config(api, namespace)
    api.create(config_map(namespace, "pod-web-from-mine-cfg", {"a": "b"}, **made_for(pods[1])))
    gone = made_for({"metadata": {"name": "gone", "uid": "0-0"}}, "gone")["labels"]
    api.create(config_map(namespace, "pod-gone-from-gone-cfg", {}, labels=gone))


def asked(events: list[AuditEvent]) -> dict[str, set[str]]:
    """Resource → verbs; discovery, which every identity may do, is left out."""
    found: dict[str, set[str]] = {}
    for event in events:
        resource = "/".join(filter(None, (event.resource, event.subresource)))
        if resource or event.uri != DISCOVERY:
            found.setdefault(resource, set()).add(event.verb)
    return found


@pytest.mark.usefixtures("work")
def test_a_second_run_only_lists(api: Api, audit: Audit, namespace: str, kubeconfig: Path) -> None:
    """behavior.md §2: a second run right after a successful one writes nothing at all."""
    assert sync(kubeconfig).counts == {"created": 1, "deleted": 1, "updated": 1}
    before = all_config_maps(api, namespace), status_of(api, namespace)
    mark = audit.mark()

    done = command.run(kubeconfig=kubeconfig)

    assert done.code == 0
    events = audit.since(mark, user_agent="podcm-sync/")
    seen = [(event.verb, event.resource, event.namespace) for event in events]
    assert seen == [
        ("list", "configmaps", namespace),
        ("list", "podconfigmapconfigs", namespace),
        ("list", "pods", namespace),
    ]
    assert (all_config_maps(api, namespace), status_of(api, namespace)) == before


@pytest.mark.usefixtures("work")
def test_the_verbs_used_are_the_least_rights_and_each_of_them(
    api: Api, control_plane: ControlPlane, audit: Audit, namespace: str, tmp_path: Path
) -> None:
    """§9: over runs that include a lost answer, exactly these verbs; and they suffice."""
    token = account(api, namespace, LEAST)
    lost: list[Observed] = []

    def fault(request: Observed, forward: Forward) -> Reply | None:
        reply = forward()
        if request.method == "POST" and not lost:
            lost.append(request)
            return None
        return reply

    mark = audit.mark()
    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(
            tmp_path / "proxied", token=token, namespace=namespace, server=proxy.url
        )
        run = sync(path, context=NoWaiting())

    assert (run.counts, run.code) == ({"created": 1, "deleted": 1, "updated": 1}, 0)
    events = audit.since(mark, user=f"system:serviceaccount:{namespace}:tested")
    # Nothing fails here, so there is no Event: test_rbac has those too.
    used = LEAST.keys() - {"events"}
    assert asked(events) == {resource: set(LEAST[resource]) for resource in used}
    assert {event.namespace for event in events if event.resource} == {namespace}
    assert all(event.user_agent.startswith("podcm-sync/") for event in events)
    assert all(event.code < 300 for event in events)


@pytest.mark.usefixtures("work")
def test_a_dry_run_needs_only_the_right_to_list(
    api: Api, control_plane: ControlPlane, audit: Audit, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §9: it shows all it would do, and asks for nothing but lists."""
    path = kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, LISTS))
    mark = audit.mark()
    done = command.run("--dry-run", kubeconfig=path)
    assert done.code == 0, done.stderr
    assert "1 to create, 1 to update, 1 to delete" in done.stdout
    events = audit.since(mark, user=f"system:serviceaccount:{namespace}:tested")
    assert asked(events) == {resource: {"list"} for resource in LISTS}
    assert all(event.code == 200 for event in events)


def test_a_name_that_is_taken_is_found_by_a_list_of_metadata_alone(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """behavior.md §2: PartialObjectMetadata, so that no other's data is ever read."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    api.create(config_map(namespace, "pod-web-from-mine-cfg", {"secret": "hands off"}))
    answers: list[tuple[Observed, Reply]] = []

    def noting(request: Observed, forward: Forward) -> Reply:
        reply = forward()
        answers.append((request, reply))
        return reply

    with Proxy(control_plane, handler=noting) as proxy:
        path = tmp_path / "proxied"
        control_plane.kubeconfig(path, namespace=namespace, server=proxy.url)
        run = sync(path)
    assert list(run.came_to.values()) == [("skipped", "Foreign")]
    of_names = [r for r, _ in answers if "PartialObjectMetadata" in r.headers["accept"]]
    assert [request.path for request in of_names] == [f"/api/v1/namespaces/{namespace}/configmaps"]
    assert all(b"hands off" not in reply.body for _, reply in answers)


@pytest.mark.usefixtures("work")
def test_impersonation_is_the_servers_business(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §7: --as, as kubectl has it: the server judges the other's rights."""
    account(api, namespace, LEAST)
    user = f"system:serviceaccount:{namespace}:tested"
    mark = audit.mark()
    done = command.run("--as", user, kubeconfig=kubeconfig)
    assert done.code == 0, done.stderr
    ours = audit.since(mark, user_agent="podcm-sync/")
    assert {event.impersonated for event in ours} == {user}
    assert names(api, namespace) == ["pod-new-from-mine-cfg", "pod-web-from-mine-cfg"]
    assert generated(api, namespace)["data"]["podName"] == "web"
    assert condition(status_of(api, namespace))["reason"] == "Synced"
