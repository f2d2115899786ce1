"""Answers that no API server gives, but that anything in front of one can give."""

from typing import Any

import msgspec
import pytest

from podcm_sync.cluster.kube.transport import Response
from podcm_sync.doctor.facts import Facts, NotChecked
from podcm_sync.doctor.probe import Probe
from podcm_sync.rbac.rights import RunProfile, needed
from podcm_sync.reconcile.renderer import NO_RENDERER
from podcm_sync.reconcile.snapshot import Scope
from tests.listserver import DISCOVERY, ListServer

BRACKETS = b'{"a":' + b"[" * 200_000


class Server(ListServer):
    """Answers 200, with the body for the last part of the path, or with `{}`."""

    def __init__(self, answers: dict[str, object], date: str = "") -> None:
        super().__init__(())
        self._answers: dict[str, Any] = {"version": {"gitVersion": "v1.37.0"}, **answers}
        self._date = date

    def get(self, *arguments: object, **_: object) -> Response:
        path = next(str(argument) for argument in arguments if str(argument).startswith("/"))
        answer = self._answers.get(path.partition("?")[0].rpartition("/")[2], {})
        body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
        return Response(status=200, body=body, retry_after=None, date=self._date)

    request = get


def facts(answers: dict[str, object], date: str = "") -> Facts:
    examination = Probe(Server(answers, date))
    return examination.facts(Scope(namespaces=("shop",)), needed(RunProfile()), NO_RENDERER, "shop")


def typed(api_version: str, kind: str, **fields: object) -> dict[str, object]:
    return {"apiVersion": api_version, "kind": kind, **fields}


@pytest.mark.parametrize("status", ["yes", [], {"allowed": "yes"}, {"userInfo": "ci"}])
def test_a_review_of_other_types_is_no_answer(status: object) -> None:
    access = typed("authorization.k8s.io/v1", "SelfSubjectAccessReview", status=status)
    subject = typed("authentication.k8s.io/v1", "SelfSubjectReview", status=status)
    known = facts({"selfsubjectaccessreviews": access, "selfsubjectreviews": subject})
    assert isinstance(known.missing, NotChecked)
    assert known.username == "" or isinstance(known.username, NotChecked)


@pytest.mark.parametrize("items", [5, [None], [{}], [{"metadata": None}], [{"spec": []}]])
def test_lists_of_other_types_are_no_answer(items: object) -> None:
    known = facts(
        {
            "leases": typed("coordination.k8s.io/v1", "LeaseList", items=items),
            "validatingadmissionpolicies": typed(
                "admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyList", items=items
            ),
            "v1alpha1": typed("v1", "APIResourceList", resources=items),
        }
    )
    assert isinstance(known.policies, NotChecked)
    assert isinstance(known.resources, NotChecked)


@pytest.mark.parametrize("schema", [None, [], {"properties": {"spec": 5}}])
def test_a_schema_of_another_form_is_no_answer(schema: object) -> None:
    """Here, discovery and the OpenAPI document have the same last part, so they get one answer."""
    schemas = {"com.example.PodConfigMapConfig": schema}
    document = {"openapi": "3.0.0", "components": {"schemas": schemas}}
    known = facts({"v1alpha1": {**DISCOVERY, **document}})
    assert isinstance(known.schema, NotChecked)
    assert "OpenAPI document" in known.schema.why


def test_brackets_in_brackets_are_no_answer() -> None:
    names = ("version", "v1alpha1", "selfsubjectreviews", "selfsubjectaccessreviews", "leases")
    known = facts(dict.fromkeys(names, BRACKETS))
    answers = (known.version, known.resources, known.username, known.missing, known.leases)
    assert all(isinstance(answer, NotChecked) for answer in answers)


@pytest.mark.parametrize("time", [None, "", "soon", "0001-01-01T00:00:00"])
def test_a_lease_without_a_usable_time_was_renewed_long_ago(time: str | None) -> None:
    item = {"metadata": {"namespace": "shop"}, "spec": {"renewTime": time}}
    known = facts({"leases": typed("coordination.k8s.io/v1", "LeaseList", items=[item])})
    assert isinstance(known.leases, tuple)
    assert known.leases[0].renewed_seconds > 1e9


@pytest.mark.parametrize(
    "date", ["", "soon", f"Sun, 22 Nov {'9' * 30} 12:00:00 GMT", f"1 Jan 2026 0:0:0 +{'9' * 30}"]
)
def test_a_date_that_no_calendar_has_is_no_clock(date: str) -> None:
    assert facts({}, date).skew_seconds is None
