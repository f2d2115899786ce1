"""The document of `explain -o json`: its version, and values only where a reader looks for them."""

from tests.builders import config_map, pcmc, pod
from tests.explanations import explanation_of, valid_explanation


def test_it_has_its_version_and_what_is_at_its_default_is_absent() -> None:
    content = valid_explanation(explanation_of("Pod", "web-0", pod(uid="u"), pcmc()))
    assert content.pop("tool").startswith("podcm-sync ")
    assert content == {
        "version": "podcm-sync/explanation/v1",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "exists": True,
        "pod": {
            "name": "web-0",
            "exists": True,
            "uid": "u",
            "phase": "Running",
            "nodeName": "node-a",
        },
        "verdicts": [
            {
                "verb": "create",
                "pod": "web-0",
                "podConfigMapConfig": "web",
                "configMap": "pod-web-0-from-web-cfg",
                "exists": False,
                "reason": "Missing",
                "kind": "routine",
                "message": "a selected Pod has no ConfigMap yet",
            }
        ],
    }


def test_a_label_that_is_absent_is_not_one_that_is_empty() -> None:
    config = pcmc(match_labels={"app": "web", "tier": "x"})
    content = valid_explanation(explanation_of("Pod", "web-0", pod(labels={"app": ""}), config))
    empty, absent = content["verdicts"][0]["requirements"]
    assert empty["actual"] == ""
    assert "actual" not in absent


def test_label_values_stand_in_fields_of_their_own_alone() -> None:
    """So that they can be masked: `labels` and `actual`."""
    made_for = pod(labels={"app": "s3cret"})
    for kind, name in [("Pod", "web-0"), ("ConfigMap", "pod-web-0-from-web-cfg")]:
        for objects in [(made_for, pcmc()), (made_for, pcmc(match_labels={"app": "a"}))]:
            content = valid_explanation(explanation_of(kind, name, *objects, config_map()))
            for verdict in content["verdicts"]:
                for each in verdict.get("requirements", ()):
                    each.pop("actual")
            content["pod"].pop("labels")
            assert "s3cret" not in str(content)
