"""Snapshot → Desired: the ConfigMap that each pair of Pod and config needs, and who owns a name.

If that can't be computed (an undecodable Pod, a failing template) or must wait (a terminating Pod),
the name is unresolved: a ConfigMap of that name stays as it is. If two pairs give one name, the
older config wins (creationTimestamp, then name). The order of the lists doesn't matter.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from msgspec.structs import replace

from podcm_sync.api.finding import Finding, Findings, Quotes, quotes
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.objects import Pod, PodConfigMapConfig, PodConfigMapConfigSpec, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import managed_fields, names, validate
from podcm_sync.reconcile.bounds import LIMITS, Bound, Limits, closed_by
from podcm_sync.reconcile.changes import Desired, DesiredConfigMap, Unresolved
from podcm_sync.reconcile.data import FACTS, pod_data
from podcm_sync.reconcile.renderer import NO_RENDERER, Rendered, Renderer, Rendering, Request
from podcm_sync.reconcile.selection import Selection, select
from podcm_sync.reconcile.selector import Matcher
from podcm_sync.reconcile.snapshot import Closed, Snapshot, by_namespace

T = TypeVar("T")


def build(
    snapshot: Snapshot,
    renderer: Renderer = NO_RENDERER,
    limits: Limits = LIMITS,
    *,
    may_defer: bool = False,
) -> Desired:
    """Compute the complete desired set from the lists. `renderer` gets all templates at once.

    A namespace that desires more than `limits` allow is closed: the set has nothing of it. If
    `may_defer` is true, namespaces that need much work are left to a later pass.
    """
    builder = _Builder()
    lost_pods = _lost_pods(snapshot.problems)
    valid = [
        config
        for config in snapshot.configs
        if config.namespaced_name.namespace not in snapshot.closed and builder.is_valid(config)
    ]
    selected = select(by_namespace(valid), by_namespace(snapshot.pods), limits, may_defer=may_defer)
    builder.deferred.update(selected.deferred)
    oldest_first = {
        namespace: sorted(selections, key=lambda selection: age(selection.config))
        for namespace, selections in selected.selections.items()
    }
    renderings = _rendered(oldest_first.values(), renderer, may_defer=may_defer)
    for namespace, selections in oldest_first.items():
        allowed = limits[Bound.DESIRED_BYTES]
        for selection in selections:
            rendering = renderings.get(selection.config.namespaced_name)
            allowed -= builder.add(selection, rendering, lost_pods.get(namespace, ()), allowed)
            if allowed < 0:
                selected.closed[namespace] = closed_by(Bound.DESIRED_BYTES, limits)
                break
    return builder.finished(snapshot, selected.closed)


def _rendered(
    selections: Iterable[Sequence[Selection]], renderer: Renderer, *, may_defer: bool
) -> dict[NamespacedName, Rendering]:
    """The renderings of the configs that have templates."""
    requests = [
        Request(
            config=selection.config.namespaced_name,
            templates=selection.spec.config_map_data_template,
            pods=selection.living,
        )
        for selected in selections
        for selection in selected
        if selection.spec.config_map_data_template
    ]
    if not requests:
        return {}
    answers = zip(requests, renderer.render(requests, may_defer=may_defer), strict=True)
    return {request.config: rendering for request, rendering in answers}


def is_active(config: PodConfigMapConfig) -> bool:
    """Whether a config desires anything: it is neither suspended nor being deleted."""
    return not (config.suspend or config.terminating)


def spec_findings(config: PodConfigMapConfig) -> Findings:
    """What is wrong with a config's spec; () if nothing. Templates aren't parsed.

    If an API server stored something that this version doesn't know, the CRD is newer, and nobody
    can tell whether the rest is wrong. Such findings have the reason NewerSpec.
    """
    found: Findings = (config.spec_error or _NO_SPEC,)
    if config.spec is not None:
        found = validate.findings(config.spec)
    newer = tuple(_newer(finding) for finding in found if config.is_stored and finding.newer)
    return newer or found


def _newer(finding: Finding) -> Finding:
    message = f"{finding.newer} is newer than this version of podcm-sync"
    return replace(finding, message=message, reason=Reason.NEWER_SPEC)


_NO_SPEC: Final = Finding(path="spec", message="cannot be read", quoted=())


class _Builder:
    """Builds the desired set, config by config, oldest first."""

    def __init__(self) -> None:
        self.config_maps: dict[NamespacedName, DesiredConfigMap] = {}
        self.unresolved: dict[NamespacedName, Unresolved] = {}
        self.name_conflicts: list[Unresolved] = []
        self.matched_pods: dict[NamespacedName, int] = {}
        self.invalid: dict[NamespacedName, Findings] = {}
        self.unjudged: set[NamespacedName] = set()
        self.deferred: set[str] = set()

    def is_valid(self, config: PodConfigMapConfig) -> bool:
        """Whether a config is active and valid. An invalid one is recorded."""
        if not is_active(config):
            return False
        findings = spec_findings(config)
        if findings:
            self.invalid[config.namespaced_name] = findings
        return not findings

    def add(
        self,
        selection: Selection,
        rendering: Rendering | None,
        lost_pods: Sequence[Problem],
        allowed: int,
    ) -> int:
        """Add what one config desires. Returns how many characters of data that is.

        `rendering` is None if the config has no templates. If the result is more than `allowed`,
        the rest of the config was not added.
        """
        config, living = selection.config, selection.living
        rendered: Sequence[Rendered] = [Rendered()] * len(living)
        if rendering is not None:
            if rendering.findings:
                self.invalid[config.namespaced_name] = rendering.findings
                return 0
            if not rendering.is_parsed:
                self.unjudged.add(config.namespaced_name)
            if rendering.is_deferred:
                self.deferred.add(config.namespaced_name.namespace)
            rendered = rendering.pods
        spent = 0
        for pod, result in zip(living, rendered, strict=True):
            if spent > allowed:
                return spent
            spent += self._add_pod(config, selection.spec, pod, result)
        for pod in selection.terminating:
            # Nothing is created for a terminating Pod, so a name that is taken is no conflict.
            if self._winner(_name_for(config, pod.namespaced_name.name)) is None:
                message = "its Pod is terminating"
                self._leave(config, pod.namespaced_name.name, Reason.POD_TERMINATING, message, ())
        for lost in lost_pods:
            self._add_lost_pod(config, selection.matches, lost)
        self.matched_pods[config.namespaced_name] = len(living)
        return spent

    def _add_pod(
        self,
        config: PodConfigMapConfig,
        spec: PodConfigMapConfigSpec,
        pod: Pod,
        rendered: Rendered,
    ) -> int:
        """Add the ConfigMap of one Pod. Returns how many characters of data it has."""
        namespaced_name = _name_for(config, pod.namespaced_name.name)
        if rendered.failure:
            self._leave(
                config,
                pod.namespaced_name.name,
                rendered.reason,
                rendered.failure,
                rendered.quoted,
            )
            return 0
        desired = DesiredConfigMap(
            namespaced_name=namespaced_name,
            pod_name=pod.namespaced_name.name,
            pod_uid=pod.uid,
            pcmc_name=config.namespaced_name.name,
            data=pod_data(pod, spec, rendered.data),
            replaced_facts=tuple(fact for fact in FACTS if fact in rendered.data),
        )
        if message := managed_fields.size_problem(desired):
            self._leave(config, desired.pod_name, Reason.TOO_LARGE, message, ())
        elif message := _name_problem(desired):
            self._leave(config, desired.pod_name, Reason.INVALID_NAME, message, ())
        elif not self._is_taken(config, desired.pod_name, namespaced_name):
            self.config_maps[namespaced_name] = desired
        return sum(map(len, desired.data.values()))

    def _add_lost_pod(self, config: PodConfigMapConfig, matches: Matcher, lost: Problem) -> None:
        """Treat an undecodable Pod as selected, unless its labels are known and don't match."""
        if lost.labels is None or matches(lost.labels):
            message = f"its Pod cannot be decoded: {lost.message}"
            quoted = quotes(lost.message, lost.quoted)
            self._leave(config, lost.namespaced_name.name, Reason.UNDECODABLE, message, quoted)

    def _leave(
        self,
        config: PodConfigMapConfig,
        pod_name: str,
        reason: Reason,
        message: str,
        quoted: Quotes,
    ) -> None:
        """Leave the pair's ConfigMap as it is, whether it exists or not."""
        namespaced_name = _name_for(config, pod_name)
        if self._is_taken(config, pod_name, namespaced_name):
            return
        self.unresolved[namespaced_name] = Unresolved(
            namespaced_name=namespaced_name,
            pod_name=pod_name,
            pcmc_name=config.namespaced_name.name,
            reason=reason,
            message=message,
            quoted=quoted,
        )

    def _winner(self, namespaced_name: NamespacedName) -> DesiredConfigMap | Unresolved | None:
        return self.config_maps.get(namespaced_name) or self.unresolved.get(namespaced_name)

    def _is_taken(
        self, config: PodConfigMapConfig, pod_name: str, namespaced_name: NamespacedName
    ) -> bool:
        """Whether an older config has the name already. If so, the conflict is recorded."""
        winner = self._winner(namespaced_name)
        if winner is None:
            return False
        self.name_conflicts.append(
            Unresolved(
                namespaced_name=namespaced_name,
                pod_name=pod_name,
                pcmc_name=config.namespaced_name.name,
                reason=Reason.NAME_TAKEN,
                message=(
                    f"wanted by {KIND} {config.namespaced_name.name} for Pod {pod_name}, but the "
                    f"older {winner.pcmc_name} has it for Pod {winner.pod_name}"
                ),
                quoted=(),
            )
        )
        return True

    def finished(self, snapshot: Snapshot, closed: Mapping[str, Closed]) -> Desired:
        """The desired set, without closed or deferred namespaces.

        Undecodable configs count as invalid.
        """
        unreadable = {
            problem.namespaced_name: (
                Finding(
                    path="",
                    message=problem.message,
                    quoted=problem.quoted,
                    reason=problem.reason,
                ),
            )
            for problem in snapshot.problems
            if problem.kind == KIND
        }
        deferred = frozenset(self.deferred - closed.keys())
        everything = Desired(
            config_maps=self.config_maps,
            unresolved=self.unresolved,
            name_conflicts=tuple(self.name_conflicts),
            matched_pods=self.matched_pods,
            invalid=self.invalid | unreadable,
            closed=dict(closed),
            unjudged=frozenset(self.unjudged),
            deferred=deferred,
        )
        left_out = deferred | closed.keys()
        return without(everything, left_out) if left_out else everything


def without(desired: Desired, namespaces: Container[str]) -> Desired:
    """The desired set, with nothing of these namespaces."""

    def of_others(by_name: Mapping[NamespacedName, T]) -> dict[NamespacedName, T]:
        return {name: each for name, each in by_name.items() if name.namespace not in namespaces}

    name_conflicts = (
        each for each in desired.name_conflicts if each.namespaced_name.namespace not in namespaces
    )
    return replace(
        desired,
        config_maps=of_others(desired.config_maps),
        unresolved=of_others(desired.unresolved),
        name_conflicts=tuple(name_conflicts),
        matched_pods=of_others(desired.matched_pods),
        invalid=of_others(desired.invalid),
    )


def age(config: PodConfigMapConfig) -> tuple[bool, str, str]:
    """A sort key, oldest first. Without a creationTimestamp a config isn't created yet: newest."""
    stamp = config.creation_timestamp
    return (not stamp, stamp, config.namespaced_name.name)


def _name_for(config: PodConfigMapConfig, pod_name: str) -> NamespacedName:
    return NamespacedName(
        config.namespaced_name.namespace,
        names.config_map_name(pod_name, config.namespaced_name.name),
    )


def _name_problem(desired: DesiredConfigMap) -> str:
    """What is wrong with names that only a manifest can contain; "" if nothing."""
    if not validate.is_subdomain(desired.namespaced_name.name):
        return f"{desired.namespaced_name.name!r} is not a name that a ConfigMap can have"
    # A manifest's Pod has no uid (behavior.md §8); the lists of an API server with one are refused.
    if not validate.is_label_value(desired.pod_uid):
        return f"its Pod's uid {desired.pod_uid!r} cannot be a label's value"
    for key in desired.data:
        if not validate.is_data_key(key):
            return f"{key!r} is not a key that a ConfigMap can have"
    return ""


def _lost_pods(problems: Iterable[Problem]) -> dict[str, list[Problem]]:
    lost: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.kind == "Pod" and problem.namespaced_name.name:
            lost.setdefault(problem.namespaced_name.namespace, []).append(problem)
    return lost
