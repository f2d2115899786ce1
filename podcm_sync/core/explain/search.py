"""Where an object is, of those that a plan knows, and what is near where there is none."""

from collections.abc import Sequence

from podcm_sync.core.explain.explanation import CONFIG_MAP, POD, Subject
from podcm_sync.core.explain.subject import nearest
from podcm_sync.core.explain.view import View
from podcm_sync.core.plan import Planned
from podcm_sync.model.meta import KIND
from podcm_sync.model.objects import ConfigMap, Pod, PodConfigMapConfig, Snapshot


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
    """What to look for where there is no such object; "" where nothing is near.

    Without a namespace, what is near in any of them.
    """
    if namespace is None:
        listed = _listed(planned.snapshot)[subject.kind]
        return _perhaps(nearest(subject.name, (each.namespaced_name.name for each in listed)))
    view = View(planned, namespace)
    if subject.kind == POD:
        return _perhaps(nearest(subject.name, view.pods))
    if subject.kind == KIND:
        return _perhaps(nearest(subject.name, view.config_names()))
    for pod, config in view.pairs(subject.name):
        # Of a pair that is whole there is a verdict, and no need of a hint.
        if config in view.config_names():
            near = _perhaps(nearest(pod, view.pods))
            return f": {KIND} {config} would give it to a Pod {pod}, which does not exist{near}"
        near = _perhaps(nearest(config, view.config_names()))
        return f": Pod {pod} would have it of a {KIND} {config}, which does not exist{near}"
    wanted = {each.namespaced_name.name for each in view.changes}
    near = _perhaps(nearest(subject.name, view.config_maps.keys() | wanted))
    return f": no Pod and {KIND} here give that name{near}"


def _perhaps(near: tuple[str, ...]) -> str:
    return f" (near: {', '.join(near)})" if near else ""


def _has_pair(view: View, subject: Subject) -> bool:
    """Whether there are a Pod and a config that would give the name."""
    pods, configs = view.pods.keys() | view.lost_pods().keys(), view.config_names()
    return any(pod in pods and config in configs for pod, config in view.pairs(subject.name))


def _namespaces(planned: Planned) -> set[str]:
    return {each.namespaced_name.namespace for each in planned.snapshot.configs}


def _listed(snapshot: Snapshot) -> dict[str, Sequence[Pod | ConfigMap | PodConfigMapConfig]]:
    return {POD: snapshot.pods, CONFIG_MAP: snapshot.config_maps, KIND: snapshot.configs}
