"""What `doctor` says of a real cluster: each thing that can be wrong is planted, and found alone.

The CRD is changed and taken away here, so these tests have a control plane of their own.
"""

import copy
import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import command
from tests.chaos.proxy import Forward, Proxy
from tests.chaos.rules import Observed, Reply
from tests.controlplane import own
from tests.controlplane.accounts import (
    LEAST,
    LISTS,
    account,
    kubeconfig_of,
    with_server,
    with_user,
    without,
)
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.deploy_files import DEPLOY, DEPLOYMENT, document
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import CRD, new_namespace
from tests.controlplane.sync_objects import (
    FINALIZER,
    INVALID,
    PRUNE,
    change_config,
    config_map,
    generated,
    made_for,
    make_config,
    selecting,
)
from tests.controlplane.syncing import sync
from tests.documents import DIAGNOSIS, valid_by

POLICY = DEPLOY / "admission-policy.yaml"
CRD_NAME = "podconfigmapconfigs.podconfig.example.com"
OPENAPI = "/openapi/v3/apis/podconfig.example.com/v1alpha1"
Checks = dict[str, tuple[str, str]]


control_plane, deletions = own.control_plane, own.deletions


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Api:
    client = Api(control_plane.server, control_plane.ca_file, control_plane.admin_token)
    client.apply_crd(CRD)
    client.apply_yaml(POLICY)
    published(client, lambda text: "suspend" in text)
    return client


@pytest.fixture
def shipped() -> Object:
    """The CRD as it ships."""
    found: Object = yaml.safe_load(CRD.read_text())
    return found


@pytest.fixture
def another_crd(api: Api, shipped: Object) -> Iterator[Callable[[Object, str], None]]:
    """Puts another CRD in place until the test ends; a word tells when its schema is published."""

    def put(crd: Object) -> None:
        stored = api.get("CustomResourceDefinition", None, CRD_NAME)
        assert stored
        version = {"resourceVersion": stored["metadata"]["resourceVersion"]}
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{CRD_NAME}"
        status, answer = api.request("PUT", path, crd | {"metadata": crd["metadata"] | version})
        assert status == 200, answer

    def change(crd: Object, word: str) -> None:
        put(crd)
        published(api, lambda text: bool(re.search(word, text)))

    yield change
    put(copy.deepcopy(shipped))
    published(api, lambda text: "a-field-of-tomorrow" not in text and '"suspend"' in text)


def published(api: Api, is_it: Callable[[str], bool]) -> None:
    """Waits until the server's OpenAPI document is the one expected."""
    api.wait_for(lambda: is_it(json.dumps(api.request("GET", OPENAPI)[1])), timeout=60)


def of(crd: Object) -> Object:
    """The schema in it."""
    found: Object = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return found


def started(*arguments: str, kubeconfig: Path) -> command.Completed:
    # The tests' own cache, so that no engine is compiled for an empty home.
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return command.run(
        *("doctor", f"--kubeconfig={kubeconfig}", *arguments),
        kubeconfig=None,
        env={"XDG_CACHE_HOME": cache},
    )


def doctor(*arguments: str, kubeconfig: Path) -> tuple[int, Checks, dict[str, Any]]:
    """The exit code, name → (level, detail), and name → what to do; by the shipped schema."""
    done = started("-o", "json", *arguments, kubeconfig=kubeconfig)
    assert done.stderr == ""
    document = valid_by(DIAGNOSIS, json.loads(done.stdout))
    assert document["exitCode"] == done.code
    checks = {each["name"]: (each["level"], each["detail"]) for each in document["checks"]}
    assert len(checks) == len(document["checks"])
    return (
        done.code,
        checks,
        {
            check["name"]: "\n".join([*check["commands"], check["action"]]).strip()
            for check in document["checks"]
        },
    )


def wrong(checks: Checks) -> dict[str, str]:
    """What is not as it should be, and how much so; what was not checked aside."""
    return {name: level for name, (level, _) in checks.items() if level not in {"ok", "skip"}}


AsAccount = Callable[[dict[str, list[str]]], Path]


@pytest.fixture
def as_account(api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path) -> AsAccount:
    return lambda rights: kubeconfig_of(
        control_plane, tmp_path, namespace, account(api, namespace, rights)
    )


def test_where_nothing_is_wrong_it_says_so_with_the_least_rights(
    api: Api, audit: Audit, namespace: str, as_account: AsAccount
) -> None:
    """It reads, and creates nothing but reviews of its own access; one line a check."""
    kubeconfig = as_account(LEAST)
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    assert command.run(kubeconfig=kubeconfig).code == 0
    mark = audit.mark()
    done = started(kubeconfig=kubeconfig)
    assert (done.code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith(f"(context test), namespace {namespace}")
    assert lines[-1] == "8 passed, 3 not checked"
    checks = ("server", "credentials", "crd", "schema", "permissions", "clock")
    hidden = ("go-controller", "admission", "workloads")
    assert [tuple(line.split()[:2]) for line in lines[2:-2]] == [
        ("\u2013" if name in hidden else "✔", name)
        for name in (*checks, *hidden, "configs", "configmaps")
    ]
    assert "not checked: no permission to look for the admission policy" in done.stdout
    assert "not checked: no permission to look for its Lease" in done.stdout
    assert f"system:serviceaccount:{namespace}:tested" in done.stdout
    events = audit.since(mark, user=f"system:serviceaccount:{namespace}:tested")
    writes = {(e.verb, e.resource) for e in events if e.verb not in {"get", "list"}}
    assert writes == {
        ("create", "selfsubjectreviews"),
        ("create", "selfsubjectaccessreviews"),
    }


def test_a_cluster_without_the_admission_policy(api: Api, kubeconfig: Path) -> None:
    """Installed it is seen; bound without Deny it counts for nothing."""
    name, kind = "podcm-sync-own-configmaps", "ValidatingAdmissionPolicyBinding"
    assert name in doctor(kubeconfig=kubeconfig)[1]["admission"][1]
    try:
        api.patch(kind, None, name, {"spec": {"validationActions": ["Audit"]}})
        code, checks, actions = doctor(kubeconfig=kubeconfig)
        assert (code, wrong(checks)) == (0, {"admission": "warn"})
        assert "refuses nothing" in checks["admission"][1]
        api.delete(kind, None, name)
        api.delete("ValidatingAdmissionPolicy", None, name)
        code, checks, actions = doctor(kubeconfig=kubeconfig)
    finally:
        api.apply_yaml(POLICY)
    assert (code, wrong(checks)) == (0, {"admission": "warn"})
    assert actions["admission"] == "kubectl apply -f deploy/admission-policy.yaml"


def test_a_second_podcm_sync_is_seen_by_what_its_pods_run(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """Without any of our labels. A suspended one, and one for other namespaces, do no harm."""
    made = {}
    for file, kind in (("cronjob.yaml", "CronJob"), (DEPLOYMENT, "Deployment")):
        obj = document(file, kind)
        obj["metadata"] = {"name": f"a-{kind.lower()}", "namespace": namespace}
        made[kind] = obj
    made["CronJob"]["spec"]["suspend"] = True

    def found() -> tuple[str, str]:
        code, checks, _ = doctor(kubeconfig=kubeconfig)
        assert code == 0
        return checks["workloads"]

    assert found() == ("ok", "no CronJob or Deployment runs podcm-sync")
    for obj in made.values():
        api.create(obj)
    try:
        loop = f"Deployment {namespace}/a-deployment"
        assert found() == ("ok", f"{loop} syncs all namespaces")
        api.patch("CronJob", namespace, "a-cronjob", {"spec": {"suspend": False}})
        both = f"CronJob {namespace}/a-cronjob and {loop} both sync all namespaces"
        assert found() == ("warn", both)
    finally:
        for kind, obj in made.items():
            api.delete(kind, namespace, obj["metadata"]["name"], propagationPolicy="Background")


def test_a_cluster_without_the_crd(api: Api, kubeconfig: Path, shipped: Object) -> None:
    api.delete("CustomResourceDefinition", None, CRD_NAME)
    api.wait_for(lambda: api.get("CustomResourceDefinition", None, CRD_NAME) is None)
    try:
        api.wait_for(lambda: doctor(kubeconfig=kubeconfig)[1]["crd"][0] == "fail")
        code, checks, actions = doctor(kubeconfig=kubeconfig)
    finally:
        api.apply_crd(CRD)
        published(api, lambda text: "suspend" in text)
    assert (code, wrong(checks)) == (3, {"crd": "fail"})
    assert "isn't installed" in checks["crd"][1]
    # Whoever lost the CRD must not let a run delete the ConfigMaps of the lost configs.
    assert "restore them" in actions["crd"]
    assert actions["crd"].startswith("kubectl apply -f crd/podconfigmapconfig_crd.yaml\n")


def test_a_crd_on_its_way_out(api: Api, namespace: str, kubeconfig: Path) -> None:
    make_config(api, namespace)
    api.patch(KIND, namespace, "mine", {"metadata": {"finalizers": [FINALIZER]}})
    api.delete("CustomResourceDefinition", None, CRD_NAME)
    try:
        api.wait_for(lambda: "being removed" in doctor(kubeconfig=kubeconfig)[1]["crd"][1])
        code, checks, actions = doctor(kubeconfig=kubeconfig)
    finally:
        api.patch(KIND, namespace, "mine", {"metadata": {"finalizers": None}})
        api.wait_for(lambda: api.get("CustomResourceDefinition", None, CRD_NAME) is None)
        api.apply_crd(CRD)
        published(api, lambda text: "suspend" in text)
    assert code == 3
    assert checks["crd"][0] == "fail"
    assert "kubectl get pcmc -A -o yaml" in actions["crd"]


def test_the_go_controllers_crd(
    kubeconfig: Path, shipped: Object, another_crd: Callable[[Object, str], None]
) -> None:
    """No status subresource, no suspend, no templates, and of the status one field."""
    crd = copy.deepcopy(shipped)
    del crd["spec"]["versions"][0]["subresources"]
    spec, status = of(crd)["spec"]["properties"], of(crd)["status"]
    del spec["suspend"], spec["configMapDataTemplate"], status["default"]
    status["properties"] = {"observedGeneration": {"type": "integer", "format": "int64"}}
    another_crd(crd, "^((?!matchedPods).)*$")
    code, checks, actions = doctor(kubeconfig=kubeconfig)
    assert code == 3
    assert wrong(checks)["crd"] == wrong(checks)["schema"] == "fail"
    assert "status subresource is off" in checks["crd"][1]
    assert (
        "it lacks spec.configMapDataTemplate, spec.suspend, status.conditions, "
        "status.configMaps and 2 more"
    ) in checks["schema"][1]
    assert actions["schema"] == "kubectl apply -f crd/podconfigmapconfig_crd.yaml"


def test_a_crd_of_tomorrow_and_one_with_other_rules(
    kubeconfig: Path, shipped: Object, another_crd: Callable[[Object, str], None]
) -> None:
    """Both are worth a look, and no reason to stop."""
    crd = copy.deepcopy(shipped)
    of(crd)["spec"]["properties"]["a-field-of-tomorrow"] = {"type": "string"}
    another_crd(crd, "a-field-of-tomorrow")
    code, checks, _ = doctor(kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (0, {"schema": "warn"})
    assert "lacks spec.a-field-of-tomorrow" in checks["schema"][1]

    crd = copy.deepcopy(shipped)
    of(crd)["spec"]["properties"]["labelsToInclude"]["maxItems"] = 63
    another_crd(crd, '"maxItems": 63')
    code, checks, _ = doctor(kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (0, {"schema": "warn"})
    assert checks["schema"][1].endswith("other rules for spec.labelsToInclude")


@pytest.mark.parametrize(
    ("verb", "resource", "said"),
    [
        ("delete", "configmaps", "delete configmaps"),
        (
            "patch",
            "podconfigmapconfigs/status",
            "patch podconfigmapconfigs.podconfig.example.com/status",
        ),
        ("list", "pods", "list pods"),
    ],
)
def test_a_missing_right_is_named_and_the_command_given_mends_it(
    *,
    api: Api,
    control_plane: ControlPlane,
    namespace: str,
    as_account: AsAccount,
    tmp_path: Path,
    verb: str,
    resource: str,
    said: str,
) -> None:
    kubeconfig = as_account(without(verb, resource))
    code, checks, actions = doctor(kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (3, {"permissions": "fail"})
    assert checks["permissions"][1] == f"missing in namespace {namespace}: {said}"

    rbac, pipe, apply = actions["permissions"].partition(" | ")
    assert (pipe, apply) == (" | ", "kubectl apply -f -")
    words = rbac.removeprefix("podcm-sync ").split()
    printed = command.run(*words, kubeconfig=None)
    assert printed.code == 0, printed.stderr
    admin = control_plane.kubeconfig(tmp_path / "admin")
    control_plane.kubectl(admin, "apply", "-f", "-", stdin=printed.stdout)
    # The authorizer learns of a new binding through a watch.
    api.wait_for(lambda: doctor(kubeconfig=kubeconfig)[0] == 0)


def test_without_the_right_to_events_a_run_still_works(as_account: AsAccount) -> None:
    kubeconfig = as_account(without("create", "events"))
    code, checks, actions = doctor(kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (0, {"permissions": "warn"})
    assert "create events.events.k8s.io" in checks["permissions"][1]
    assert "--no-events" in actions["permissions"]
    code, checks, _ = doctor("--no-events", kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (0, {})


def test_only_the_rights_of_the_options_given_are_asked_for(
    api: Api, namespace: str, as_account: AsAccount
) -> None:
    """A dry run's are the lists; -A and --leader-elect need more than one namespace's account."""
    kubeconfig = as_account(LISTS)
    assert doctor("--dry-run", kubeconfig=kubeconfig)[0] == 0
    other = new_namespace(api)
    code, checks, actions = doctor(
        *("--dry-run", "-n", namespace, "-n", other), kubeconfig=kubeconfig
    )
    assert code == 3
    assert checks["permissions"][1].startswith(f"missing in namespace {other}: list pods; ")
    assert f"-n {namespace} -n {other} --dry-run" in actions["permissions"]
    code, checks, _ = doctor("-A", "--dry-run", kubeconfig=kubeconfig)
    assert (code, checks["permissions"][1][:27]) == (3, "missing in all namespaces: ")
    code, checks, _ = doctor("--dry-run", "--leader-elect", kubeconfig=kubeconfig)
    assert code == 3
    assert checks["permissions"][1] == (
        f"missing in namespace {namespace}: create leases.coordination.k8s.io; "
        "get, patch leases.coordination.k8s.io"
    )


def test_the_rights_to_watch_are_asked_for_with_watch_alone(
    *,
    api: Api,
    control_plane: ControlPlane,
    namespace: str,
    as_account: AsAccount,
    tmp_path: Path,
) -> None:
    """And what it prints adds them, in a Role beside the one of all runs."""
    kubeconfig = as_account(LEAST)
    assert doctor(kubeconfig=kubeconfig)[1]["permissions"][0] == "ok"
    code, checks, actions = doctor("--watch", "--loop", kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (3, {"permissions": "fail"})
    assert checks["permissions"][1] == (
        f"missing in namespace {namespace}: get, watch pods; "
        "get, watch podconfigmapconfigs.podconfig.example.com; watch configmaps"
    )
    rbac, _, action = actions["permissions"].partition("\n")
    assert action == "or run without --watch"
    rbac, _, _ = rbac.removeprefix("podcm-sync ").partition(" | ")
    assert "--watch" in rbac.split()
    printed = command.run(*rbac.split(), kubeconfig=None)
    roles = [each["metadata"]["name"] for each in yaml.safe_load_all(printed.stdout)]
    assert set(roles) == {"podcm-sync-tested", "podcm-sync-tested-watch"}
    admin = control_plane.kubeconfig(tmp_path / "admin")
    control_plane.kubectl(admin, "apply", "-f", "-", stdin=printed.stdout)
    api.wait_for(lambda: doctor("--watch", kubeconfig=kubeconfig)[0] == 0)


def test_a_namespace_that_is_not_there(
    namespace: str, kubeconfig: Path, as_account: AsAccount
) -> None:
    """A run has no right to look; whoever has it is told."""
    code, checks, _ = doctor("-n", namespace, "-n", "shpo", kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (3, {"namespaces": "fail"})
    assert checks["namespaces"][1] == "namespace shpo does not exist"
    _, checks, _ = doctor("-n", "shpo", kubeconfig=as_account(LEAST))
    assert wrong(checks) == {"permissions": "fail"}


@pytest.mark.parametrize("ago", [0, 3600])
def test_the_go_controllers_lease(api: Api, namespace: str, kubeconfig: Path, ago: int) -> None:
    """Held and renewed just now: two writers. Renewed an hour ago: it was here."""
    renewed = datetime.now(UTC) - timedelta(seconds=ago)
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": namespace, "name": "podconfigmap-controller-lock"},
        "spec": {
            "holderIdentity": "podconfigmap-controller-7f9c-x2x",
            "leaseDurationSeconds": 15,
            "renewTime": renewed.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        },
    }
    api.create(lease)
    try:
        code, checks, actions = doctor(kubeconfig=kubeconfig)
    finally:
        api.delete("Lease", namespace, "podconfigmap-controller-lock")
    level, detail = checks["go-controller"]
    if ago:
        assert (code, level, detail) == (0, "ok", "it is stopped")
    else:
        assert (code, level) == (3, "fail")
        assert "podconfigmap-controller-7f9c-x2x" in detail
        assert f"namespace {namespace}" in detail
        assert f"-n {namespace}" in actions["go-controller"]


@pytest.mark.parametrize(
    ("seconds", "level", "code"), [(-30, "warn", 0), (30, "warn", 0), (600, "fail", 3)]
)
def test_a_clock_that_is_wrong(
    *, control_plane: ControlPlane, tmp_path: Path, seconds: int, level: str, code: int
) -> None:
    """By the Date of the server's answers, which a proxy changes."""

    def fault(_: Observed, forward: Forward) -> Reply:
        reply = forward()
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return Reply(reply.status, reply.body, {**reply.headers, "Date": date})

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "proxied", server=proxy.url)
        found, checks, _ = doctor(kubeconfig=path)
    assert (found, wrong(checks)) == (code, {"clock": level})
    said = re.fullmatch(r"this clock is (\d+) s (behind|ahead of) the server's", checks["clock"][1])
    assert said
    assert abs(int(said[1]) - abs(seconds)) <= 3
    assert said[2] == ("behind" if seconds > 0 else "ahead of")


def test_a_server_that_is_too_old(control_plane: ControlPlane, tmp_path: Path) -> None:
    def fault(request: Observed, forward: Forward) -> Reply:
        if request.path == "/version":
            return Reply(200, b'{"gitVersion": "v1.30.4+k3s1"}')
        return forward()

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "proxied", server=proxy.url)
        code, checks, _ = doctor(kubeconfig=path)
    assert (code, wrong(checks)) == (3, {"server": "fail"})
    assert checks["server"][1] == "Kubernetes v1.30.4+k3s1 is too old for the CRD"


def test_a_server_that_is_not_there(control_plane: ControlPlane, kubeconfig: Path) -> None:
    code, checks, _ = doctor(kubeconfig=with_server(kubeconfig, "https://127.0.0.1:1"))
    assert (code, wrong(checks)) == (5, {"server": "fail"})
    assert "cannot be reached" in checks["server"][1]
    assert len(checks) == 1


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"token": "nobody's"}, "doesn't accept the credentials"),
        ({}, "there are no credentials"),
        ({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "false",
                   "interactiveMode": "Never"}}, "authentication failed"),
    ],
)  # fmt: skip
def test_credentials_that_are_not_good(kubeconfig: Path, user: Object, said: str) -> None:
    code, checks, _ = doctor(kubeconfig=with_user(kubeconfig, **user))
    assert (code, wrong(checks)) == (5, {"server": "fail"})
    assert said in checks["server"][1]
    text = started(kubeconfig=kubeconfig)
    assert (text.code, text.stdout.splitlines()[-1]) == (5, "1 problem")


def test_a_context_that_is_not_there_is_a_usage_error(kubeconfig: Path) -> None:
    done = started("--context", "nowhere", kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (2, "")
    assert "context 'nowhere' not found" in command.error_of(done)


def test_an_option_before_the_subcommand_is_the_subcommands(kubeconfig: Path) -> None:
    """If it got lost, doctor would look at another cluster."""
    done = command.run("--context", "nowhere", "doctor", kubeconfig=kubeconfig)
    assert (done.code, done.stdout) == (2, "")
    assert "context 'nowhere' not found" in command.error_of(done)


def test_what_stands_there(api: Api, namespace: str, kubeconfig: Path) -> None:
    """Configs that fail, are invalid or rest; ConfigMaps that are kept, foreign or the Go one's."""
    for name in ("fine", "failing", "invalid", "resting"):
        api.make_pod(namespace, name, labels={"app": name})
        make_config(api, namespace, name, selecting(app=name))
    api.create(config_map(namespace, "pod-failing-from-failing-cfg", {"my": "own"}))
    pod = api.make_pod(namespace, "web", labels={"app": "web"})
    go_made = config_map(namespace, "pod-web-from-fine-cfg", {}, **made_for(pod, "fine"))
    another = config_map(
        namespace, "settings", {}, labels={"podconfig.example.com/generated-by-pcmc": "x"}
    )
    change_config(api, namespace, INVALID, "invalid")
    sync(kubeconfig)
    change_config(api, namespace, {"suspend": True}, "resting")
    api.create(go_made)
    api.create(another)
    generated(api, namespace, "pod-fine-from-fine-cfg")
    keep = {"metadata": {"annotations": {PRUNE: "disabled"}}}
    api.patch("ConfigMap", namespace, "pod-fine-from-fine-cfg", keep)

    code, checks, actions = doctor(kubeconfig=kubeconfig)
    assert (code, wrong(checks)) == (0, {"adoption": "warn", "configs": "warn"})
    assert checks["adoption"][1] == "1 ConfigMap of the Go controller would be adopted"
    assert checks["configs"][1] == (
        f"4 PodConfigMapConfigs: 1 invalid ({namespace}/invalid), "
        f"1 not Ready ({namespace}/failing), 1 suspended ({namespace}/resting)"
    )
    assert checks["configmaps"][1] == (
        "3 generated ConfigMaps: 1 of suspended configs, 1 that must not be pruned"
    )
    assert "podcm-sync explain pcmc/" in actions["configs"]


def test_a_list_that_fails_is_said(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    def fault(request: Observed, forward: Forward) -> Reply:
        if request.path.endswith("/pods"):
            return Reply(410, b'{"kind": "Status", "apiVersion": "v1", "message": "gone away"}')
        return forward()

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "proxied", namespace=namespace, server=proxy.url)
        code, checks, _ = doctor(kubeconfig=path)
    assert (code, wrong(checks)) == (3, {"lists": "fail"})
    assert "gone away" in checks["lists"][1]


def test_a_server_that_answers_no_question_of_doctors_is_no_crash(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """A strict proxy may refuse all but the lists. Its refusal is no answer of an API server."""

    def fault(request: Observed, forward: Forward) -> Reply:
        if request.path.startswith("/api/") or request.path.endswith("podconfigmapconfigs"):
            return forward()
        return Reply(403, b"no", {"Date": "yesterday", "Content-Type": "text/plain"})

    with Proxy(control_plane, handler=fault) as proxy:
        path = control_plane.kubeconfig(tmp_path / "proxied", namespace=namespace, server=proxy.url)
        code, checks, _ = doctor(kubeconfig=path)
    assert code == 5
    assert wrong(checks) == {"server": "fail", "credentials": "fail", "crd": "fail"}
    unknown = "not checked: the server answered HTTP 403"
    assert {checks[name] for name in ("permissions", "go-controller")} == {("skip", unknown)}
    assert "clock" not in checks
