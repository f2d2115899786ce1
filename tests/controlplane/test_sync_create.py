"""What podcm-sync makes for a Pod that has no ConfigMap yet, to the last field (behavior.md §3)."""

import re
from pathlib import Path

import pytest

from tests.controlplane.api import Api
from tests.controlplane.sync_objects import (
    GENERATED_BY,
    MANAGED_BY,
    PCMC_NAME,
    POD_UID,
    all_config_maps,
    generated,
    make_config,
    names,
    owner,
    selecting,
)
from tests.controlplane.syncing import sync

CONTROLS = "".join(map(chr, range(0x20))) + "\x7f\x80\x9b"
VALUES = {
    "lines": "first\nsecond\r\n\n  indented\n\ttabbed\n\n",
    "controls": CONTROLS,
    "terminal": "\x1b[2J\x1b]0;title\x07\x08\x08",
    "unicode": "日本語 Ünïcödé 🚀 \u202eright-to-left\u202c \u2028 \ufeff \u0301",
    "markup": "```\n<script>alert('&')</script>\n~~~ {{ .name }} %s $HOME",
    "yaml": "---\n- &a !!python/object {k: [*a]}\n...\n",
    "blank": " \t ",
    "empty": "",
    "long": "x" * 100_000,
}


def test_a_created_config_map_is_this_and_nothing_else(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: name, data, labels and owner reference, and no label of the Pod's copied."""
    pod = api.make_pod(
        namespace,
        "web",
        labels={"app": "shop", "app.kubernetes.io/name": "web", "left-out": "x"},
        annotations={"example.com/commit": "0a1b", "left-out": "x"},
        node_name="node-1",
        phase="Running",
    )
    spec = {
        **selecting(app="shop"),
        "labelsToInclude": ["app", "app.kubernetes.io/name", "absent"],
        "annotationsToInclude": ["example.com/commit", "absent"],
    }
    make_config(api, namespace, spec=spec)

    run = sync(kubeconfig)

    assert (run.came_to, run.code) == ({"pod-web-from-mine-cfg": ("created", "Missing")}, 0)
    made = generated(api, namespace)
    metadata = made.pop("metadata")
    assert made == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "data": {
            "podName": "web",
            "namespace": namespace,
            "nodeName": "node-1",
            "phase": "Running",
            "label_app": "shop",
            "label_app.kubernetes.io_name": "web",
            "annotation_example.com_commit": "0a1b",
        },
    }
    for of_the_server in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        assert metadata.pop(of_the_server)
    assert metadata == {
        "name": "pod-web-from-mine-cfg",
        "namespace": namespace,
        "labels": {
            "podconfig.example.com/generated-by-pcmc": "mine",
            "podconfig.example.com/pod-uid": pod["metadata"]["uid"],
            "app.kubernetes.io/managed-by": "podcm-sync",
        },
        "ownerReferences": [
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": "web",
                "uid": pod["metadata"]["uid"],
                "controller": True,
            }
        ],
    }


@pytest.mark.parametrize("phase", ["Pending", "Running", "Succeeded", "Failed", "Unknown"])
def test_pods_of_every_phase_have_one(
    api: Api, namespace: str, kubeconfig: Path, phase: str
) -> None:
    """behavior.md §3: all phases count; nodeName is the empty string while unscheduled."""
    api.make_pod(namespace, "web", phase=phase)
    make_config(api, namespace)
    assert sync(kubeconfig).code == 0
    assert generated(api, namespace)["data"] == {
        "podName": "web",
        "namespace": namespace,
        "nodeName": "",
        "phase": phase,
    }


def test_values_arrive_byte_for_byte(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§3: values are copied byte for byte; and a second run finds them as they should be."""
    api.make_pod(namespace, "web", annotations=VALUES)
    make_config(api, namespace, spec={"annotationsToInclude": [*VALUES]})
    assert sync(kubeconfig).code == 0
    data = generated(api, namespace)["data"]
    assert {key: data[f"annotation_{key}"] for key in VALUES} == VALUES
    assert sync(kubeconfig).counts == {"unchanged": 1}


def test_only_the_selected_pods_have_one(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§1: podSelector with its full semantics; §3: one ConfigMap for a Pod and a config."""
    api.make_pod(namespace, "web", labels={"app": "web"})
    api.make_pod(namespace, "db", labels={"app": "db", "tier": "back"})
    api.make_pod(namespace, "bare")
    with_tier = {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}
    not_web = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}
    make_config(api, namespace, "every", {"podSelector": None})
    make_config(api, namespace, "tier", {"podSelector": with_tier})
    make_config(api, namespace, "other", {"podSelector": not_web})
    make_config(api, namespace, "none", selecting(app="mail"))
    assert sync(kubeconfig).counts == {"created": 6}
    assert names(api, namespace) == [
        "pod-bare-from-every-cfg",
        "pod-bare-from-other-cfg",
        "pod-db-from-every-cfg",
        "pod-db-from-other-cfg",
        "pod-db-from-tier-cfg",
        "pod-web-from-every-cfg",
    ]


def test_names_too_long_are_cut_and_told_apart_by_a_hash(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§3: up to 253 characters as they are; beyond, cut, hashed, unique, stable and legal."""
    room = 253 - len("pod--from-mine-cfg")
    exact = api.make_pod(namespace, "e" * room)
    # One of the two is cut behind a dot, which must not stand before the hash.
    dotted = ("d" * 218 + ".d" * 16, "d" * 219 + ".d" * 16)
    long = {name: api.make_pod(namespace, name) for d in dotted for name in (f"{d}1", f"{d}2")}
    make_config(api, namespace)

    assert sync(kubeconfig).counts == {"created": 5}

    found = {obj["data"]["podName"]: obj for obj in all_config_maps(api, namespace)}
    assert found["e" * room]["metadata"]["name"] == f"pod-{'e' * room}-from-mine-cfg"
    assert found["e" * room]["metadata"]["ownerReferences"] == [owner(exact)]
    for name, pod in long.items():
        made = found[name]["metadata"]
        assert re.fullmatch(r"pod-d{218}[.d]*d-[0-9a-f]{8,}-cfg", made["name"])
        assert 240 < len(made["name"]) <= 253
        assert made["ownerReferences"] == [owner(pod)]
    assert len({obj["metadata"]["name"] for obj in found.values()}) == 5
    assert sync(kubeconfig).counts == {"unchanged": 5}


@pytest.mark.parametrize("dots", ["c.cc", "cc.c", ".ccc", "ccc."])
def test_a_config_name_that_is_no_label_value_is_kept_in_an_annotation(
    api: Api, namespace: str, kubeconfig: Path, dots: str
) -> None:
    """§3: over 63 characters the label is cut and hashed, the full name is in pcmc-name."""
    exact, long = (f"{('cccc' + dots * 60)[: length - 1]}z" for length in (63, 64))
    pod = api.make_pod(namespace, "web")
    make_config(api, namespace, exact)
    make_config(api, namespace, long)

    assert sync(kubeconfig).code == 0

    made = [obj["metadata"] for obj in all_config_maps(api, namespace)]
    whole, cut = sorted(made, key=lambda metadata: "annotations" in metadata)
    assert whole["labels"] == {
        GENERATED_BY: exact,
        POD_UID: pod["metadata"]["uid"],
        MANAGED_BY: "podcm-sync",
    }
    assert "annotations" not in whole
    assert cut["annotations"] == {PCMC_NAME: long}
    assert re.fullmatch(r"c{3}[.c]*c-[0-9a-f]{8,}", cut["labels"][GENERATED_BY])
    assert len(cut["labels"][GENERATED_BY]) <= 63
    assert sync(kubeconfig).counts == {"unchanged": 2}
    # And it is known by that label when its config is gone.
    api.delete("PodConfigMapConfig", namespace, long)
    assert sync(kubeconfig).came_to[cut["name"]] == ("deleted", "ConfigGone")
