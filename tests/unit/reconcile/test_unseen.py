"""Pods that no list shows: podcm-sync writes no ConfigMap that may be another Pod's (§3)."""

import pytest

from podcm_sync.api.objects import Pod, PodConfigMapConfig, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.names import config_map_name, pairs
from podcm_sync.reconcile.plan import diff
from tests.builders import Object, config_map, owner, pcmc, pod, problem, snapshot

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
NAME = "pod-a-from-b-from-c-cfg"
INCOMPLETE = {"shop": "page 2 failed"}
SEEN = pod("a")
OWN = pcmc("b-from-c", created=NEW)
RIVAL = pcmc("c", created=OLD)
"""With the Pod a-from-b it gives the same name."""


def decided(*objects: Object, nameless: bool = False) -> tuple[Verb, Reason]:
    """What a plan makes of NAME if a list of Pods did not complete, or a Pod has no name."""
    problems: list[Problem] = [problem("Pod", "")] if nameless else []
    seen = snapshot(*objects, problems=problems, incomplete={} if nameless else INCOMPLETE)
    changes = diff(seen, build(seen), {}).changes
    (change,) = (change for change in changes if change.namespaced_name.name == NAME)
    return change.verb, change.reason


@pytest.mark.parametrize("nameless", [True, False])
def test_a_name_that_an_older_config_may_give_to_an_unseen_pod_is_not_written(
    nameless: bool,
) -> None:
    skip = (Verb.SKIP, Reason.INCOMPLETE)
    theirs = config_map(made_for=pod("a-from-b"), made_by="c")
    assert decided(SEEN, OWN, RIVAL, nameless=nameless) == skip
    assert decided(SEEN, OWN, RIVAL, theirs, nameless=nameless) == skip


@pytest.mark.parametrize(
    "rival",
    [
        pcmc("c", created="2026-07-01T00:00:00Z"),
        pcmc("c", created=OLD, suspend=True),
        pcmc("c", created=OLD, terminating=True),
        pcmc("c", created=OLD, match_labels={"a b": "c"}),
        pcmc("other", created=OLD),
    ],
    ids=["younger", "suspended", "terminating", "invalid", "of another name"],
)
def test_a_config_that_could_not_win_the_name_holds_up_nothing(rival: PodConfigMapConfig) -> None:
    assert decided(SEEN, OWN, rival) == (Verb.CREATE, Reason.MISSING)


def test_a_rival_pod_that_was_seen_holds_up_nothing() -> None:
    """It is known not to be selected."""
    rival = pcmc("c", created=OLD, match_labels={"app": "other"})
    assert decided(SEEN, OWN, rival, pod("a-from-b")) == (Verb.CREATE, Reason.MISSING)


def test_what_is_in_sync_is_kept() -> None:
    mine = config_map(made_for=SEEN, made_by="b-from-c")
    assert decided(SEEN, OWN, RIVAL, mine) == (Verb.KEEP, Reason.IN_SYNC)


@pytest.mark.parametrize(
    ("made_for", "expected"),
    [
        (pod("a-from-b", uid="of a Pod that may be terminating"), (Verb.SKIP, Reason.INCOMPLETE)),
        (pod("a", uid="of the Pod of that name before"), (Verb.UPDATE, Reason.POD_RECREATED)),
    ],
)
def test_an_update_takes_no_config_map_from_an_unseen_pod(
    made_for: Pod, expected: tuple[Verb, Reason]
) -> None:
    """While a Pod is terminating its ConfigMap stays (behavior.md §3)."""
    its_pod = owner(made_for.namespaced_name.name, uid=made_for.uid)
    existing = config_map(NAME, made_for=made_for, made_by="b-from-c", owners=[its_pod])
    assert decided(SEEN, OWN, existing) == expected


def test_of_a_name_that_may_be_a_hash_any_older_config_may_have_it() -> None:
    long = pod("p" * 250)
    name = config_map_name("p" * 250, "b-from-c")
    for rival, verb in ((pcmc("z", created=OLD), Verb.SKIP), (pcmc("z", created=NEW), Verb.CREATE)):
        seen = snapshot(long, OWN, rival, incomplete=INCOMPLETE)
        changes = diff(seen, build(seen), {}).changes
        assert [c.verb for c in changes if c.namespaced_name.name == name] == [verb]


def test_all_pairs_that_give_a_name_are_found() -> None:
    """Also those whose `-from-` overlap: both names may begin or end with `from`."""
    assert set(pairs(NAME)) == {("a", "b-from-c"), ("a-from-b", "c")}
    assert set(pairs("pod-a-from-from-b-cfg")) == {("a", "from-b"), ("a-from", "b")}
    assert set(pairs("pod-a-cfg")) == set()
