"""Names (§3): of generated ConfigMaps, of label values, and the form that is half a proof."""

import pytest

from podcm_sync.reconcile.names import (
    config_map_name,
    generated_by,
    is_generated_name,
    is_ours,
    label_value,
)
from tests.builders import GENERATED_BY, PCMC_NAME, POD_UID, config_map


def test_a_name_is_pod_from_pcmc_cfg() -> None:
    assert config_map_name("web-0", "web") == "pod-web-0-from-web-cfg"


def test_two_pairs_can_give_one_name() -> None:
    """behavior.md §3: `a` + `b-from-c` and `a-from-b` + `c`; the plan settles whose it is."""
    assert config_map_name("a", "b-from-c") == "pod-a-from-b-from-c-cfg"
    assert config_map_name("a-from-b", "c") == "pod-a-from-b-from-c-cfg"


def test_a_name_of_253_characters_is_not_cut() -> None:
    pod_name, pcmc_name = "p" * 139, "c" * 100
    assert config_map_name(pod_name, pcmc_name) == f"pod-{'p' * 139}-from-{'c' * 100}-cfg"
    assert len(config_map_name(pod_name, pcmc_name)) == 253


def test_a_name_of_254_characters_is_cut_and_hashed() -> None:
    name = config_map_name("p" * 140, "c" * 100)
    assert len(name) == 253
    assert name.startswith(f"pod-{'p' * 140}-from-{'c' * 82}-")
    assert name.endswith("-cfg")


@pytest.mark.parametrize(
    ("pod_name", "pcmc_name", "expected"),
    [
        pytest.param(
            "p" * 200,
            "c" * 100,
            f"pod-{'p' * 200}-from-{'c' * 22}-753a683f857c6f01-cfg",
            id="cut in the config's name",
        ),
        pytest.param(
            "a" * 227 + "." + "b" * 20,
            "c" * 40,
            f"pod-{'a' * 227}-329f074138925404-cfg",
            id="freed of a dot at the end",
        ),
        pytest.param(
            "a" * 227,
            "c" * 40,
            f"pod-{'a' * 227}-c8c0a9e0f42b67a5-cfg",
            id="freed of a dash at the end",
        ),
    ],
)
def test_a_hashed_name_is_the_same_for_ever(pod_name: str, pcmc_name: str, expected: str) -> None:
    """The digits are `printf pod/pcmc | sha256sum | cut -c1-16`; another version must agree."""
    assert config_map_name(pod_name, pcmc_name) == expected


def test_the_hash_is_over_both_full_names() -> None:
    """Names that are alike up to the cut, or that run into each other, stay apart."""
    pairs = [
        ("p" * 250, "c"),
        ("p" * 251, "c"),
        ("p" * 250, "d"),
        ("p" * 120, "c" * 124 + "d"),
        ("p" * 120, "c" * 124 + "e"),
        ("p" * 120 + "-from-" + "q" * 120, "c"),
        ("p" * 120, "q" * 120 + "-from-c"),
    ]
    names = [config_map_name(*pair) for pair in pairs]
    assert len(set(names)) == len(pairs)


def test_a_hashed_name_has_the_form_that_is_ours() -> None:
    assert is_generated_name(config_map_name("p" * 253, "c" * 253))


@pytest.mark.parametrize(
    ("pcmc_name", "expected"),
    [
        ("web", "web"),
        ("n" * 63, "n" * 63),
        ("n" * 64, f"{'n' * 46}-ce068a195ab380a8"),
        ("n" * 45 + "-." + "n" * 20, f"{'n' * 45}-f826e57db6b35ff7"),
        ("team.web", "team.web"),
    ],
)
def test_a_label_value_is_the_name_or_is_cut_and_hashed(pcmc_name: str, expected: str) -> None:
    """behavior.md §3: over 63 characters; the digits are those of `printf name | sha256sum`."""
    assert label_value(pcmc_name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pod-web-0-from-web-cfg", True),
        ("pod-x-cfg", True),
        ("pod--cfg", False),
        ("pod-cfg", False),
        ("pod-web-0-from-web", False),
        ("web-0-from-web-cfg", False),
        ("my-pod-web-cfg", False),
        ("pod-web-cfg-old", False),
    ],
)
def test_the_form_of_a_generated_name_is_pod_something_cfg(name: str, expected: bool) -> None:
    assert is_generated_name(name) is expected


@pytest.mark.parametrize(
    ("labels", "name", "expected"),
    [
        pytest.param({}, None, True, id="both labels and the form"),
        pytest.param({"app.kubernetes.io/managed-by": None}, None, True, id="the Go controller's"),
        pytest.param({GENERATED_BY: None}, None, False, id="no generated-by-pcmc"),
        pytest.param({POD_UID: None}, None, False, id="no pod-uid"),
        pytest.param({}, "settings", False, id="another form of name"),
        pytest.param({GENERATED_BY: "", POD_UID: ""}, None, True, id="empty labels are labels"),
    ],
)
def test_ours_is_what_has_both_labels_and_the_form(
    labels: dict[str, str | None], name: str | None, expected: bool
) -> None:
    """behavior.md §3, "Ownership"."""
    assert is_ours(config_map(name, labels=labels)) is expected


def test_a_config_map_names_its_config_by_the_label() -> None:
    assert generated_by(config_map(made_by="web")) == "web"


def test_a_long_config_is_named_by_the_annotation() -> None:
    long = "n" * 64
    made = config_map(
        "pod-x-cfg",
        labels={GENERATED_BY: f"{'n' * 46}-ce068a195ab380a8"},
        annotations={PCMC_NAME: long},
    )
    assert generated_by(made) == long


def test_the_annotation_counts_only_where_the_label_agrees() -> None:
    """Anybody may edit an annotation; it must not move a ConfigMap to another config."""
    made = config_map(made_by="web", annotations={PCMC_NAME: "another"})
    assert generated_by(made) == "web"
