"""One decided pass and an object → its Explanation; the plan is asked, never made again."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.explain import object_facts, verdicts
from podcm_sync.explain.explanation import (
    CONFIG_MAP,
    POD,
    ConfigFacts,
    Explanation,
    Subject,
    Unselected,
    UnselectedPod,
    Verdict,
)
from podcm_sync.explain.view import View
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.report import predicted
from podcm_sync.reconcile.selector import Requirement, compile_selector, requirements
from podcm_sync.reconcile.status import predicted_conditions, ready

NAMED: Final = 3
"""How many Pods of those that fail alike are named."""


def explain(
    planned: Planned, subject: Subject, namespace: str, *, is_taken: bool = False, now: str
) -> Explanation:
    """Why the subject is as it is, and what a run would make of it.

    `is_taken` says that a ConfigMap of the subject's name exists without our label, which no list
    of a snapshot shows; `now` is for the Ready condition that a run would stamp.
    """
    view = View(planned, namespace)
    match subject.kind:
        case "Pod":
            return _pod(view, subject.name)
        case "ConfigMap":
            return _config_map(view, subject.name, is_taken=is_taken)
        case _:
            return _config(view, subject.name, now)


def _pod(view: View, name: str) -> Explanation:
    found = object_facts.of_pod(view, name)
    return Explanation(
        kind=POD,
        namespace=view.namespace,
        name=name,
        exists=found.exists,
        pod=found,
        verdicts=tuple(verdicts.of_pod(view, name)),
        incomplete=view.incomplete,
        quoted=view.quoted,
    )


def _config_map(view: View, name: str, *, is_taken: bool) -> Explanation:
    found = object_facts.of_config_map(view, name, is_taken=is_taken)
    # The holder of a contested name comes first.
    changes = sorted(
        view.by_config_map.get(name, ()), key=lambda each: each.reason is Reason.NAME_TAKEN
    )
    said = [verdicts.of_change(view, each) for each in changes]
    pods, configs = view.pods.keys() | view.lost_pods().keys(), set(view.config_names())
    pairs = {(each.pod, each.pod_config_map_config) for each in said}
    said += [
        verdicts.of_pair(view, pod, config)
        for pod, config in view.pairs(name)
        if pod in pods and config in configs and (pod, config) not in pairs
    ]
    # Its own labels before the plan's words: another may want the name.
    pod_name = view.name_of_uid(found.pod_uid) or next((each.pod for each in said), "")
    config_name = found.generated_by or next((each.pod_config_map_config for each in said), "")
    return Explanation(
        kind=CONFIG_MAP,
        namespace=view.namespace,
        name=name,
        exists=found.exists,
        pod=object_facts.of_pod(view, pod_name) if pod_name else None,
        pod_config_map_config=object_facts.of_config(view, config_name) if config_name else None,
        config_map=found,
        verdicts=tuple(said),
        incomplete=view.incomplete,
        quoted=view.quoted,
    )


def _config(view: View, name: str, now: str) -> Explanation:
    found = object_facts.of_config(view, name)
    changes = [each for each in view.changes if each.pcmc_name == name]
    said = [verdicts.of_change(view, each) for each in changes]
    unselected: tuple[Unselected, ...] = ()
    if found.exists and view.selector_of(name) is not None:
        selected = _selected(view, name)
        planned_pods = {each.pod for each in said}
        said += [verdicts.of_pair(view, pod, name) for pod in selected if pod not in planned_pods]
        unselected = tuple(_unselected(view, name, set(selected)))
        if not view.incomplete:  # or there may be more of both
            found = replace(
                found,
                pods=sum(not pod.terminating for pod in view.pods.values()),
                selected_pods=sum(not view.pods[pod].terminating for pod in selected),
            )
    return Explanation(
        kind=KIND,
        namespace=view.namespace,
        name=name,
        exists=found.exists,
        pod_config_map_config=_with_ready(view, found, now),
        verdicts=tuple(sorted(said, key=_by_config_map)),
        unselected=unselected,
        incomplete=view.incomplete,
        quoted=view.quoted,
    )


def _by_config_map(verdict: Verdict) -> tuple[str, str]:
    return verdict.config_map, verdict.pod


def _selected(view: View, config_name: str) -> list[str]:
    selector = view.selector_of(config_name)
    assert selector is not None, "asked of a valid config"
    matches = compile_selector(selector)
    return sorted(name for name, pod in view.pods.items() if matches(pod.labels))


def _unselected(view: View, config_name: str, selected: set[str]) -> Iterator[Unselected]:
    """The other living Pods by the requirements that they fail, the most first."""
    selector = view.selector_of(config_name)
    assert selector is not None, "asked of a valid config"
    counts: Counter[tuple[Requirement, ...]] = Counter()
    named: dict[tuple[Requirement, ...], list[UnselectedPod]] = {}
    others = sorted(view.pods.keys() - selected)
    for name in (each for each in others if not view.pods[each].terminating):
        failing = _failing(requirements(selector, view.pods[name].labels))
        asked = tuple(replace(requirement, actual=None) for requirement in failing)
        counts[asked] += 1
        if counts[asked] <= NAMED:
            named.setdefault(asked, []).append(UnselectedPod(name=name, requirements=failing))
    for asked, count in sorted(counts.items(), key=_most_first):
        yield Unselected(requirements=asked, count=count, pods=tuple(named[asked]))


def _most_first(counted: tuple[tuple[Requirement, ...], int]) -> tuple[int, tuple[str, ...]]:
    asked, count = counted
    return -count, tuple(map(str, asked))


def _failing(asked: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    return tuple(each for each in asked if not each.satisfied)


def _with_ready(view: View, found: ConfigFacts, now: str) -> ConfigFacts:
    """With the Ready condition as it is stored, and as a run would stamp it."""
    config = view.configs.get(found.name)
    if config is None:
        return found
    planned = view.planned
    statuses = predicted_conditions(planned.snapshot, planned.desired, predicted(planned.plan), now)
    for update in (status.update for status in statuses):
        view.quoted |= {said.message: update.quoted for said in update.desired.conditions}
    return replace(
        found,
        ready=ready(config.status),
        ready_planned=object_facts.ready_planned(
            statuses, NamespacedName(view.namespace, found.name)
        ),
    )
