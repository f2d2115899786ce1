"""The CRD's status starts as Pending, is written through its subresource, and is never nonsense."""

import pytest

from tests.controlplane.api import Api, path_of
from tests.controlplane.crd_objects import KIND, PENDING, READY, STATUS, pcmc


def test_new_object_is_pending_whatever_status_it_is_sent_with(api: Api, namespace: str) -> None:
    created = api.create(pcmc({}, namespace) | {"status": STATUS})
    (listed,) = api.list(KIND, namespace)
    read = api.get(KIND, namespace, "mine")
    assert read
    for obj in (created, listed, read):
        assert obj["status"] == {"conditions": [PENDING]}


def test_status_is_written_through_its_subresource_alone(api: Api, namespace: str) -> None:
    api.create(pcmc({"labelsToInclude": ["app"]}, namespace))
    both = {"spec": {"labelsToInclude": ["other"]}, "status": STATUS}
    status_written = api.patch(KIND, namespace, "mine", both, "status")
    assert status_written["status"] == STATUS
    assert status_written["spec"] == {"labelsToInclude": ["app"]}
    assert status_written["metadata"]["generation"] == 1
    spec_written = api.patch(KIND, namespace, "mine", both | {"status": {"matchedPods": 99}})
    assert spec_written["spec"] == {"labelsToInclude": ["other"]}
    assert spec_written["status"] == STATUS
    assert spec_written["metadata"]["generation"] == 2


def test_conditions_of_other_types_are_kept_beside_ready(api: Api, namespace: str) -> None:
    api.create(pcmc({}, namespace))
    conditions = [READY, PENDING | {"type": "example.com/Audited", "reason": "A_b,c:D"}]
    patched = api.patch(KIND, namespace, "mine", {"status": {"conditions": conditions}}, "status")
    assert patched["status"]["conditions"] == conditions


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"matchedPods": -1}, "should be greater than or equal to 0"),
        ({"configMaps": "3"}, "must be of type integer"),
        ({"observedGeneration": -1}, "should be greater than or equal to 0"),
        ({"conditions": [READY | {"status": "Yes"}]}, 'supported values: "True", "False"'),
        ({"conditions": [READY | {"reason": ""}]}, "conditions[0].reason"),
        ({"conditions": [READY | {"reason": "two words"}]}, "conditions[0].reason"),
        ({"conditions": [READY | {"type": "-"}]}, "conditions[0].type"),
        ({"conditions": [READY | {"message": "x" * 32769}]}, "may not be more than 32768"),
        ({"conditions": [READY | {"lastTransitionTime": "today"}]}, "date-time"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "lastTransitionTime: Required"),
        ({"conditions": [READY, READY]}, "conditions[1]: Duplicate value"),
    ],
)
def test_status_that_no_reader_could_use_is_refused(
    api: Api, namespace: str, status: object, message: str
) -> None:
    api.create(pcmc({}, namespace))
    path = path_of(KIND, namespace, "mine", "status")
    merge = "application/merge-patch+json"
    code, answer = api.request("PATCH", path, {"status": status}, content_type=merge)
    assert code == 422
    assert message in answer["message"]
