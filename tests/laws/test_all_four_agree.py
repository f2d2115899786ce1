"""Dry run, explain, saved plan and real run never disagree over one world, object for object.

Other laws hold them to each other in pairs. This one holds all of them, in one world, to the same
verbs, reasons, contents, conditions, digest and exit code, and these to what is stored in the end.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from hypothesis import given
from msgspec import structs

from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.explain.explanation import CONFIG_MAP, POD, Explanation
from podcm_sync.plans.apply_plan import apply_saved
from podcm_sync.reconcile.changes import WRITES, Change, Verb
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.prune import parse_limit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.sync import Policy, run
from tests.builders import NOW, Json, Object
from tests.explanations import decided
from tests.laws.test_explain_agrees_with_the_plan import LIMITS, tell
from tests.laws.test_saved_plan_is_what_is_done import planned as saved_and_loaded
from tests.laws.worlds import EVERYWHERE, World, outline, status_facts, worlds

Said = tuple[Verb, str, NamespacedName, str]
"""A verb, a reason, whose ConfigMap, and of which config."""


def said(change: Change) -> Said:
    return change.verb, change.reason, change.namespaced_name, change.pcmc_name


def explained(plan: Planned, kind: str, changes: Iterable[Change]) -> list[Explanation]:
    """What is said of every object of a kind that is there, or that a plan names."""
    snapshot = plan.snapshot
    listed: Mapping[str, Sequence[Object]] = {
        POD: snapshot.pods,
        KIND: snapshot.configs,
        CONFIG_MAP: snapshot.config_maps,
    }
    names = {each.namespaced_name for each in listed[kind]}
    names |= {each.namespaced_name for each in snapshot.problems if each.kind == kind}
    for change in changes:
        namespace, name = change.namespaced_name
        named = {POD: change.pod_name, KIND: change.pcmc_name, CONFIG_MAP: name}[kind]
        names |= {NamespacedName(namespace, named)} if named else set()
    return [tell(plan, kind, *each) for each in sorted(names)]


def told(explanations: Iterable[Explanation]) -> Counter[Said]:
    """All that they say is planned."""
    return Counter(
        (
            verdict.verb,
            verdict.reason,
            NamespacedName(each.namespace, verdict.config_map),
            verdict.pod_config_map_config,
        )
        for each in explanations
        for verdict in each.verdicts
        if verdict.verb is not None
    )


@given(world=worlds(), limits=LIMITS)
def test_dry_run_explain_saved_plan_and_real_run_are_one(
    world: World, limits: tuple[str, ...]
) -> None:
    policy = Policy(concurrency=1, max_prune=tuple(map(parse_limit, limits)))
    cluster, alone, expecting = world.cluster(), world.cluster(), world.cluster()
    before = cluster.dump()

    dry = run(EVERYWHERE, cluster, None, policy, now=NOW)
    saved = saved_and_loaded(cluster, policy)
    changes = [each.change for each in dry.outcomes]
    plan = decided(cluster, *limits)
    by_kind = {kind: explained(plan, kind, changes) for kind in (POD, KIND, CONFIG_MAP)}
    assert cluster.writes == []

    foretold = Counter(map(said, changes))
    assert told(by_kind[KIND]) == told(by_kind[CONFIG_MAP]) == foretold
    of_pods = Counter(said(each) for each in changes if each.pod_name)
    assert of_pods <= told(by_kind[POD]) <= foretold

    applied = apply_saved(saved, cluster, cluster, Policy(concurrency=1), now=NOW)
    real = run(EVERYWHERE, alone, alone, policy, now=NOW)
    reviewed = structs.replace(policy, expected_digest=dry.digest)
    expected = run(EVERYWHERE, expecting, expecting, reviewed, now=NOW)

    for report in (saved, applied, real, expected):
        assert facts(report) == facts(dry)
        assert exit_code(report) == exit_code(dry)
    assert dry.digest == saved.digest == applied.digest == expected.digest
    after = cluster.dump()
    # Namespaces are written side by side, so that versions may differ.
    assert outline(cluster) == outline(alone) == outline(expecting)
    assert_was_done(before, after, changes)
    assert_was_explained(before, after, by_kind)


def facts(report: Report) -> object:
    """What a report says was, or will be, done, and why."""
    outcomes = [(said(x.change), x.result, x.reason, x.message) for x in report.outcomes]
    return outcomes, status_facts(report), report.problems, report.incomplete


Stored = dict[tuple[str, NamespacedName], Json]


def assert_was_done(before: Stored, after: Stored, changes: list[Change]) -> None:
    """What is stored is what the plan said, and all else is as it was."""
    writes = {each.namespaced_name: each for each in changes if each.verb in WRITES}
    for kind, name in {key for key in (*before, *after) if key[0] in {POD, CONFIG_MAP}}:
        was, stored = before.get((kind, name)), after.get((kind, name))
        change = writes.get(name) if kind == CONFIG_MAP else None
        if change is None:
            assert stored == was
        elif change.verb is Verb.DELETE:
            assert was is not None
            assert stored is None or stored["metadata"].get("deletionTimestamp")
        else:
            assert (was is None) == (change.verb is Verb.CREATE)
            assert stored is not None
            assert change.desired is not None
            assert stored["data"] == change.desired.data
            assert not stored.get("binaryData")


def assert_was_explained(
    before: Stored, after: Stored, by_kind: dict[str, list[Explanation]]
) -> None:
    """The paths that were to differ do, no others; each config has the Ready that it was told."""
    for explanation in by_kind[CONFIG_MAP]:
        key = CONFIG_MAP, NamespacedName(explanation.namespace, explanation.name)
        for verdict in explanation.verdicts:
            if verdict.verb is Verb.UPDATE:
                assert set(verdict.differing) == differing(before[key], after[key])
    for explanation in by_kind[KIND]:
        config = explanation.pod_config_map_config
        name = NamespacedName(explanation.namespace, explanation.name)
        if config is not None and config.ready_planned is not None:
            conditions = after[KIND, name]["status"]["conditions"]
            (stored,) = [each for each in conditions if each["type"] == "Ready"]
            planned = msgspec.to_builtins(config.ready_planned)
            assert {key: planned[key] for key in stored} == stored


def differing(was: Json, now: Json) -> set[str]:
    """Where two stored ConfigMaps differ, as `explain` names places."""
    parts = ("labels", "annotations", "ownerReferences")
    found = {
        f"metadata.{each}"
        for each in parts
        if (was["metadata"].get(each) or {}) != (now["metadata"].get(each) or {})
    }
    if was.get("binaryData") and not now.get("binaryData"):
        found.add("binaryData")
    one, other = was.get("data") or {}, now["data"]
    return found | {f"data.{key}" for key in {*one, *other} if one.get(key) != other.get(key)}
