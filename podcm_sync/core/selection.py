"""Which Pods each config selects, within what a namespace and a run may spend on it.

The work is estimated before it is done, and counted before ConfigMaps are computed. What is past a
bound costs no more than the estimate. The order of the lists changes nothing.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from podcm_sync.core.bounds import Bound, Limits, past
from podcm_sync.core.candidates import Candidates
from podcm_sync.core.selector import Matcher, compile_selector
from podcm_sync.model.objects import (
    Closed,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigSpec,
)


class Selection(Struct, frozen=True, kw_only=True):
    """A config, its spec, and the Pods that it selects, terminating ones too."""

    config: PodConfigMapConfig
    spec: PodConfigMapConfigSpec
    matches: Matcher
    pods: Sequence[Pod]

    @property
    def living(self) -> Sequence[Pod]:
        """The Pods that are to have a ConfigMap."""
        return [pod for pod in self.pods if not pod.terminating]

    @property
    def terminating(self) -> Sequence[Pod]:
        """The Pods that are about to go."""
        return [pod for pod in self.pods if pod.terminating]


class Selected(Struct, frozen=True, kw_only=True):
    """The selections of each namespace, in the order of its configs; `closed` ones have none."""

    selections: dict[str, list[Selection]]
    closed: dict[str, Closed]


def select(
    configs: Mapping[str, Sequence[PodConfigMapConfig]],
    pods: Mapping[str, Sequence[Pod]],
    limits: Limits,
) -> Selected:
    """What these configs select; all of them are valid, and all arguments are by namespace."""
    candidates: dict[str, Candidates] = {}
    steps: dict[str, int] = {}
    for namespace, valid in configs.items():
        selectors = [spec.pod_selector for _, spec in _specs(valid)]
        candidates[namespace] = Candidates(pods.get(namespace, ()), selectors)
        steps[namespace] = sum(map(candidates[namespace].steps, selectors))
    closed = past(steps, Bound.SELECTOR_STEPS, Bound.RUN_SELECTOR_STEPS, limits)
    selections = {
        namespace: [
            _selection(config, spec, candidates[namespace]) for config, spec in _specs(valid)
        ]
        for namespace, valid in configs.items()
        if namespace not in closed
    }
    desired = {
        namespace: sum(len(selection.pods) for selection in selected)
        for namespace, selected in selections.items()
    }
    for namespace, why in past(desired, Bound.DESIRED, Bound.RUN_DESIRED, limits).items():
        closed[namespace] = why
        del selections[namespace]
    return Selected(selections=selections, closed=closed)


def _specs(
    configs: Sequence[PodConfigMapConfig],
) -> list[tuple[PodConfigMapConfig, PodConfigMapConfigSpec]]:
    return [(config, config.spec) for config in configs if config.spec is not None]


def _selection(
    config: PodConfigMapConfig, spec: PodConfigMapConfigSpec, candidates: Candidates
) -> Selection:
    matches = compile_selector(spec.pod_selector)
    matching = [pod for pod in candidates.of(spec.pod_selector) if matches(pod.labels)]
    return Selection(config=config, spec=spec, matches=matches, pods=matching)
