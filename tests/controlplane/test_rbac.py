"""The rules that `podcm-sync rbac` prints are those that runs use: no more, no less (§9).

For every combination of options that changes them, what is printed is applied to an account of its
own, which then creates, updates, deletes, loses an answer and meets a failure. As -A is every
namespace there is, these tests have a control plane of their own.
"""

import json
import re
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests import command
from tests.chaos.proxy import Forward, Handler, Proxy
from tests.chaos.rules import Observed, Reply
from tests.command import started, until
from tests.controlplane import own
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.crd_objects import KIND
from tests.controlplane.deploy_files import DEPLOY, DEPLOYMENT
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import config_map, made_for, make_config, names

DISCOVERY = "/apis/podconfig.example.com/v1alpha1"
ACCOUNT = "tested"
Rights = set[tuple[str, str, str]]


@dataclass(frozen=True)
class Case:
    """Options that `rbac` and a run have in common; and what the run needs besides."""

    is_all: bool
    texts: tuple[str, ...]

    def scope(self, namespace: str) -> tuple[str, ...]:
        return ("-A",) if self.is_all else ("-n", namespace)

    def options(self, namespace: str) -> tuple[str, ...]:
        return tuple(each.format(namespace=namespace) for each in self.texts)

    @property
    def writes(self) -> bool:
        return "--dry-run" not in self.texts

    @property
    def events(self) -> bool:
        return self.writes and "--no-events" not in self.texts

    @property
    def leads(self) -> bool:
        return "--leader-elect" in self.texts

    @property
    def watches(self) -> bool:
        return "--watch" in self.texts

    def lease(self, namespace: str) -> tuple[str, str]:
        """The Lease's namespace and name."""
        if "--lease-namespace=kube-public" in self.texts:
            return "kube-public", f"of-{namespace}"
        return namespace, "podcm-sync"


# No Lease yet counts as one that is held for its whole duration.
LOOP = ("--loop", "--interval=1h", "--output=json")
SHORT = ("--lease-duration=2s", "--renew-deadline=1300ms", "--retry-period=400ms")
CASES = [
    pytest.param(Case(is_all, texts), id=" ".join(("-A" if is_all else "-n", *texts)))
    for is_all in (False, True)
    for texts in (
        (),
        ("--events",),
        ("--no-events",),
        ("--dry-run",),
        ("--dry-run", "--no-events"),
        ("--leader-elect",),
        ("--leader-elect", "--no-events"),
        ("--leader-elect", "--lease-namespace=kube-public", "--lease-name=of-{namespace}"),
        ("--watch",),
        ("--watch", "--leader-elect"),
    )
]


control_plane, api, deletions = own.control_plane, own.api, own.deletions


@pytest.fixture
def work(api: Api, namespace: str) -> None:
    """One ConfigMap to create, one to update, one to delete, and one whose name is taken."""
    pods = [api.make_pod(namespace, name) for name in ("new", "web", "taken")]
    make_config(api, namespace)
    api.create(config_map(namespace, "pod-web-from-mine-cfg", {"a": "b"}, **made_for(pods[1])))
    gone = made_for({"metadata": {"name": "gone", "uid": "0-0"}}, "gone")["labels"]
    api.create(config_map(namespace, "pod-gone-from-gone-cfg", {}, labels=gone))
    api.create(config_map(namespace, "pod-taken-from-mine-cfg", {"my": "own"}))


def printed(*arguments: str) -> str:
    done = command.run("rbac", *arguments, kubeconfig=None)
    assert done.code == 0, done.stderr
    return done.stdout


def rules_of(text: str) -> Rights:
    """(group, resource, verb) of each rule of the Roles in it."""
    found = [each for each in yaml.safe_load_all(text) if each["kind"] in {"Role", "ClusterRole"}]
    assert found
    return {
        (group, resource, verb)
        for role in found
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def granted(
    plane: ControlPlane, api: Api, namespace: str, kubeconfig: Path, case: Case
) -> tuple[str, Rights]:
    """What is printed, applied by kubectl; the account's token, and the rights."""
    account = {"namespace": namespace, "name": ACCOUNT}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account})
    text = printed(
        *case.scope(namespace),
        *case.options(namespace),
        f"--name=podcm-sync-{namespace}",
        f"--bind={namespace}:{ACCOUNT}",
    )
    plane.kubectl(kubeconfig, "apply", "-f", "-", stdin=text)
    token = api.service_account_token(namespace, ACCOUNT)
    where = None if case.is_all else namespace
    api.wait_for(lambda: api.request("GET", path_of("Pod", where), token=token)[0] == 200)
    if case.watches:  # a Role of its own
        api.wait_for(lambda: may_watch(api, where, token))
    if case.leads:
        lease = path_of("Lease", *case.lease(namespace))
        api.wait_for(lambda: api.request("GET", lease, token=token)[0] == 404)
    return token, rules_of(text)


def may_watch(api: Api, namespace: str | None, token: str) -> bool:
    version = "authorization.k8s.io/v1"
    asked = {"verb": "watch", "resource": "pods", "namespace": namespace or ""}
    review = {
        "apiVersion": version,
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    path = f"/apis/{version}/selfsubjectaccessreviews"
    status, answer = api.request("POST", path, review, token=token)
    assert status == 201, answer
    return bool(answer["status"]["allowed"])


def losing_the_first_create() -> Handler:
    lost: list[Observed] = []

    def fault(request: Observed, forward: Forward) -> Reply | None:
        reply = forward()
        if request.method == "POST" and request.path.endswith("configmaps") and not lost:
            lost.append(request)
            return None
        return reply

    return fault


def loop_for_one_run(api: Api, namespace: str, kubeconfig: Path, case: Case, *words: str) -> None:
    """A loop that takes the lead or watches, syncs once, and is asked to end.

    If it watches, a config comes and goes first.
    """
    short = SHORT if case.leads else ()
    with started(kubeconfig, *words, *LOOP, *short) as running:

        def is_done() -> bool:
            is_watching = "watching Pods" in running.stderr
            return "\n" in running.stdout and is_watching == case.watches

        until(lambda: is_done() or running.process.poll() is not None, "a run")
        if case.watches:
            of_brief = "pod-new-from-brief-cfg"
            make_config(api, namespace, "brief")
            until(lambda: of_brief in names(api, namespace), "it is created")
            api.delete(KIND, namespace, "brief")
            until(lambda: of_brief not in names(api, namespace), "it is deleted")
        running.signal(signal.SIGTERM)
        ended = running.end()
    assert ended.code == 128 + signal.SIGTERM, ended.stderr
    assert ended.report["exitCode"] == 3  # the name that is taken, and nothing else
    assert ("released the lease" in ended.stderr) == case.leads
    assert "warning" not in ended.stderr


def used(events: list[AuditEvent]) -> Rights:
    return {
        (each.group, "/".join(filter(None, (each.resource, each.subresource))), each.verb)
        for each in events
        if each.resource
    }


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize("case", CASES)
def test_the_rights_that_are_printed_are_those_that_are_used(
    *,
    api: Api,
    control_plane: ControlPlane,
    audit: Audit,
    namespace: str,
    kubeconfig: Path,
    tmp_path: Path,
    case: Case,
) -> None:
    token, rights = granted(control_plane, api, namespace, kubeconfig, case)
    mark = audit.mark()
    with Proxy(control_plane, handler=losing_the_first_create()) as proxy:
        path = control_plane.kubeconfig(
            tmp_path / "proxied", token=token, namespace=namespace, server=proxy.url
        )
        words = (*case.scope(namespace), *case.options(namespace))
        if case.leads or case.watches:
            loop_for_one_run(api, namespace, path, case, *words)
        else:
            done = command.run(*words, kubeconfig=path)
            assert done.code == 3, done.stdout + done.stderr  # the name that is taken, no more
            assert "warning" not in done.stderr

    events = audit.since(mark, user=f"system:serviceaccount:{namespace}:{ACCOUNT}")
    assert used(events) == rights
    assert {each.uri for each in events if not each.resource} <= {DISCOVERY}
    of_lease = [each for each in events if each.resource == "leases"]
    # A create has no name in the log. There is no Lease at first.
    places = {(each.namespace, each.name) for each in of_lease if each.verb != "create"}
    assert places == ({case.lease(namespace)} if case.leads else set())
    # Passes can do the same as a full run beside them, find names that others have, and look at a
    # config that is gone.
    looks = {("pods", "get"), ("podconfigmapconfigs", "get")}
    refused = [
        each.code
        for each in events
        if each.code >= 400
        and not (case.watches and (each.code == 409 or (each.resource, each.verb) in looks))
    ]
    assert refused == ([404] if case.leads else [])
    told = [each for each in events if (each.resource, each.namespace) == ("events", namespace)]
    assert len(told) == case.events
    made = {"pod-new-from-mine-cfg"} if case.writes else {"pod-gone-from-gone-cfg"}
    kept = {"pod-taken-from-mine-cfg", "pod-web-from-mine-cfg"}
    assert set(names(api, namespace)) == kept | made


def test_each_option_changes_the_rights_as_it_says() -> None:
    """So that equal sets above are not equal for being empty; the words are behavior.md §9's."""
    lists = {
        ("", "pods", "list"),
        ("", "configmaps", "list"),
        ("podconfig.example.com", "podconfigmapconfigs", "list"),
    }
    writes = {("", "configmaps", verb) for verb in ("get", "create", "patch", "delete")}
    writes.add(("podconfig.example.com", "podconfigmapconfigs/status", "patch"))
    event = {("events.k8s.io", "events", "create")}
    lease = {("coordination.k8s.io", "leases", verb) for verb in ("create", "get", "patch")}
    assert rules_of(printed("-A", "--dry-run")) == lists
    assert rules_of(printed("-A", "--no-events")) == lists | writes
    assert rules_of(printed("-A")) == lists | writes | event
    assert rules_of(printed("-A", "--leader-elect")) == lists | writes | event | lease
    watches = {(group, resource, "watch") for group, resource, _ in lists}
    looks = {(group, resource, "get") for group, resource, _ in lists}
    assert rules_of(printed("-A", "--watch")) == lists | writes | event | watches | looks


def roles_of(text: str) -> dict[tuple[str, str], list[Object]]:
    """The rules of each Role and ClusterRole in it, by kind and name, in an order of their own."""
    return {
        (each["kind"], each["metadata"]["name"]): sorted(
            ({key: sorted(value) for key, value in rule.items()} for rule in each["rules"]),
            key=lambda rule: json.dumps(rule, sort_keys=True),
        )
        for each in yaml.safe_load_all(text)
        if each and each["kind"] in {"Role", "ClusterRole"}
    }


@pytest.mark.parametrize(
    "file", [*sorted(DEPLOY.glob("*.yaml")), DEPLOY / DEPLOYMENT], ids=lambda file: file.name
)
def test_every_role_that_ships_is_one_that_is_printed(file: Path) -> None:
    """Of the defaults, of --leader-elect, and of --watch."""
    made = roles_of(printed("-A", "--watch", "--leader-elect")) | roles_of(printed())
    shipped = roles_of(file.read_text(encoding="utf-8"))
    assert shipped == {key: made[key] for key in shipped}
    assert bool(shipped) == bool(
        re.search("^kind: (Cluster)?Role$", file.read_text(), re.MULTILINE)
    )


def test_both_formats_are_one() -> None:
    """Also for names that YAML would take for a number or for false."""
    options = ("-n", "shop", "-n", "1e3", "-n", "no", "--leader-elect", "--bind", "a:b")
    as_json = yaml.safe_load(printed(*options, "-o", "json"))
    assert as_json["kind"] == "List"
    assert as_json["items"] == list(yaml.safe_load_all(printed(*options)))
    kinds = [(each["kind"], each["metadata"].get("namespace")) for each in as_json["items"]]
    roles = ["shop", "1e3", "no", None]
    assert kinds == [(kind, where) for where in roles for kind in ("Role", "RoleBinding")]
