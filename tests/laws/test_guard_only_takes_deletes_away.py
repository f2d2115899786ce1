"""A guard only takes deletes away, all of them or none (spec §6)."""

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.core.desired import build
from podcm_sync.core.guards import PruneBudget, guard
from podcm_sync.core.plan import diff
from podcm_sync.model.changes import Verb
from podcm_sync.model.reasons import Reason
from tests.laws.worlds import World, worlds


@given(
    world=worlds(),
    allowed=st.none() | st.integers(0, 4),
    spent=st.integers(0, 2),
    wanted=st.integers(0, 4),
)
def test_a_guarded_plan_is_the_plan_with_all_deletes_or_none(
    world: World, allowed: int | None, spent: int, wanted: int
) -> None:
    seen = world.snapshot()
    plan = diff(seen, build(seen), {})
    guarded = guard(plan, PruneBudget(allowed=allowed, spent=spent, wanted=wanted))
    pairs = list(zip(plan.changes, guarded.changes, strict=True))
    deletes = [(was, now) for was, now in pairs if was.verb is Verb.DELETE]
    assert all(was == now for was, now in pairs if was.verb is not Verb.DELETE)
    counted = sum(was.reason is not Reason.POD_GONE for was, _ in deletes)
    if allowed is None or (not wanted and spent + counted <= allowed):
        assert guarded == plan
        return
    for was, now in deletes:
        assert (now.verb, now.reason) == (Verb.SKIP, Reason.PRUNE_BLOCKED)
        assert (now.namespaced_name, now.existing) == (was.namespaced_name, was.existing)
