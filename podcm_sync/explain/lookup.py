"""Where an object is, of those that a plan knows, and what is near where there is none."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from podcm_sync.api.meta import GROUP, KIND, PLURAL, VERSION
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.explain.explanation import CONFIG_MAP, POD, Subject
from podcm_sync.explain.view import View
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.snapshot import Snapshot

_KINDS: Final = {
    **dict.fromkeys(("pod", "pods", "po"), POD),
    **dict.fromkeys(("configmap", "configmaps", "cm"), CONFIG_MAP),
    **dict.fromkeys((KIND.lower(), PLURAL, "pcmc"), KIND),
}
_CORE: Final = (".v1.", ".v1", ".")
_OURS: Final = (f".{VERSION}.{GROUP}", f".{GROUP}")
USAGE: Final = "use pod/NAME, configmap/NAME (cm/NAME), or pcmc/NAME"
NEAREST: Final = 3


def parse_subjects(words: Sequence[str]) -> tuple[Subject, ...]:
    """`KIND/NAME...` or `KIND NAME...`, each once. Raises ValueError, with what to write."""
    if len(words) > 1 and "/" not in "".join(words):
        kind, *names = words
        return tuple(dict.fromkeys(parse_subject((kind, name)) for name in names))
    return tuple(dict.fromkeys(parse_subject((word,)) for word in words))


def parse_subject(words: Sequence[str]) -> Subject:
    """`KIND/NAME` or `KIND NAME`. Raises ValueError, with what may be written."""
    match words:
        case [word] if word.count("/") == 1:
            kind, _, name = word.partition("/")
        case [kind, name] if "/" not in kind + name:
            pass
        case _:
            why = "has no kind" if len(words) == 1 and "/" not in words[0] else "is not one object"
            raise ValueError(f"{' '.join(words)!r} {why}; {USAGE}")
    found = _KINDS.get(_without_group(kind.lower()))
    if found is None:
        raise ValueError(f"{kind!r} is not a kind that podcm-sync can explain; {USAGE}")
    if not name:
        raise ValueError(f"{' '.join(words)!r} has no name; {USAGE}")
    return Subject(kind=found, name=name)


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the names that are nearly this one, the nearest first."""
    return tuple(difflib.get_close_matches(name, sorted(set(names) - {name}), NEAREST))


def _without_group(kind: str) -> str:
    """`kubectl get -o name` says `podconfigmapconfig.podconfig.example.com/web`."""
    plain, _, _ = kind.partition(".")
    tails = _OURS if _KINDS.get(plain) == KIND else _CORE
    return plain if kind.removeprefix(plain) in tails else kind


def namespaces_of(planned: Planned, subject: Subject) -> list[str]:
    """Where a plan of several namespaces knows such an object."""
    snapshot = planned.snapshot
    listed = [each.namespaced_name for each in _listed(snapshot)[subject.kind]]
    listed += [each.namespaced_name for each in snapshot.problems if each.kind == subject.kind]
    found = {each.namespace for each in listed if each.name == subject.name}
    if subject.kind == CONFIG_MAP:
        found |= {each for each in _namespaces(planned) if _has_pair(View(planned, each), subject)}
    for change in planned.plan.changes:
        named = {POD: change.pod_name, CONFIG_MAP: change.namespaced_name.name}
        if named.get(subject.kind, change.pcmc_name) == subject.name:
            found.add(change.namespaced_name.namespace)
    return sorted(found)


def hint(planned: Planned, subject: Subject, namespace: str | None) -> str:
    """What to look for if there is no such object; "" if nothing is near.

    Without a namespace, what is near in any of them.
    """
    if namespace is None:
        listed = _listed(planned.snapshot)[subject.kind]
        return _similar(nearest(subject.name, (each.namespaced_name.name for each in listed)))
    view = View(planned, namespace)
    if subject.kind == POD:
        return _similar(nearest(subject.name, view.pods))
    if subject.kind == KIND:
        return _similar(nearest(subject.name, view.config_names()))
    for pod, config in view.pairs(subject.name):
        # A pair that is whole has a verdict, and needs no hint.
        if config in view.config_names():
            near = _or(nearest(pod, view.pods))
            return f"config {config} would generate it for Pod {pod}, which does not exist{near}"
        near = _or(nearest(config, view.config_names()))
        return f"config {config} would generate it for Pod {pod}, but does not exist{near}"
    wanted = {change.namespaced_name.name for change in view.changes}
    near = _or(nearest(subject.name, view.config_maps.keys() | wanted))
    return f"no Pod and config in this namespace give that name{near}"


def _similar(near: tuple[str, ...]) -> str:
    return f"similar names: {', '.join(near)}" if near else ""


def _or(near: tuple[str, ...]) -> str:
    return f" ({_similar(near)})" if near else ""


def _has_pair(view: View, subject: Subject) -> bool:
    """Whether there are a Pod and a config that would give the name."""
    pods, configs = view.pods.keys() | view.lost_pods().keys(), view.config_names()
    return any(pod in pods and config in configs for pod, config in view.pairs(subject.name))


def _namespaces(planned: Planned) -> set[str]:
    return {each.namespaced_name.namespace for each in planned.snapshot.configs}


def _listed(snapshot: Snapshot) -> dict[str, Sequence[Pod | ConfigMap | PodConfigMapConfig]]:
    return {POD: snapshot.pods, CONFIG_MAP: snapshot.config_maps, KIND: snapshot.configs}
