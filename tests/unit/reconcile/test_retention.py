"""Whose ConfigMaps stay as they are (behavior.md §3): a keeper's own, found by label or by name."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, PodConfigMapConfig, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.names import config_map_name
from podcm_sync.reconcile.retention import Retention
from tests.builders import GENERATED_BY, config_map, newer_pcmc, pcmc, pod, problem, snapshot

OWN = config_map()
EDITED = config_map(labels={GENERATED_BY: "nobody"})
LONG = "n" * 64
LONG_LABEL = f"{'n' * 46}-ce068a195ab380a8"


def keepers(*configs: PodConfigMapConfig, problems: tuple[Problem, ...] = ()) -> Retention:
    seen = snapshot(*configs, problems=problems)
    return Retention(seen, build(seen))


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (pcmc(suspend=True), Reason.SUSPENDED),
        (pcmc(labels=["a b"]), Reason.CONFIG_INVALID),
        (pcmc(spec_error="spec: no"), Reason.CONFIG_INVALID),
        (newer_pcmc(), Reason.CONFIG_NEWER),
        (pcmc(suspend=True, labels=["a b"]), Reason.SUSPENDED),
        (pcmc(), None),
        (pcmc(terminating=True, suspend=True), None),
        (pcmc(terminating=True, labels=["a b"]), None),
        (pcmc(namespace="other", suspend=True), None),
    ],
)
def test_who_is_a_keeper(config: PodConfigMapConfig, reason: Reason | None) -> None:
    """Suspended, invalid and unreadable configs, unless they are going, of the same namespace."""
    keeper = keepers(config).by_label(OWN)
    assert (keeper and keeper.reason) == reason


def test_a_newer_config_is_not_called_invalid() -> None:
    keeper = keepers(newer_pcmc()).by_label(OWN)
    assert str(keeper) == ("PodConfigMapConfig web, which is newer than this version of podcm-sync")


def test_an_undecodable_config_is_a_keeper() -> None:
    found = keepers(problems=(problem("PodConfigMapConfig", "web"),)).by_label(OWN)
    assert found is not None
    assert (found.pcmc_name, found.reason) == ("web", Reason.CONFIG_INVALID)


def test_a_config_whose_templates_nobody_parsed_is_a_keeper() -> None:
    """It may be invalid, and then it would keep what it has."""
    seen = snapshot(pcmc(templates={"k": "{{ .name"}, match_labels={"no": "pod"}))
    name = NamespacedName("shop", "web")
    unjudged = replace(build(seen), invalid={}, unjudged=frozenset({name}))
    found = Retention(seen, unjudged).by_label(OWN)
    assert found is not None
    assert (found.pcmc_name, found.reason) == ("web", Reason.CONFIG_INVALID)
    assert "not parsed in time" in str(found)


def test_a_keeper_of_a_long_name_is_found_by_its_hashed_label() -> None:
    of_long = config_map(
        f"pod-web-0-from-{LONG}-cfg", made_by=LONG, labels={GENERATED_BY: LONG_LABEL}
    )
    found = keepers(pcmc(LONG, suspend=True)).by_label(of_long)
    assert found is not None
    assert found.pcmc_name == LONG


def test_a_cut_name_may_be_that_of_whatever_config_its_label_names() -> None:
    cut = config_map(f"pod-{'p' * 228}-0123456789abcdef-cfg", made_for=pod("p" * 250))
    assert keepers(pcmc(suspend=True)).by_label(cut) is not None


def test_a_label_that_the_name_denies_was_edited() -> None:
    asleep = pcmc("asleep", suspend=True)
    edited = config_map(labels={GENERATED_BY: "asleep"})
    assert keepers(asleep).by_label(edited) is None


def test_a_label_that_the_name_denies_is_no_reason_to_delete() -> None:
    """Where nothing wants it and it is in doubt whose it is, it is left alone."""
    edited = config_map(labels={GENERATED_BY: "asleep"})
    found = keepers(pcmc("asleep", suspend=True)).by_label_or_name(edited)
    assert found is not None
    assert found.pcmc_name == "asleep"


def test_an_edited_label_does_not_cost_a_keeper_its_own() -> None:
    found = keepers(pcmc(suspend=True)).by_label_or_name(EDITED)
    assert found is not None
    assert found.pcmc_name == "web"
    assert keepers(pcmc(suspend=True)).by_label(EDITED) is None


def test_what_another_made_is_not_kept_for_the_end_of_its_name() -> None:
    other = config_map(made_for=pod("x"), made_by="a-from-web")
    assert keepers(pcmc(suspend=True)).by_label_or_name(other) is None


@pytest.mark.parametrize(
    ("existing", "is_kept"),
    [
        (config_map(made_for=pod("web-0")), True),
        (config_map(made_for=pod("web-0"), made_by="other"), True),
        (config_map(made_for=pod("web-00")), False),
        (config_map(made_for=pod("my-web-0")), False),
        (config_map(made_for=pod("web-0", namespace="other")), False),
    ],
)
def test_an_undecodable_pod_keeps_what_it_may_have(existing: ConfigMap, is_kept: bool) -> None:
    lost = keepers(problems=(problem("Pod", "web-0"),)).lost_pod(existing)
    assert (lost is not None) is is_kept


def test_an_undecodable_config_map_keeps_nothing() -> None:
    assert keepers(problems=(problem("ConfigMap", "web-0"),)).lost_pod(OWN) is None


def test_of_two_keepers_by_name_the_order_of_lists_does_not_choose() -> None:
    edited = config_map(made_for=pod("x"), made_by="a-from-b", labels={GENERATED_BY: "nobody"})
    configs = [pcmc("b", suspend=True), pcmc("a-from-b", suspend=True)]
    found = keepers(*configs).by_label_or_name(edited)
    assert keepers(*reversed(configs)).by_label_or_name(edited) == found


def test_of_two_lost_pods_the_order_of_lists_does_not_choose() -> None:
    existing = config_map(made_for=pod("x-from-a"), made_by="c")
    lost = (problem("Pod", "x"), problem("Pod", "x-from-a"))
    found = keepers(problems=lost).lost_pod(existing)
    assert keepers(problems=lost[::-1]).lost_pod(existing) == found


def test_of_two_lost_pods_whose_names_are_cut_alike_neither_does_it() -> None:
    long_pod = "p" * 205 + "from-a"
    existing = config_map(config_map_name(long_pod, "x"), made_by="x")
    lost = (problem("Pod", f"{long_pod}-from"), problem("Pod", long_pod))
    found = keepers(problems=lost).lost_pod(existing)
    assert found == lost[0]
    assert keepers(problems=lost[::-1]).lost_pod(existing) == found


PARTS = st.lists(st.sampled_from(["a", "from", "b"]), min_size=1, max_size=5).map("-".join)
LONG_POD = "p" * 205


@given(name=PARTS, others=st.lists(PARTS, max_size=4, unique=True))
def test_a_keeper_is_found_by_any_end_that_its_name_may_have(name: str, others: list[str]) -> None:
    """As if each were held against it, one after the other: only quicker."""
    edited = config_map(f"pod-{name}-cfg", labels={GENERATED_BY: "nobody"})
    found = keepers(*(pcmc(each, suspend=True) for each in others)).by_label_or_name(edited)
    fitting = [each for each in others if f"pod-{name}-cfg".endswith(f"-from-{each}-cfg")]
    assert (found and found.pcmc_name) == max(fitting, key=len, default=None)


@given(pod_name=PARTS, tail=st.text("-from", max_size=30), others=st.lists(PARTS, max_size=4))
@example(pod_name="from-from-a", tail="", others=["from-from-a-a", "from-from-a"])
def test_a_lost_pod_is_found_by_any_start_that_a_name_may_have(
    pod_name: str, tail: str, others: list[str]
) -> None:
    for start in ("", LONG_POD):
        full = start + pod_name + tail
        existing = config_map(config_map_name(full, "x"), made_by="x")
        lost = tuple(problem("Pod", start + each) for each in others)
        found = keepers(problems=lost).lost_pod(existing)
        name = existing.namespaced_name.name
        fitting = [
            start + each for each in others if name.startswith(f"pod-{start}{each}-from-"[:221])
        ]
        longest = max(map(len, fitting), default=None)
        assert (found and len(found.namespaced_name.name)) == longest


@pytest.mark.parametrize("dashes", [18, 30, 200])
def test_a_lost_pod_is_found_by_a_cut_name_that_lost_its_dashes_too(dashes: int) -> None:
    """A name that is cut is freed of trailing dashes, of which a Pod's may have any number."""
    pod_name = f"{'p' * (236 - dashes - 1)}{'-' * dashes}{'q' * 16}"
    existing = config_map(config_map_name(pod_name, "web"), made_for=pod("gone"))
    found = keepers(problems=(problem("Pod", pod_name),))
    assert found.lost_pod(existing) is not None
    assert keepers(problems=(problem("Pod", "p"),)).lost_pod(existing) is None
