"""The verdict on a Pod and a config: the plan's own where it has one, else why it has none.

What is in the plan is repeated, never decided again. A pair that is not in it has no ConfigMap and
gets none: its config does not select the Pod, or asks for nothing, or the Pod is terminating.
"""

from collections.abc import Iterator
from typing import Final

from podcm_sync.core import managed, names
from podcm_sync.core.explain import facts
from podcm_sync.core.explain.explanation import CONFIG_MAP, Contender, HeldBack, Verdict
from podcm_sync.core.explain.view import View
from podcm_sync.model.changes import Change, Verb
from podcm_sync.model.meta import KIND, POD_UID_LABEL, PRUNE_ANNOTATION, PRUNE_DISABLED
from podcm_sync.model.reasons import REASONS, Kind, Reason, kind_of

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
        differing = managed.differing(change.existing, change.desired)
    return Verdict(
        verb=change.verb,
        pod=pod_name,
        pod_config_map_config=change.pcmc_name,
        config_map=name,
        exists=exists or change.reason is Reason.FOREIGN,
        reason=change.reason,
        kind=kind_of(change.reason),
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
    name = names.config_map_name(pod_name, config_name)
    return Verdict(
        pod=pod_name,
        pod_config_map_config=config_name,
        config_map=name,
        exists=_is_of(view, name, pod_name, config_name),
        reason=reason,
        kind=kind_of(reason),
        message=message,
        problem=_problem(view, reason, config_name),
        action=REASONS[reason].action,
        requirements=view.requirements(pod_name, config_name),
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
            return f"a ConfigMap of this name is not podcm-sync's: {facts.foreign(existing)}"
        case Reason.CONFIG_GONE if config is not None:
            return f"{KIND} {change.pcmc_name} is being deleted, which counts as gone"
        case Reason.POD_TERMINATING if not exists:
            return _NOTHING_NEW
        case Reason.DRIFTED | Reason.POD_RECREATED:
            return REASONS[change.reason].meaning  # the paths stand in `differing`
        case _:
            return change.message or REASONS[change.reason].meaning


def _why_nothing(view: View, pod_name: str, config_name: str) -> tuple[Reason, str]:
    config = view.configs.get(config_name)
    if not view.is_plannable:
        return Reason.INCOMPLETE, view.incomplete
    if config is not None and config.terminating:
        return Reason.CONFIG_GONE, f"{KIND} {config_name} is being deleted, which counts as gone"
    if config is not None and config.suspend:
        return Reason.SUSPENDED, REASONS[Reason.SUSPENDED].meaning
    if view.problem_of(config_name):
        reason = Reason.UNREADABLE if config is None else Reason.INVALID_SPEC
        return reason, REASONS[reason].meaning
    if not all(each.satisfied for each in view.requirements(pod_name, config_name)):
        return Reason.NOT_SELECTED, "the config does not select the Pod"
    # A living Pod that is selected is in the plan, and so is one that cannot be decoded.
    return Reason.POD_TERMINATING, _NOTHING_NEW


def _is_of(view: View, name: str, pod_name: str, config_name: str) -> bool:
    """Whether a ConfigMap of that name is there and was made by that pair."""
    existing, pod = view.config_maps.get(name), view.pods.get(pod_name)
    if existing is None or not names.is_ours(existing):
        return False
    is_config = names.generated_by(existing) == config_name
    return is_config and (pod is None or existing.labels[POD_UID_LABEL] == pod.uid)


def _problem(view: View, reason: Reason, config_name: str) -> str:
    is_about = reason in {Reason.CONFIG_INVALID, Reason.INVALID_SPEC, Reason.UNREADABLE}
    return view.problem_of(config_name) if is_about else ""


def _held_back(view: View, change: Change) -> HeldBack | None:
    if kind_of(change.reason) is not Kind.HELD_BACK:
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
