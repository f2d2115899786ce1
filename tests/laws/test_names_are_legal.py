"""Every name, label and data key that is desired is legal, by rules written down here anew.

kubernetes.io/docs/concepts/overview/working-with-objects/names and …/labels, and the API's own
rule for keys of a ConfigMap.
"""

import re

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.managed_fields import manifest
from podcm_sync.reconcile.names import config_map_name, label_value
from tests.laws.worlds import World, worlds

SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
QUALIFIED = re.compile(r"([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
DATA_KEY = re.compile(r"[A-Za-z0-9._-]{1,253}")

WORDS = st.text("ab0", min_size=1, max_size=60)
NAMES = st.lists(
    st.tuples(WORDS, st.sampled_from([".", "-", "--", "-from-"])), min_size=1, max_size=8
).map(lambda parts: "".join(word + mark for word, mark in parts)[:252] + "z")
"""Legal names of Pods and configs, up to the longest."""
LEGAL_NAMES = NAMES.filter(lambda name: SUBDOMAIN.fullmatch(name) is not None)


def is_name(name: str) -> bool:
    return len(name) <= 253 and SUBDOMAIN.fullmatch(name) is not None


@given(pod_name=LEGAL_NAMES, pcmc_name=LEGAL_NAMES)
def test_a_config_maps_name_is_legal_stable_and_of_the_form(pod_name: str, pcmc_name: str) -> None:
    name = config_map_name(pod_name, pcmc_name)
    assert is_name(name)
    assert re.fullmatch(r"pod-.+-cfg", name)
    assert config_map_name(pod_name, pcmc_name) == name


@given(pcmc_name=LEGAL_NAMES)
def test_a_label_value_is_legal(pcmc_name: str) -> None:
    assert LABEL_VALUE.fullmatch(label_value(pcmc_name))


@given(one=st.tuples(LEGAL_NAMES, LEGAL_NAMES), other=st.tuples(LEGAL_NAMES, LEGAL_NAMES))
def test_two_pairs_share_a_name_only_if_their_whole_texts_are_alike(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    """A cut name is shared by no other pair; an uncut one by those that spell it."""
    if one != other and config_map_name(*one) == config_map_name(*other):
        assert "-from-".join(one) == "-from-".join(other)


@given(world=worlds())
def test_whatever_is_desired_is_legal(world: World) -> None:
    for desired in build(world.snapshot()).config_maps.values():
        whole = manifest(desired)
        metadata = whole["metadata"]
        assert is_name(metadata["name"])
        for key, value in metadata["labels"].items():
            assert QUALIFIED.fullmatch(key)
            assert LABEL_VALUE.fullmatch(value)
        for key in metadata.get("annotations", {}):
            assert QUALIFIED.fullmatch(key)
        for key in whole["data"]:
            assert DATA_KEY.fullmatch(key)
            assert key != "."
            assert not key.startswith("..")
        assert sum(bool(each.get("controller")) for each in metadata["ownerReferences"]) == 1
