"""The facts of an explanation as text: each object in a line, and what else bears on its fate."""

from collections.abc import Iterable, Iterator

from podcm_sync.core.explain.explanation import ConfigFacts, ConfigMapFacts, PodFacts
from podcm_sync.model.meta import PRUNE_ANNOTATION, PRUNE_DISABLED
from podcm_sync.model.objects import Condition
from podcm_sync.model.reasons import Reason


def pod_head(pod: PodFacts) -> str:
    """A Pod in a line."""
    if pod.problem:
        return f"cannot be decoded: {pod.problem}"
    if not pod.exists:
        return _absent(is_unknown=pod.unknown)
    node = f" on {pod.node_name}" if pod.node_name else ", not scheduled"
    going = ", terminating" if pod.terminating else ""
    labels = joined(f"{key}={value}" for key, value in sorted(pod.labels.items()))
    return f"{pod.phase or 'no phase'}{node}{going}; {labels or 'no labels'}; uid {pod.uid}"


def config_head(config: ConfigFacts) -> str:
    """A config in a line."""
    if not config.exists:
        return _absent(is_unknown=config.unknown)
    parts = []
    if config.generation is not None:
        observed = config.observed_generation
        parts.append(f"generation {config.generation}, observed {observed or 'none'}")
    if config.terminating:
        parts.append("being deleted, which counts as gone")
    if config.suspended:
        parts.append("suspended")
    if config.findings:
        parts.append("invalid")
    else:
        selector = joined(config.selector) or "an empty selector"
        if config.selected_pods is not None:
            parts.append(f"{config.selected_pods} of {config.pods} Pods selected by {selector}")
        else:
            parts.append(f"selects by {selector}")
    return "; ".join(parts)


def config_map_head(config_map: ConfigMapFacts) -> str:
    """A ConfigMap in a line: whose it is."""
    if config_map.problem:
        return f"cannot be decoded: {config_map.problem}"
    if not config_map.exists:
        return _absent(is_unknown=config_map.unknown)
    if not config_map.ours:
        return f"not podcm-sync's and never touched: {config_map.foreign}"
    uid = config_map.pod_uid or "(empty)"
    return f"podcm-sync's, made by {config_map.generated_by} for the Pod of uid {uid}"


def config_map_lines(config_map: ConfigMapFacts) -> Iterator[tuple[str, str]]:
    """What else bears on its fate: a word, and what is said."""
    if config_map.terminating:
        yield "terminating", "it is being deleted already"
    if config_map.immutable:
        yield "immutable", "its data can never change"
    if config_map.prune_disabled:
        yield "never deleted", f"annotated {PRUNE_ANNOTATION}: {PRUNE_DISABLED}"
    if config_map.place:
        yield "read-only", f"it stands in {config_map.place}, which is never edited"
    if config_map.exists and not config_map.problem and config_map.ours:
        owners = (
            f"{each.kind} {each.name}{' (controller)' if each.controller else ''}, uid {each.uid}"
            for each in config_map.owner_references
        )
        yield "owners", "; ".join(owners) or "none"


def ready_lines(config: ConfigFacts) -> Iterator[tuple[str, str]]:
    """The Ready condition as it is stored, and as a run would stamp it."""
    if config.exists:
        since = config.ready.last_transition_time if config.ready else ""
        yield "stored", _condition(config.ready) + (f" (since {since})" if since else "")
    if config.ready_planned is not None:
        is_same = config.ready_planned == config.ready
        yield "a run stamps", "the same" if is_same else _condition(config.ready_planned)
    elif config.exists:
        yield "a run stamps", "nothing: it leaves the status as it is"


def _absent(*, is_unknown: bool) -> str:
    return "not seen, as a list did not complete" if is_unknown else "does not exist"


def _condition(condition: Condition | None) -> str:
    if condition is None:
        return "no Ready condition"
    # What is invalid was said a few lines above.
    is_said = condition.reason == Reason.INVALID_SPEC
    message = f": {condition.message}" if condition.message and not is_said else ""
    return f"Ready={condition.status} {condition.reason}{message}"


def joined(parts: Iterable[str]) -> str:
    """The parts, with commas."""
    return ", ".join(parts)
