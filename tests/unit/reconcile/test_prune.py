"""Guards (behavior.md §6): limits on deletes, over all passes of a run."""

import re
from collections.abc import Mapping

import pytest

from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Change, Plan, Result, SyncPolicy, Verb
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.prune import Guards, PruneBudget, PruneLimit, guard, parse_limit
from podcm_sync.reconcile.snapshot import Snapshot
from tests.builders import (
    GENERATED_BY,
    NAMESPACE,
    POD_UID,
    change,
    config_map,
    outcome,
    pcmc,
    pod,
    snapshot,
)


def number(amount: int) -> PruneLimit:
    return PruneLimit(amount=amount, is_percentage=False)


def percent(amount: int) -> PruneLimit:
    return PruneLimit(amount=amount, is_percentage=True)


def delete(name: str, namespace: str = NAMESPACE, reason: Reason = Reason.NOT_SELECTED) -> Change:
    existing = config_map(made_for=pod(name, namespace=namespace))
    return change(
        Verb.DELETE,
        reason,
        name=f"pod-{name}-from-web-cfg",
        namespace=namespace,
        existing=existing,
        message=f"{name} is not selected",
    )


def deletes(**counts: int) -> Plan:
    """A plan with so many deletes in each namespace, and a create."""
    names = [(f"p-{n}", namespace) for namespace, count in counts.items() for n in range(count)]
    return Plan(changes=(change(name="pod-new-from-web-cfg"), *(delete(*each) for each in names)))


def world(*namespaces: str, **counts: int) -> Snapshot:
    """What is listed: so many of our ConfigMaps in each namespace, and a config."""
    made = [pod(f"p-{n}", namespace=name) for name, count in counts.items() for n in range(count)]
    configs = [pcmc(namespace=name) for name in counts]
    return snapshot(
        *configs, *(config_map(made_for=each) for each in made), namespaces=namespaces or None
    )


def held_back(
    plan: Plan,
    *max_prune: PruneLimit,
    total: tuple[PruneLimit, ...] = (),
    seen: Snapshot | None = None,
) -> Mapping[str, Reason]:
    """The namespaces whose deletes are held back, and why: each has all its deletes or none."""
    seen = seen or snapshot()
    budget = PruneBudget.of(Guards(max_prune=max_prune, max_prune_total=total), seen, plan)
    guarded = guard(plan, budget, seen)
    reasons: dict[str, Reason] = {}
    spared = set()
    for was, now in zip(plan.changes, guarded.changes, strict=True):
        if was.verb is not Verb.DELETE or was == now:
            assert was == now
            spared |= {was.namespaced_name.namespace} if was.verb is Verb.DELETE else set()
            continue
        assert now.verb is Verb.SKIP
        assert (now.planned_reason, now.planned_message) == (was.reason, was.message)
        assert now.existing == was.existing
        reasons[was.namespaced_name.namespace] = now.reason
    assert spared.isdisjoint(reasons)
    return reasons


def message_of(
    plan: Plan, *max_prune: PruneLimit, total: tuple[PruneLimit, ...] = (), seen: Snapshot
) -> str:
    """What is said of the first delete that is held back."""
    budget = PruneBudget.of(Guards(max_prune=max_prune, max_prune_total=total), seen, plan)
    return next(x.message for x in guard(plan, budget, seen).changes if x.verb is Verb.SKIP)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", number(0)),
        ("100", number(100)),
        ("101", number(101)),
        ("999999999", number(999_999_999)),
        ("50%", percent(50)),
        ("0%", percent(0)),
        ("100%", percent(100)),
        (" 7 ", number(7)),
    ],
)
def test_a_limit_is_a_number_or_a_percentage(text: str, expected: PruneLimit) -> None:
    assert parse_limit(text) == expected


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "101%", "%", "ten", "1e3", "5 %", "٣", "1%%", "1000000000"]
)
def test_anything_else_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write 100 or 50%"):
        parse_limit(text)


@pytest.mark.parametrize(
    ("limit", "total", "expected"),
    [
        (number(3), 0, 3),
        (number(3), 1_000, 3),
        (percent(50), 10, 5),
        (percent(50), 11, 6),
        (percent(1), 1, 1),
        (percent(1), 101, 2),
        (percent(33), 100, 33),
        (percent(7), 100, 7),
        (percent(0), 100, 0),
        (percent(100), 7, 7),
    ],
)
def test_a_percentage_is_rounded_up(limit: PruneLimit, total: int, expected: int) -> None:
    assert limit.of(total) == expected


NAMESPACE_BLOCKED, TOTAL_BLOCKED = Reason.PRUNE_BLOCKED, Reason.PRUNE_TOTAL_BLOCKED


def test_without_a_limit_everything_goes_through() -> None:
    assert held_back(deletes(a=9, b=9)) == {}


@pytest.mark.parametrize(("limit", "expected"), [(3, {}), (2, {"a": NAMESPACE_BLOCKED})])
def test_a_namespace_over_the_limit_deletes_nothing_and_others_are_not_affected(
    limit: int, expected: dict[str, Reason]
) -> None:
    assert held_back(deletes(a=3, b=2), number(limit)) == expected


def test_those_whose_pod_is_gone_count_as_well() -> None:
    """An orphan is deleted by podcm-sync alone."""
    plan = Plan(changes=(delete("a"), delete("b", reason=Reason.POD_GONE)))
    assert held_back(plan, number(1)) == {NAMESPACE: NAMESPACE_BLOCKED}
    assert held_back(plan, number(2)) == {}


def test_a_percentage_is_of_the_config_maps_of_that_namespace() -> None:
    seen = world(a=10, b=1_000)
    assert held_back(deletes(a=6), percent(50), seen=seen) == {"a": NAMESPACE_BLOCKED}
    assert held_back(deletes(a=5, b=500), percent(50), seen=seen) == {}


@pytest.mark.parametrize(
    "spared",
    [
        config_map(made_for=pod("x"), annotations={"podconfig.example.com/prune": "disabled"}),
        config_map(made_for=pod("x"), terminating=True),
        config_map(made_for=pod("x"), labels={POD_UID: None}),
        config_map("settings", made_for=pod("x")),
    ],
    ids=["prune disabled", "being deleted", "a label missing", "another name"],
)
def test_a_percentage_is_of_those_alone_that_a_run_could_delete(spared: ConfigMap) -> None:
    """Of two, one may be deleted at 50%; what no run deletes makes it no more."""
    seen = snapshot(config_map(made_for=pod("a")), config_map(made_for=pod("b")), spared)
    plan = Plan(changes=(delete("a"), delete("b")))
    assert held_back(plan, percent(50), seen=seen) == {NAMESPACE: NAMESPACE_BLOCKED}


@pytest.mark.parametrize("reason", [Reason.COPY, Reason.LEFT_TO_GARBAGE_COLLECTOR])
def test_a_percentage_is_of_none_that_the_plan_leaves_to_others(reason: Reason) -> None:
    seen = snapshot(*(config_map(made_for=pod(name)) for name in ("a", "b", "x")))
    skip = change(Verb.SKIP, reason, name="pod-x-from-web-cfg")
    plan = Plan(changes=(delete("a"), delete("b"), skip))
    assert held_back(plan, percent(50), seen=seen) == {NAMESPACE: NAMESPACE_BLOCKED}


def test_a_percentage_does_not_count_incomplete_namespaces() -> None:
    seen = snapshot(*world(a=10).config_maps, incomplete={"a": "no right"})
    assert held_back(deletes(a=1), percent(50), seen=seen) == {"a": NAMESPACE_BLOCKED}


def test_the_most_generous_limit_applies() -> None:
    seen = world(a=10)
    for limits in ((number(2), percent(50)), (percent(10), number(5))):
        assert held_back(deletes(a=5), *limits, seen=seen) == {}
        assert held_back(deletes(a=6), *limits, seen=seen) == {"a": NAMESPACE_BLOCKED}


def test_the_most_generous_limit_applies_to_the_total_too() -> None:
    seen = world(a=10, b=10)
    for limits in ((number(2), percent(50)), (percent(10), number(5))):
        assert held_back(deletes(a=6, b=5), total=limits, seen=seen) == {}
        blocked = dict.fromkeys("ab", TOTAL_BLOCKED)
        assert held_back(deletes(a=6, b=6), total=limits, seen=seen) == blocked


def test_the_total_leaves_out_the_namespace_that_would_delete_most() -> None:
    total = (number(3),)
    assert held_back(deletes(a=100), total=total) == {}
    assert held_back(deletes(a=100, b=3), total=total) == {}
    assert held_back(deletes(a=100, b=3, c=1), total=total) == dict.fromkeys("abc", TOTAL_BLOCKED)
    assert held_back(deletes(a=4, b=4), total=total) == dict.fromkeys("ab", TOTAL_BLOCKED)


@pytest.mark.parametrize("zero", [number(0), percent(0)])
def test_a_total_of_zero_deletes_nothing_anywhere(zero: PruneLimit) -> None:
    assert held_back(deletes(a=1), total=(zero,)) == {"a": TOTAL_BLOCKED}
    assert held_back(deletes(a=4, b=1), total=(zero,)) == dict.fromkeys("ab", TOTAL_BLOCKED)


def test_a_command_that_ignores_prune_disabled_is_not_suggested() -> None:
    """`kubectl delete -l` would take the protected ConfigMap with the others."""
    gone = [config_map(made_for=pod(f"w{n}"), made_by="old", owners=[]) for n in range(3)]
    plain = snapshot(*gone)
    plan = diff(plain, build(plain), {})
    assert "kubectl -n shop delete" in message_of(plan, number(1), seen=plain)
    prune = {"podconfig.example.com/prune": "disabled"}
    seen = snapshot(
        *gone, config_map(made_for=pod("w9"), made_by="old", owners=[], annotations=prune)
    )
    assert "kubectl" not in message_of(plan, number(1), seen=seen)


def test_in_a_run_of_one_namespace_that_one_counts_for_the_total() -> None:
    seen = world("a", a=10)
    assert held_back(deletes(a=4), total=(number(3),), seen=seen) == {"a": TOTAL_BLOCKED}
    assert held_back(deletes(a=3), total=(number(3),), seen=seen) == {}
    assert held_back(deletes(a=4), total=(number(3),), seen=world("a", "b", a=10)) == {}


def test_the_totals_percentage_is_of_those_same_namespaces() -> None:
    """20% of b and c, which have 20; a's 1,000 do not count."""
    seen = world(a=1_000, b=10, c=10)
    total = (percent(20),)
    assert held_back(deletes(a=900, b=2, c=2), total=total, seen=seen) == {}
    blocked = dict.fromkeys("abc", TOTAL_BLOCKED)
    assert held_back(deletes(a=900, b=3, c=2), total=total, seen=seen) == blocked


def test_what_max_prune_holds_back_counts_for_the_total() -> None:
    plan = deletes(a=9, b=9, c=1)
    assert held_back(plan, number(5), total=(number(10),)) == {
        "a": NAMESPACE_BLOCKED,
        "b": NAMESPACE_BLOCKED,
    }
    blocked = dict.fromkeys("abc", TOTAL_BLOCKED)
    assert held_back(plan, number(5), total=(number(9),)) == blocked


def test_a_message_names_the_option_that_lets_the_namespace_through() -> None:
    seen = world(a=10)
    message = message_of(deletes(a=3), number(2), seen=seen)
    assert "to allow them, use --max-prune 3" in message
    assert "to allow it, use --max-prune 1" in message_of(deletes(a=1), number(0), seen=seen)
    assert "kubectl" not in message  # the config exists: it would delete wanted ones too
    assert held_back(deletes(a=3), number(3), seen=seen) == {}


def test_a_message_of_the_total_names_all_options_that_let_a_change_through() -> None:
    plan, seen = deletes(a=9, b=5), world(a=10, b=10)
    message = message_of(plan, number(2), total=(number(4),), seen=seen)
    assert "to allow them, use --max-prune-total 5 with --max-prune 9" in message
    assert held_back(plan, number(9), total=(number(5),), seen=seen) == {}
    assert "use --max-prune-total 5" in message_of(plan, total=(number(4),), seen=seen)


def test_if_the_config_is_gone_the_message_has_the_command_that_a_tenant_can_run() -> None:
    gone = snapshot(pcmc(terminating=True))
    command = f"kubectl -n {NAMESPACE} delete configmap -l {GENERATED_BY}=web"
    assert message_of(Plan(changes=(delete("a"),)), number(0), seen=gone).endswith(command)


def test_a_label_that_no_api_server_takes_is_no_part_of_a_command() -> None:
    forged = config_map(labels={GENERATED_BY: "web; rm -rf ~"})
    plan = Plan(changes=(change(Verb.DELETE, Reason.CONFIG_GONE, existing=forged),))
    assert "kubectl" not in message_of(plan, number(0), seen=snapshot())


def budget_of(*limits: PruneLimit, total: tuple[PruneLimit, ...] = ()) -> PruneBudget:
    guards = Guards(max_prune=limits, max_prune_total=total)
    return PruneBudget.of(guards, snapshot(), Plan(changes=()))


def verbs(plan: Plan, budget: PruneBudget) -> list[Verb]:
    return [
        each.verb
        for each in guard(plan, budget, snapshot()).changes
        if each.verb is not Verb.CREATE
    ]


def test_what_was_deleted_counts_against_later_passes() -> None:
    plan = deletes(a=3)
    done = [outcome(Result.DELETED, Reason.NOT_SELECTED, of=each) for each in plan.changes[1:3]]
    failed = outcome(Result.FAILED, Reason.FORBIDDEN, of=plan.changes[3])
    budget = budget_of(number(3)).after(plan, [*done, failed])
    assert verbs(deletes(a=1), budget) == [Verb.DELETE]
    assert verbs(deletes(a=2), budget) == [Verb.SKIP, Verb.SKIP]
    assert verbs(deletes(b=3), budget) == [Verb.DELETE] * 3


def test_what_is_under_way_counts_as_deleted() -> None:
    plan = deletes(a=2)
    budget = budget_of(number(2)).after(plan, [], plan.changes)
    assert verbs(deletes(a=1), budget) == [Verb.SKIP]


def test_the_total_counts_over_all_passes() -> None:
    plan = deletes(a=5, b=2)
    done = [outcome(Result.DELETED, Reason.NOT_SELECTED, of=each) for each in plan.changes[1:]]
    budget = budget_of(total=(number(3),)).after(plan, done)
    assert verbs(deletes(c=1), budget) == [Verb.DELETE]
    assert verbs(deletes(c=2), budget) == [Verb.SKIP, Verb.SKIP]


@pytest.mark.parametrize(
    ("max_prune", "total"), [((number(2),), ()), ((), (number(2),))], ids=["namespace", "total"]
)
def test_once_closed_it_stays_closed_and_names_the_option_for_all_passes(
    max_prune: tuple[PruneLimit, ...], total: tuple[PruneLimit, ...]
) -> None:
    """A later pass over fewer namespaces must not slip under the limit."""
    plan = deletes(a=3, b=3)
    budget = budget_of(*max_prune, total=total).after(plan, []).after(Plan(changes=()), [])
    (again,) = guard(Plan(changes=(delete("p-0", "a"),)), budget, snapshot()).changes
    assert again.verb is Verb.SKIP
    assert re.search(r"to allow them, use --max-prune\S* 3\b", again.message)


def test_upsert_only_deletes_nothing_and_asks_no_guard() -> None:
    guards = Guards(max_prune=(number(0),), sync_policy=SyncPolicy.UPSERT_ONLY)
    plan = deletes(a=2)
    guarded = guard(plan, PruneBudget.of(guards, snapshot(), plan), snapshot()).changes
    assert guarded[0] == plan.changes[0]
    assert {(each.verb, each.reason) for each in guarded[1:]} == {
        (Verb.SKIP, Reason.UPSERT_ONLY),
    }
    assert {each.planned_reason for each in guarded[1:]} == {Reason.NOT_SELECTED}
