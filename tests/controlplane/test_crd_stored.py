"""Objects stored before the CRD had its rules stay readable, and their status writable."""

import copy
from collections.abc import Iterator

import pytest

from tests.controlplane import crd_objects
from tests.controlplane.api import Api, Object
from tests.controlplane.crd_case import OMITTED
from tests.controlplane.crd_cases import CASES

GROUP = "earlier.example.com"
PLURAL = "earlierconfigs"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
OBJECTS = f"/apis/{GROUP}/v1alpha1/namespaces/default/{PLURAL}"
MERGE = "application/merge-patch+json"
STATUS = {
    "observedGeneration": 1,
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "InvalidSpec",
            "message": "labelsToInclude[0]: not a label key",
            "lastTransitionTime": "2026-11-01T12:00:00Z",
        }
    ],
}
BAD = {f"bad-{number}": case for number, case in enumerate(CASES) if not case.accepted}
# A rule that cannot read its field is an error, and errors are not forgiven to old objects.
UNREADABLE = {
    "selector: a number as value",
    "selector: value a number",
    "selector: values a string",
    "labels: a string",
    "labels: a number",
    "labels: null",
    "annotations: null",
    "templates: a list",
    "templates: a number",
}
# The server drops a null as it reads the object, wherever the schema knows the field.
NULL_DROPPED = {"spec null", "selector: operator null", "selector: In, values null"}


@pytest.fixture(scope="module")
def stored(api: Api) -> Iterator[dict[str, Object]]:
    """The table's bad specs, stored while nothing was checked, as listed once everything is."""
    real = earlier_crd()
    unchecked = copy.deepcopy(real)
    schema = unchecked["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["required"]
    schema["properties"]["spec"] = {"x-kubernetes-preserve-unknown-fields": True}
    code, crd = api.request("POST", CRDS, unchecked)
    assert code == 201, crd
    where = f"{CRDS}/{crd['metadata']['name']}"
    try:
        api.wait_for(lambda: api.request("GET", OBJECTS)[0] == 200)
        for name, case in BAD.items():
            code, answer = api.request("POST", OBJECTS, earlier(name, case.spec))
            assert code == 201, answer
        code, answer = api.request("PATCH", where, {"spec": real["spec"]}, content_type=MERGE)
        assert code == 200, answer
        # A list gets 429, "storage is (re)initializing", for a moment after the change.
        api.wait_for(lambda: create_bad(api) == 422 and api.request("GET", OBJECTS)[0] == 200)
        yield {obj["metadata"]["name"]: obj for obj in api.request("GET", OBJECTS)[1]["items"]}
    finally:
        api.request("DELETE", where)


def earlier_crd() -> Object:
    """Our CRD under another group and other names, so that ours is left alone."""
    crd = crd_objects.crd()
    crd["metadata"]["name"] = f"{PLURAL}.{GROUP}"
    crd["spec"]["group"] = GROUP
    crd["spec"]["names"] = {"kind": "EarlierConfig", "plural": PLURAL}
    return crd


def earlier(name: str, spec: object) -> Object:
    obj = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "EarlierConfig", "metadata": {"name": name}}
    return obj if spec is OMITTED else obj | {"spec": spec}


def create_bad(api: Api) -> int:
    query = {"dryRun": "All"}
    return api.request("POST", OBJECTS, earlier("probe", {"suspend": "yes"}), query=query)[0]


def test_every_bad_object_is_still_listed(stored: dict[str, Object]) -> None:
    assert stored.keys() == BAD.keys()
    for name, case in BAD.items():
        if not case.strict and case.spec is not OMITTED and case.name not in NULL_DROPPED:
            assert stored[name]["spec"] == case.spec
        assert stored[name]["status"]["conditions"][0]["reason"] == "Pending"


@pytest.mark.parametrize("name", [pytest.param(n, id=case.name) for n, case in BAD.items()])
def test_status_of_a_bad_object_can_be_written(
    api: Api, stored: dict[str, Object], name: str
) -> None:
    version = stored[name]["metadata"]["resourceVersion"]
    body = {"metadata": {"resourceVersion": version}, "status": STATUS}
    code, answer = api.request("PATCH", f"{OBJECTS}/{name}/status", body, content_type=MERGE)
    if BAD[name].name in UNREADABLE:
        assert (code, answer["reason"]) == (422, "Invalid")
        assert "invalid data" in answer["message"]
    else:
        assert code == 200, answer
        assert answer["status"] == STATUS
        assert answer["metadata"]["generation"] == 1


def test_bad_object_cannot_be_made_worse_but_made_good(api: Api, stored: dict[str, Object]) -> None:
    name = next(n for n, case in BAD.items() if case.field == "spec.labelsToInclude[1]")
    for keys, expected in (["fine", "*"], 422), (["fine"], 200):
        body = {"spec": {"labelsToInclude": keys}}
        code, answer = api.request("PATCH", f"{OBJECTS}/{name}", body, content_type=MERGE)
        assert code == expected, answer
