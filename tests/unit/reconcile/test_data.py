"""A Pod's facts as data (behavior.md §3, "Data")."""

from podcm_sync.api.objects import Pod, PodConfigMapConfig
from podcm_sync.reconcile.data import pod_data
from tests.builders import pcmc, pod

FACTS = {"podName": "web-0", "namespace": "shop", "nodeName": "node-a", "phase": "Running"}


def data(of: Pod, config: PodConfigMapConfig) -> dict[str, str]:
    assert config.spec is not None
    return pod_data(of, config.spec, {})


def test_the_four_facts_and_nothing_else() -> None:
    talkative = pod(labels={"app": "web"}, annotations={"note": "x"})
    assert data(talkative, pcmc()) == FACTS


def test_an_unscheduled_pod_has_an_empty_node_name() -> None:
    assert data(pod(node_name="", phase="Pending"), pcmc()) == {
        **FACTS,
        "nodeName": "",
        "phase": "Pending",
    }


def test_included_labels_and_annotations_that_the_pod_has() -> None:
    of = pod(labels={"app": "web", "tier": "front"}, annotations={"note": "hello", "other": "x"})
    config = pcmc(labels=["app", "absent"], annotations=["note", "missing"])
    assert data(of, config) == {**FACTS, "label_app": "web", "annotation_note": "hello"}


def test_a_slash_in_a_key_becomes_an_underscore() -> None:
    of = pod(
        labels={"app.kubernetes.io/name": "web"}, annotations={"example.com/commit": "9f2c1ab"}
    )
    config = pcmc(labels=["app.kubernetes.io/name"], annotations=["example.com/commit"])
    assert data(of, config) == {
        **FACTS,
        "label_app.kubernetes.io_name": "web",
        "annotation_example.com_commit": "9f2c1ab",
    }


def test_a_label_and_an_annotation_of_one_key_are_two_entries() -> None:
    of = pod(labels={"a": "1"}, annotations={"a": "2"})
    config = pcmc(labels=["a"], annotations=["a"])
    assert data(of, config) == {**FACTS, "label_a": "1", "annotation_a": "2"}


def test_values_are_copied_byte_for_byte() -> None:
    """No trimming, no normal form, no line ends made alike."""
    odd = " \r\n\t e\u0301 \u00e9 \x1b[31m \u202e \N{GRINNING FACE}\n\n"
    assert data(pod(annotations={"a": odd}), pcmc(annotations=["a"]))["annotation_a"] == odd


def test_an_empty_value_is_a_value() -> None:
    assert data(pod(labels={"a": ""}), pcmc(labels=["a"]))["label_a"] == ""
