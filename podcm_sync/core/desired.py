"""Snapshot → Desired: for every Pod and config, which ConfigMap there should be, and whose it is.

Where that cannot be computed (an invalid config, an undecodable Pod, a template that fails) or must
wait (a terminating Pod), the name is withheld: what exists under it stays as it is. A name that two
pairs give goes to the older config (creationTimestamp, then name), whatever order the lists had.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from podcm_sync.core import managed, names, validate
from podcm_sync.core.bounds import LIMITS, Bound, Limits, closed_by
from podcm_sync.core.data import FACTS, pod_data
from podcm_sync.core.rendering import NO_RENDERER, Rendered, Renderer, Rendering, Request
from podcm_sync.core.selection import Selection, select
from podcm_sync.core.selector import Matcher
from podcm_sync.model.changes import Desired, DesiredConfigMap, Withheld
from podcm_sync.model.meta import KIND, NamespacedName
from podcm_sync.model.objects import (
    Closed,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigSpec,
    Problem,
    Snapshot,
    by_namespace,
)
from podcm_sync.model.reasons import Reason

T = TypeVar("T")


def build(snapshot: Snapshot, renderer: Renderer = NO_RENDERER, limits: Limits = LIMITS) -> Desired:
    """The complete desired set, from the lists alone; `renderer` is given all templates at once.

    A namespace that asks for more than `limits` allow is closed: nothing of it is in the set.
    """
    build_up = _BuildUp()
    lost_pods = _lost_pods(snapshot.problems)
    valid = [
        config
        for config in snapshot.configs
        if config.namespaced_name.namespace not in snapshot.closed and build_up.is_valid(config)
    ]
    selected = select(by_namespace(valid), by_namespace(snapshot.pods), limits)
    oldest_first = {
        namespace: sorted(selections, key=lambda selection: age(selection.config))
        for namespace, selections in selected.selections.items()
    }
    renderings = _rendered(oldest_first.values(), renderer)
    for namespace, selections in oldest_first.items():
        allowed = limits[Bound.DESIRED_BYTES]
        for selection in selections:
            rendering = renderings.get(selection.config.namespaced_name)
            allowed -= build_up.add(selection, rendering, lost_pods.get(namespace, ()), allowed)
            if allowed < 0:
                selected.closed[namespace] = closed_by(Bound.DESIRED_BYTES, limits)
                break
    return build_up.finished(snapshot, selected.closed)


def _rendered(
    selections: Iterable[Sequence[Selection]], renderer: Renderer
) -> dict[NamespacedName, Rendering]:
    """What comes of the templates, by config; of none without templates."""
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
    answers = zip(requests, renderer.render(requests), strict=True)
    return {request.config: rendering for request, rendering in answers}


def is_active(config: PodConfigMapConfig) -> bool:
    """Whether a config asks for anything: not suspended, and not about to go."""
    return not (config.suspend or config.terminating)


def spec_problem(config: PodConfigMapConfig) -> str:
    """What is wrong with a config's spec, templates' syntax aside, in one line; "" if nothing."""
    if config.spec is None:
        return config.spec_error
    return "; ".join(validate.findings(config.spec))


class _BuildUp:
    """The desired set while it is being built, config by config, the oldest first."""

    def __init__(self) -> None:
        self.config_maps: dict[NamespacedName, DesiredConfigMap] = {}
        self.withheld: dict[NamespacedName, Withheld] = {}
        self.losers: list[Withheld] = []
        self.matched_pods: dict[NamespacedName, int] = {}
        self.invalid: dict[NamespacedName, str] = {}
        self.unjudged: set[NamespacedName] = set()

    def is_valid(self, config: PodConfigMapConfig) -> bool:
        """Whether a config asks for anything that can be computed; an invalid one is noted."""
        if not is_active(config):
            return False
        problem = spec_problem(config)
        if problem or config.spec is None:
            self.invalid[config.namespaced_name] = problem
            return False
        return True

    def add(
        self,
        selection: Selection,
        rendering: Rendering | None,
        lost_pods: Sequence[Problem],
        allowed: int,
    ) -> int:
        """Add all that one config asks for; the characters of its data, at most `allowed` of them.

        `rendering` is None if it has no templates. It stops at the object that takes more, and the
        result is then more than `allowed`.
        """
        config, living = selection.config, selection.living
        rendered: Sequence[Rendered] = [Rendered()] * len(living)
        if rendering is not None:
            if rendering.findings:
                self.invalid[config.namespaced_name] = "; ".join(map(str, rendering.findings))
                return 0
            if not rendering.is_parsed:
                self.unjudged.add(config.namespaced_name)
            rendered = rendering.pods
        spent = 0
        for pod, result in zip(living, rendered, strict=True):
            if spent > allowed:
                return spent
            spent += self._add_pod(config, selection.spec, pod, result)
        for pod in selection.terminating:
            # Nothing is made for it, so that a name which another has is no loss.
            if self._winner(_name_for(config, pod.namespaced_name.name)) is None:
                message = "its Pod is terminating"
                self._withhold(config, pod.namespaced_name.name, Reason.POD_TERMINATING, message)
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
        """Add what one Pod should have; the characters of its data."""
        namespaced_name = _name_for(config, pod.namespaced_name.name)
        if rendered.failure:
            self._withhold(config, pod.namespaced_name.name, rendered.reason, rendered.failure)
            return 0
        desired = DesiredConfigMap(
            namespaced_name=namespaced_name,
            pod_name=pod.namespaced_name.name,
            pod_uid=pod.uid,
            pcmc_name=config.namespaced_name.name,
            data=pod_data(pod, spec, rendered.data),
            replaced_facts=tuple(fact for fact in FACTS if fact in rendered.data),
        )
        if message := managed.size_problem(desired):
            self._withhold(config, desired.pod_name, Reason.TOO_LARGE, message)
        elif message := _name_problem(desired):
            self._withhold(config, desired.pod_name, Reason.INVALID_NAME, message)
        elif not self._is_lost(config, desired.pod_name, namespaced_name):
            self.config_maps[namespaced_name] = desired
        return sum(map(len, desired.data.values()))

    def _add_lost_pod(self, config: PodConfigMapConfig, matches: Matcher, lost: Problem) -> None:
        """A Pod that cannot be decoded matches, unless its labels are known and say otherwise."""
        if lost.labels is None or matches(lost.labels):
            message = f"its Pod cannot be decoded: {lost.message}"
            self._withhold(config, lost.namespaced_name.name, Reason.UNDECODABLE, message)

    def _withhold(
        self, config: PodConfigMapConfig, pod_name: str, reason: Reason, message: str
    ) -> None:
        namespaced_name = _name_for(config, pod_name)
        if self._is_lost(config, pod_name, namespaced_name):
            return
        withheld = Withheld(
            namespaced_name=namespaced_name,
            pod_name=pod_name,
            pcmc_name=config.namespaced_name.name,
            reason=reason,
            message=message,
        )
        self.withheld[withheld.namespaced_name] = withheld

    def _winner(self, namespaced_name: NamespacedName) -> DesiredConfigMap | Withheld | None:
        return self.config_maps.get(namespaced_name) or self.withheld.get(namespaced_name)

    def _is_lost(
        self, config: PodConfigMapConfig, pod_name: str, namespaced_name: NamespacedName
    ) -> bool:
        """Whether an older config has the name already; if so, the loss is noted."""
        winner = self._winner(namespaced_name)
        if winner is None:
            return False
        self.losers.append(
            Withheld(
                namespaced_name=namespaced_name,
                pod_name=pod_name,
                pcmc_name=config.namespaced_name.name,
                reason=Reason.NAME_TAKEN,
                message=(
                    f"wanted by {KIND} {config.namespaced_name.name} for Pod {pod_name}, but the "
                    f"older {winner.pcmc_name} has it for Pod {winner.pod_name}"
                ),
            )
        )
        return True

    def finished(self, snapshot: Snapshot, closed: Mapping[str, Closed]) -> Desired:
        """The result, with the configs that could not be decoded at all among the invalid.

        Nothing in it is of a namespace that is closed.
        """

        def of_open(by_name: Mapping[NamespacedName, T]) -> dict[NamespacedName, T]:
            return {name: value for name, value in by_name.items() if name.namespace not in closed}

        unreadable = {
            problem.namespaced_name: problem.message
            for problem in snapshot.problems
            if problem.kind == KIND
        }
        everything = Desired(
            config_maps=self.config_maps,
            withheld=self.withheld,
            losers=tuple(self.losers),
            matched_pods=self.matched_pods,
            invalid=self.invalid | unreadable,
            unjudged=frozenset(self.unjudged),
        )
        if not closed:
            return everything
        return Desired(
            config_maps=of_open(everything.config_maps),
            withheld=of_open(everything.withheld),
            losers=tuple(
                loser
                for loser in everything.losers
                if loser.namespaced_name.namespace not in closed
            ),
            matched_pods=of_open(everything.matched_pods),
            invalid=of_open(everything.invalid),
            closed=dict(closed),
        )


def age(config: PodConfigMapConfig) -> tuple[bool, str, str]:
    """Sorts the oldest first; one without a creationTimestamp is not created yet, so the newest."""
    stamp = config.creation_timestamp
    return (not stamp, stamp, config.namespaced_name.name)


def _name_for(config: PodConfigMapConfig, pod_name: str) -> NamespacedName:
    return NamespacedName(
        config.namespaced_name.namespace,
        names.config_map_name(pod_name, config.namespaced_name.name),
    )


def _name_problem(desired: DesiredConfigMap) -> str:
    """Names that no API server hands out, but a manifest may hold; "" if there is none."""
    if not validate.is_subdomain(desired.namespaced_name.name):
        return f"{desired.namespaced_name.name!r} is not a name that a ConfigMap can have"
    # A manifest's Pod has no uid (spec.md §8); the lists of an API server with one are refused.
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
