"""What a plan was made from and says, of one namespace, by name: the ground of an explanation."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from podcm_sync.api.finding import Findings, Quotes, all_quotes, joined
from podcm_sync.api.meta import KIND, POD_UID_LABEL, NamespacedName
from podcm_sync.api.objects import ConfigMap, LabelSelector, Pod, PodConfigMapConfig, Problem
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import Change
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.plan import Planned
from podcm_sync.reconcile.selector import Requirement, requirements
from podcm_sync.reconcile.snapshot import ALL_NAMESPACES

T = TypeVar("T", Pod, PodConfigMapConfig, ConfigMap)


class View:
    """One namespace of a plan. Nothing in it decides: it only finds."""

    def __init__(self, planned: Planned, namespace: str) -> None:
        snapshot = planned.snapshot
        self.planned = planned
        self.namespace = namespace
        self.pods: dict[str, Pod] = _named(snapshot.pods, namespace)
        self.configs: dict[str, PodConfigMapConfig] = _named(snapshot.configs, namespace)
        self.config_maps: dict[str, ConfigMap] = _named(snapshot.config_maps, namespace)
        self.problems: dict[tuple[str, str], Problem] = {
            (each.kind, each.namespaced_name.name): each
            for each in snapshot.problems
            if each.namespaced_name.namespace == namespace
        }
        self.changes = [each for each in planned.plan.changes if self._is_here(each)]
        self.by_config_map: dict[str, list[Change]] = {}
        for each in self.changes:
            self.by_config_map.setdefault(each.namespaced_name.name, []).append(each)
        self.proposed = {change.key: change for change in planned.proposed.changes}
        self.quoted: dict[str, Quotes] = dict(snapshot.quoted)
        """What each message quotes that the snapshot and the plan have of this namespace."""
        self.quoted |= {problem.message: problem.quoted for problem in self.problems.values()}
        for change in (*planned.proposed.changes, *self.changes):
            self.quoted[change.message] = change.quoted
        self._selectors: dict[str, LabelSelector | None] = {}
        self._names_by_uid = {pod.uid: name for name, pod in self.pods.items() if pod.uid}

    @property
    def incomplete(self) -> str:
        """Why not all of the namespace was seen: a list, or a bound; "" if all was."""
        snapshot = self.planned.snapshot
        if why := snapshot.closed.get(self.namespace):
            return self.own(why.message)
        incomplete = snapshot.incomplete
        return incomplete.get(self.namespace, "") or incomplete.get(ALL_NAMESPACES, "")

    @property
    def is_plannable(self) -> bool:
        """Whether anything could be planned here at all."""
        return self.planned.snapshot.is_plannable(self.namespace)

    def lost_pods(self) -> dict[str, Problem]:
        """The Pods that cannot be decoded."""
        return {name: each for (kind, name), each in self.problems.items() if kind == "Pod"}

    def config_names(self) -> list[str]:
        """Every config, unreadable ones too."""
        lost = {name for kind, name in self.problems if kind == KIND}
        return sorted(lost | self.configs.keys())

    def pod_of(self, change: Change) -> str:
        """The name of the Pod that a change is about, also where only a uid speaks of it."""
        if change.pod_name or change.existing is None:
            return change.pod_name
        return self.name_of_uid(change.existing.labels.get(POD_UID_LABEL, ""))

    def name_of_uid(self, uid: str) -> str:
        """The name of the Pod that has a uid; "" where there is none."""
        return self._names_by_uid.get(uid, "")

    def before_guard(self, change: Change) -> Change:
        """The change as it was proposed to the guard."""
        return self.proposed[change.key]

    def labels_of(self, pod_name: str) -> dict[str, str] | None:
        """A Pod's labels; None where there is none, or they cannot be read."""
        if pod := self.pods.get(pod_name):
            return pod.labels
        lost = self.problems.get(("Pod", pod_name))
        return lost.labels if lost else None

    def selector_of(self, config_name: str) -> LabelSelector | None:
        """A config's selector; None where it has none that means anything."""
        if config_name not in self._selectors:
            config = self.configs.get(config_name)
            # A suspended or going config's spec was not looked at for the plan.
            is_valid = config is not None and not spec_findings(config)
            spec = config.spec if config is not None and is_valid else None
            self._selectors[config_name] = spec.pod_selector if spec else None
        return self._selectors[config_name]

    def findings_of(self, config_name: str) -> Findings:
        """What is wrong with a config, or its spec; () if nothing is, or it does not matter."""
        name = NamespacedName(self.namespace, config_name)
        return self.planned.desired.invalid.get(name, ())

    def problem_of(self, config_name: str) -> str:
        """The same in one line."""
        findings = self.findings_of(config_name)
        text = joined(findings)
        self.quoted[text] = all_quotes(findings)
        return text

    def own(self, text: str) -> str:
        """A message in our own words, which quotes nothing."""
        self.quoted[text] = ()
        return text

    def requirements(self, pod_name: str, config_name: str) -> tuple[Requirement, ...]:
        """The config's requirements held against the Pod; () where one of them is not known."""
        labels, selector = self.labels_of(pod_name), self.selector_of(config_name)
        return () if labels is None or selector is None else requirements(selector, labels)

    def pairs(self, config_map_name: str) -> list[tuple[str, str]]:
        """The names of Pod and config that give a ConfigMap's name, where one of them exists."""
        return sorted(set(self._pairs(config_map_name)))

    def _pairs(self, config_map_name: str) -> Iterator[tuple[str, str]]:
        pods = self.pods.keys() | self.lost_pods().keys()
        configs = self.config_names()
        body = config_map_name.removeprefix("pod-").removesuffix("-cfg")
        for pod, config in names.pairs(config_map_name):
            if pod in pods or config in configs:
                yield pod, config
        if len(config_map_name) > names.MAX_NAME - names.HASH_DIGITS:
            # It may be cut and hashed: then only trying tells, and few Pods begin like it.
            for pod in sorted(pods):
                if body.startswith(pod[: names.MAX_NAME // 2]):
                    for config in configs:
                        if names.config_map_name(pod, config) == config_map_name:
                            yield pod, config

    def _is_here(self, change: Change) -> bool:
        return change.namespaced_name.namespace == self.namespace


def _named(objects: Iterable[T], namespace: str) -> dict[str, T]:
    return {
        each.namespaced_name.name: each
        for each in objects
        if each.namespaced_name.namespace == namespace
    }
