"""One broken config changes nobody else's result (§3, an invalid or unreadable config)."""

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.reconcile.changes import AnyOutcome, Result
from podcm_sync.sync import Policy, run
from tests.builders import NOW, Json, Object, manifest, pcmc
from tests.laws.worlds import EVERYWHERE, NAMESPACES, World, outline, worlds

BROKEN = "broken"
"""No other's name, nor the end of one: no ConfigMap there can be its own."""


def unreadable(config: Object) -> Json:
    raw = manifest(config)
    raw["metadata"]["generation"] = "many"
    return raw


@st.composite
def broken_configs(draw: st.DrawFn) -> Object | Json:
    """A config that asks for nothing that can be done, the oldest or the newest."""
    namespace = draw(st.sampled_from(NAMESPACES))
    created = draw(st.sampled_from(["", "2020-01-01T00:00:00Z"]))
    flaws: list[Json] = [
        {"labels": ["a", "a"]},
        {"spec_error": "garbage"},
        {"templates": {"a b": "x"}},
        {"labels": ["a b"], "suspend": True},
    ]
    config = pcmc(BROKEN, namespace=namespace, created=created, **draw(st.sampled_from(flaws)))
    return unreadable(config) if draw(st.booleans()) else config


@given(world=worlds(), broken=broken_configs())
def test_nobody_else_notices_a_broken_config(world: World, broken: Object | Json) -> None:
    before, beside = world.cluster(), world.plus(broken).cluster()
    expected = run(EVERYWHERE, before, before, Policy(concurrency=1), now=NOW)
    found = run(EVERYWHERE, beside, beside, Policy(concurrency=1), now=NOW)

    def facts(outcome: AnyOutcome) -> tuple[str, Result, str, str]:
        change = outcome.change
        return str(change.namespaced_name), outcome.result, outcome.reason, outcome.message

    assert [facts(each) for each in found.outcomes] == [facts(each) for each in expected.outcomes]
    others = {key: raw for key, raw in outline(beside).items() if key[1].name != BROKEN}
    assert others == outline(before)
