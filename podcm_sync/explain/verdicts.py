"""The verdict on a Pod and a config: the plan's own where it has one, else why it has none.

What is in the plan is repeated, never decided again. A pair that is not in it has no ConfigMap and
gets none: its config does not select the Pod, or asks for nothing, or the Pod is terminating.
"""

from collections.abc import Iterator
from typing import Final

from podcm_sync.api.meta import KIND, POD_UID_LABEL, PRUNE_ANNOTATION, PRUNE_DISABLED
from podcm_sync.api.reasons import REASONS, Reason, ReasonClass, class_of
from podcm_sync.explain import object_facts
from podcm_sync.explain.explanation import CONFIG_MAP, Contender, HeldBack, Verdict
from podcm_sync.explain.view import View
from podcm_sync.reconcile import managed_fields, names
from podcm_sync.reconcile.changes import Change, Verb

_NOTHING_NEW: Final = "the Pod is terminating; nothing new is made for it"
_KEEP: Final = f"to keep it, annotate it `{PRUNE_ANNOTATION}: {PRUNE_DISABLED}`"


def of_change(view: View, change: Change) -> Verdict:
    """What the plan says of a ConfigMap."""
    pod_name = view.pod_of(change)
    name = change.namespaced_name.name
    exists = name in view.config_maps or (CONFIG_MAP, name) in view.problems
    action = REASONS[change.reason].action
    if change.verb is Verb.DELETE:
        action = _KEEP
    differing: tuple[str, ...] = ()
    if change.verb is Verb.UPDATE and change.existing and change.desired:
        differing = managed_fields.changed_paths(change.existing, change.desired)
    return Verdict(
        verb=change.verb,
        pod=pod_name,
        pod_config_map_config=change.pcmc_name,
        config_map=name,
        exists=exists or change.reason is Reason.FOREIGN,
        reason=change.reason,
        kind=class_of(change.reason),
        message=_message(view, change, exists=exists),
        problem=_problem(view, change.reason, change.pcmc_name),
        action=action,
        differing=differing,
        requirements=view.requirements(pod_name, change.pcmc_name),
        held_back=_held_back(view, change),
        contenders=_contenders(view, change),
        earlier_uid=_earlier_uid(view, change),
    )


def of_pair(view: View, pod_name: str, config_name: str) -> Verdict:
    """Why the plan has nothing for this Pod and this config, both of which exist."""
    reason, message = _why_nothing(view, pod_name, config_name)
    # To resume or fix a config helps only the Pods that it selects.
    obstacle = _obstacle(view, config_name) if reason is Reason.NOT_SELECTED else None
    name = names.config_map_name(pod_name, config_name)
    return Verdict(
        pod=pod_name,
        pod_config_map_config=config_name,
        config_map=name,
        exists=_is_of(view, name, pod_name, config_name),
        reason=reason,
        kind=class_of(reason),
        message=message,
        problem=_problem(view, reason, config_name),
        action=REASONS[reason].action,
        requirements=view.requirements(pod_name, config_name),
        also=obstacle,
    )


def of_pod(view: View, pod_name: str) -> Iterator[Verdict]:
    """Each config of the namespace, and what is left of those that are gone, by config name."""
    changes: dict[str, list[Change]] = {}
    for change in view.changes:
        if view.pod_of(change) == pod_name:
            changes.setdefault(change.pcmc_name, []).append(change)
    exists = pod_name in view.pods or pod_name in view.lost_pods()
    configs = view.config_names() if exists else []
    for config_name in sorted({*configs, *changes}):
        if config_name in changes:
            yield from (of_change(view, change) for change in changes[config_name])
        else:
            yield of_pair(view, pod_name, config_name)


def _message(view: View, change: Change, *, exists: bool) -> str:
    """The plan's own, or one that says more, as there is more to look at."""
    config = view.configs.get(change.pcmc_name)
    existing = view.config_maps.get(change.namespaced_name.name)
    match change.reason:
        case Reason.FOREIGN if existing is not None:
            why = object_facts.foreign(existing)
            return view.own(f"a ConfigMap of this name is not podcm-sync's: {why}")
        case Reason.CONFIG_GONE if config is not None:
            return view.own(_is_going(change.pcmc_name))
        case Reason.POD_TERMINATING if not exists:
            return view.own(_NOTHING_NEW)
        case Reason.OUT_OF_SYNC | Reason.POD_RECREATED:
            return REASONS[change.reason].meaning  # the paths stand in `differing`
        case _:
            return change.message or REASONS[change.reason].meaning


def _why_nothing(view: View, pod_name: str, config_name: str) -> tuple[Reason, str]:
    config = view.configs.get(config_name)
    if not view.is_plannable:
        return Reason.INCOMPLETE, view.incomplete
    if config is not None and config.terminating:
        return Reason.CONFIG_GONE, view.own(_is_going(config_name))
    if not all(requirement.satisfied for requirement in view.requirements(pod_name, config_name)):
        return Reason.NOT_SELECTED, view.own("the config does not select the Pod")
    if reason := _obstacle(view, config_name):
        return reason, REASONS[reason].meaning
    # A living Pod that is selected is in the plan, and so is one that cannot be decoded.
    return Reason.POD_TERMINATING, view.own(_NOTHING_NEW)


def _obstacle(view: View, config_name: str) -> Reason | None:
    """Why a config makes nothing for any Pod; None if it does."""
    config = view.configs.get(config_name)
    if config is not None and config.suspend:
        return Reason.SUSPENDED
    findings = view.findings_of(config_name)
    return findings[0].reason if findings else None


def _is_going(config_name: str) -> str:
    return f"{KIND} {config_name} is being deleted, which counts as gone"


def _is_of(view: View, name: str, pod_name: str, config_name: str) -> bool:
    """Whether a ConfigMap of that name is there and was made by that pair."""
    existing, pod = view.config_maps.get(name), view.pods.get(pod_name)
    if existing is None or not names.is_ours(existing):
        return False
    is_config = names.generated_by(existing) == config_name
    return is_config and (pod is None or existing.labels[POD_UID_LABEL] == pod.uid)


def _problem(view: View, reason: Reason, config_name: str) -> str:
    is_about = reason in {
        Reason.CONFIG_INVALID,
        Reason.CONFIG_NEWER,
        Reason.INVALID_SPEC,
        Reason.NEWER_SPEC,
        Reason.UNREADABLE,
    }
    return view.problem_of(config_name) if is_about else ""


def _held_back(view: View, change: Change) -> HeldBack | None:
    if class_of(change.reason) is not ReasonClass.HELD_BACK:
        return None
    proposed = view.before_guard(change)
    return HeldBack(reason=proposed.reason, message=proposed.message)


def _contenders(view: View, change: Change) -> tuple[Contender, ...]:
    return tuple(
        Contender(pod=view.pod_of(other), pod_config_map_config=other.pcmc_name)
        for other in view.by_config_map[change.namespaced_name.name]
        if other is not change
    )


def _earlier_uid(view: View, change: Change) -> str:
    """The uid it was made for, if the Pod of that name has another."""
    pod = view.pods.get(view.pod_of(change))
    if pod is None or change.existing is None:
        return ""
    made_for = change.existing.labels.get(POD_UID_LABEL, "")
    return made_for if made_for != pod.uid else ""
