"""`doctor` before servers that are none: nothing is ok without evidence, and it exits 5."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import command
from tests.builders import Json
from tests.frozen import Answer, Answers, Request, discovery, empty, serving

Checks = dict[str, dict[str, Any]]
HTML = b"<html>Sign in to this network</html>"
STATUS = {"apiVersion": "v1", "kind": "Status", "status": "Failure"}
NOT_FOUND = {**STATUS, "reason": "NotFound", "code": 404}


def doctor(answers: Answers, folder: Path) -> tuple[int, Checks]:
    """The exit code, and the checks by name."""
    with serving(answers) as server:
        kubeconfig = server.kubeconfig(folder)
        ended = command.run("doctor", "--kubeconfig", kubeconfig, "-o", "json")
    assert ended.stderr == ""
    document = json.loads(ended.stdout)
    assert document["exitCode"] == ended.code
    return ended.code, {check["name"]: check for check in document["checks"]}


NO_SERVERS: dict[str, Answer] = {
    "500 with text": (500, b"internal error"),
    "500 with a Status": (500, {**STATUS, "code": 500, "message": "etcd is gone"}),
    "503 of a load balancer": (503, b"no healthy upstream"),
    "404 of a load balancer": (404, b"404 page not found"),
    "HTML": (200, HTML),
    "nothing": (200, b""),
    "an empty object": (200, {}),
    "an array": (200, b"[]"),
    "an error": (200, {"error": "upstream unavailable"}),
    "another object": (200, {"apiVersion": "v1", "kind": "NodeList", "items": []}),
}


@pytest.mark.parametrize("habit", NO_SERVERS)
def test_a_server_that_answers_everything_alike_is_not_examined(tmp_path: Path, habit: str) -> None:
    code, checks = doctor(lambda _: NO_SERVERS[habit], tmp_path)
    assert code == 5
    assert {check["level"] for check in checks.values()} <= {"fail", "skip"}
    for name in ("server", "credentials", "crd"):
        assert checks[name]["level"] == "fail"
        assert checks[name]["detail"].startswith("not checked: the server answered HTTP ")
        assert checks[name]["action"]
    assert "clock" not in checks


LISTS = {
    "leases": ("coordination.k8s.io/v1", "LeaseList"),
    "cronjobs": ("batch/v1", "CronJobList"),
    "deployments": ("apps/v1", "DeploymentList"),
}


class Well:
    """The answers of an empty cluster in which all is well; `instead` changes some of them."""

    def __init__(self, instead: Callable[[Request], Answer] = lambda _: None) -> None:
        self.instead = instead

    def __call__(self, request: Request) -> Answer:
        return self.instead(request) or self.answer(request)

    def answer(self, request: Request) -> Answer:
        match request.path.rsplit("/", 1)[-1]:
            case "version":
                return 200, {"gitVersion": "v1.37.2"}
            case "selfsubjectreviews":
                return 201, {**request.body, "status": {"userInfo": {"username": "jane"}}}
            case "selfsubjectaccessreviews":
                return 201, {**request.body, "status": {"allowed": True}}
            case "leases" | "cronjobs" | "deployments" as plural:
                api, kind = LISTS[plural]
                return 200, {"apiVersion": api, "kind": kind, "metadata": {}, "items": []}
            case "validatingadmissionpolicies":
                return 200, _policies("ValidatingAdmissionPolicyList", {"matchConditions": []})
            case "validatingadmissionpolicybindings":
                bound = {"policyName": "own", "validationActions": ["Deny"]}
                return 200, _policies("ValidatingAdmissionPolicyBindingList", bound)
            case "apis":
                return 200, {"apiVersion": "v1", "kind": "APIGroupList", "groups": []}
            case "shop" if "/openapi" not in request.path:
                return 200, {"apiVersion": "v1", "kind": "Namespace"}
        if request.path.startswith("/openapi"):
            return 200, {"openapi": "3.0.0", "components": {"schemas": {}}}
        return empty(request)


def _policies(kind: str, spec: Json) -> Json:
    """A list of one policy or binding."""
    api = "admissionregistration.k8s.io/v1"
    items = [{"metadata": {"name": "own"}, "spec": spec}]
    return {"apiVersion": api, "kind": kind, "metadata": {}, "items": items}


def levels(checks: Checks) -> dict[str, str]:
    """Those that are not ok."""
    return {name: check["level"] for name, check in checks.items() if check["level"] != "ok"}


def test_what_an_api_server_answers_is_evidence(tmp_path: Path) -> None:
    code, checks = doctor(Well(), tmp_path)
    assert (code, levels(checks)) == (0, {"schema": "skip"})


def only(path: str, answer: Answer) -> Well:
    """A well server but for what has this at the end of its path."""
    return Well(lambda request: answer if request.path.endswith(path) else None)


def other(changes: Json) -> Json:
    return {**discovery(), **changes}


@pytest.mark.parametrize(
    ("answers", "check", "level", "code"),
    [
        (only("policies", (403, STATUS)), "admission", "skip", 0),
        (only("bindings", (403, STATUS)), "admission", "skip", 0),
        (only("policies", (404, STATUS)), "admission", "skip", 0),
        (only("bindings", (200, HTML)), "admission", "skip", 0),
        (only("/version", (200, HTML)), "server", "fail", 5),
        (only("/selfsubjectreviews", (201, {})), "credentials", "fail", 5),
        (only("/v1alpha1", (200, {})), "crd", "fail", 5),
        (only("/v1alpha1", (200, other({"kind": "APIGroup"}))), "crd", "fail", 5),
        (only("/selfsubjectaccessreviews", (201, {"status": {}})), "permissions", "skip", 0),
        (only("/selfsubjectaccessreviews", (502, HTML)), "permissions", "skip", 0),
        (only("/leases", (200, {})), "go-controller", "skip", 0),
        (only("/cronjobs", (403, STATUS)), "workloads", "skip", 0),
        (only("/deployments", (200, HTML)), "workloads", "skip", 0),
    ],
)
def test_one_question_without_an_answer_is_not_checked(
    tmp_path: Path, answers: Answers, check: str, level: str, code: int
) -> None:
    found, checks = doctor(answers, tmp_path)
    assert (found, checks[check]["level"]) == (code, level)
    assert checks[check]["detail"].startswith("not checked: ")


def test_a_404_for_the_crd_counts_only_if_the_list_of_groups_lacks_it(tmp_path: Path) -> None:
    """The server's own 404 there is plain text, as a load balancer's is."""
    plain = (404, b"404 page not found")
    code, checks = doctor(only("/v1alpha1", plain), tmp_path)
    assert (code, checks["crd"]["level"]) == (3, "fail")
    assert "isn't installed" in checks["crd"]["detail"]

    def lost(request: Request) -> Answer:
        return plain if request.path.endswith(("/v1alpha1", "/apis")) else None

    code, checks = doctor(Well(lost), tmp_path)
    assert code == 5
    assert checks["crd"]["detail"] == "not checked: the server answered HTTP 404"


@pytest.mark.parametrize("body", [NOT_FOUND, b"404 page not found"], ids=["Status", "text"])
def test_a_namespace_is_absent_only_if_an_api_server_says_so(
    tmp_path: Path, body: Json | bytes
) -> None:
    _, checks = doctor(only("/namespaces/shop", (404, body)), tmp_path)
    assert ("namespaces" in checks) == (body is NOT_FOUND)
