"""A guard only takes deletes away, and no tenant decides about another one's (behavior.md §6)."""

from collections import Counter

from hypothesis import assume, given
from hypothesis import strategies as st

from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Change, Plan, SyncPolicy, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.prune import Guards, PruneBudget, PruneLimit, guard
from podcm_sync.reconcile.snapshot import Snapshot
from tests.builders import change, config_map, pod, snapshot
from tests.laws.worlds import World, worlds

HOLDS_BACK = {Reason.PRUNE_BLOCKED, Reason.PRUNE_TOTAL_BLOCKED, Reason.UPSERT_ONLY}
NAMES = ("a", "b", "c", "d")
LIMITS = st.lists(
    st.builds(PruneLimit, amount=st.integers(0, 12), is_percentage=st.just(False))
    | st.builds(PruneLimit, amount=st.sampled_from([0, 10, 50, 100]), is_percentage=st.just(True)),
    max_size=2,
).map(tuple)
GUARDS = st.builds(
    Guards,
    max_prune=LIMITS,
    max_prune_total=LIMITS,
    sync_policy=st.sampled_from([*[SyncPolicy.SYNC] * 4, SyncPolicy.UPSERT_ONLY]),
)
TENANTS = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.integers(0, 12), st.integers(0, 9)), min_size=1
)
"""By namespace: how many ConfigMaps are deleted, and how many stay."""


def judged(
    tenants: dict[str, tuple[int, int]], guards: Guards, scope: tuple[str, ...] | None = None
) -> Counter[tuple[str, bool]]:
    """How many deletes of each namespace go through, and how many do not."""
    seen, plan = described(tenants, scope)
    guarded = guard(plan, PruneBudget.of(guards, seen, plan), seen)
    return Counter(
        (each.namespaced_name.namespace, each.verb is Verb.DELETE) for each in guarded.changes
    )


def described(
    tenants: dict[str, tuple[int, int]], scope: tuple[str, ...] | None
) -> tuple[Snapshot, Plan]:
    changes: list[Change] = []
    config_maps: list[ConfigMap] = []
    for namespace, (deleted, kept) in sorted(tenants.items()):
        made = [
            config_map(made_for=pod(f"p-{number}", namespace=namespace))
            for number in range(deleted + kept)
        ]
        config_maps += made
        changes += [
            change(
                Verb.DELETE,
                Reason.CONFIG_GONE,
                name=each.namespaced_name.name,
                namespace=namespace,
                existing=each,
            )
            for each in made[:deleted]
        ]
    return snapshot(*config_maps, namespaces=scope), Plan(changes=tuple(changes))


@given(world=worlds(), guards=GUARDS)
def test_a_guarded_plan_is_the_plan_with_skips_for_all_deletes_of_some_namespaces(
    world: World, guards: Guards
) -> None:
    seen = world.snapshot()
    plan = diff(seen, build(seen), {})
    guarded = guard(plan, PruneBudget.of(guards, seen, plan), seen)
    verdicts: dict[str, set[bool]] = {}
    for was, now in zip(plan.changes, guarded.changes, strict=True):
        if was.verb is Verb.DELETE:
            verdicts.setdefault(was.namespaced_name.namespace, set()).add(was == now)
        if was == now:
            continue
        assert (was.verb, now.verb) == (Verb.DELETE, Verb.SKIP)
        assert now.reason in HOLDS_BACK
        assert (now.planned_reason, now.planned_message) == (was.reason, was.message)
        assert (now.namespaced_name, now.existing) == (was.namespaced_name, was.existing)
    assert all(len(verdict) == 1 for verdict in verdicts.values())


@given(tenants=TENANTS, limits=LIMITS, other=st.tuples(st.integers(0, 12), st.integers(0, 9)))
def test_under_max_prune_a_tenant_changes_no_other_namespaces_verdict(
    tenants: dict[str, tuple[int, int]], limits: tuple[PruneLimit, ...], other: tuple[int, int]
) -> None:
    """Whatever it deletes, keeps or forges."""
    guards = Guards(max_prune=limits)
    before, after = judged(tenants, guards), judged({**tenants, "d": other}, guards)
    for namespace in NAMES[:-1]:
        for is_deleted in (True, False):
            assert before[namespace, is_deleted] == after[namespace, is_deleted]


@given(tenant=st.integers(0, 40), kept=TENANTS, limits=LIMITS)
def test_no_single_tenant_trips_the_total(
    tenant: int, kept: dict[str, tuple[int, int]], limits: tuple[PruneLimit, ...]
) -> None:
    """The others delete nothing; what it deletes goes through, unless nothing may be deleted."""
    assume(any(limit.amount for limit in limits))
    others = {name: (0, count + more) for name, (count, more) in kept.items()}
    after = judged({**others, "d": (tenant, 0)}, Guards(max_prune_total=limits))
    assert after["d", True] == tenant


@given(tenants=TENANTS, forged=st.integers(0, 40), limit=st.integers(1, 40))
def test_if_the_others_are_within_a_number_one_tenant_more_never_trips_the_total(
    tenants: dict[str, tuple[int, int]], forged: int, limit: int
) -> None:
    """The namespace with the most deletions is left out, whichever it is."""
    deleted = sum(count for name, (count, _) in tenants.items() if name != "d")
    number = PruneLimit(amount=max(limit, deleted), is_percentage=False)
    after = judged({**tenants, "d": (forged, 0)}, Guards(max_prune_total=(number,)))
    assert not any(count for (_, is_deleted), count in after.items() if not is_deleted)


@given(
    first=TENANTS,
    second=st.dictionaries(st.sampled_from(NAMES), st.integers(0, 9)),
    max_prune=st.integers(0, 9),
    total=st.integers(0, 9),
    is_one=st.booleans(),
)
def test_no_number_of_passes_deletes_more_than_the_limits(
    first: dict[str, tuple[int, int]],
    second: dict[str, int],
    max_prune: int,
    total: int,
    is_one: bool,
) -> None:
    guards = Guards(
        max_prune=(PruneLimit(amount=max_prune, is_percentage=False),),
        max_prune_total=(PruneLimit(amount=total, is_percentage=False),),
    )
    seen, plan = described(first, ("a",) if is_one else None)
    budget = PruneBudget.of(guards, seen, plan)
    deleted: Counter[str] = Counter()
    for proposed in (plan, described({k: (n, 0) for k, n in second.items()}, None)[1]):
        under_way = [x for x in guard(proposed, budget, seen).changes if x.verb is Verb.DELETE]
        deleted.update(each.namespaced_name.namespace for each in under_way)
        budget = budget.after(proposed, (), under_way)
    assert all(count <= max_prune for count in deleted.values())
    most = 0 if is_one else max(deleted.values(), default=0)
    assert sum(deleted.values()) - most <= total
