"""Which Pods each config selects, within the bounds of a namespace and of a run.

The work is estimated first: a namespace past a bound costs no more than its estimate. The order of
the lists doesn't matter.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from podcm_sync.api.objects import Pod, PodConfigMapConfig, PodConfigMapConfigSpec
from podcm_sync.reconcile.bounds import Bound, Limits, past
from podcm_sync.reconcile.selector import Candidates, Matcher, compile_selector
from podcm_sync.reconcile.snapshot import Closed


class Selection(Struct, frozen=True, kw_only=True):
    """A config, its spec, and the Pods that it selects, including terminating ones."""

    config: PodConfigMapConfig
    spec: PodConfigMapConfigSpec
    matches: Matcher
    pods: Sequence[Pod]

    @property
    def living(self) -> Sequence[Pod]:
        """The Pods that need a ConfigMap."""
        return [pod for pod in self.pods if not pod.terminating]

    @property
    def terminating(self) -> Sequence[Pod]:
        """The Pods that are being deleted."""
        return [pod for pod in self.pods if pod.terminating]


class Selected(Struct, frozen=True, kw_only=True):
    """Each namespace's selections, in the order of its configs.

    Namespaces in `closed` or `deferred` have none.
    """

    selections: dict[str, list[Selection]]
    closed: dict[str, Closed]
    deferred: frozenset[str]


def select(
    configs: Mapping[str, Sequence[PodConfigMapConfig]],
    pods: Mapping[str, Sequence[Pod]],
    limits: Limits,
    *,
    may_defer: bool = False,
) -> Selected:
    """Select Pods for these configs, all of which are valid. The mappings are by namespace.

    With `may_defer`, namespaces that need much work are left to a later pass. A run's bounds count
    only namespaces that are past their first turn, so the later pass has all of those.
    """
    candidates: dict[str, Candidates] = {}
    steps: dict[str, int] = {}
    for namespace, valid in configs.items():
        selectors = [spec.pod_selector for _, spec in _specs(valid)]
        candidates[namespace] = Candidates(pods.get(namespace, ()), selectors)
        steps[namespace] = sum(map(candidates[namespace].steps, selectors))
    deferred: set[str] = set()
    if may_defer:
        deferred |= _past_first_turn(steps, Bound.FIRST_STEPS, limits)
        steps = {name: cost for name, cost in steps.items() if name not in deferred}
    closed = past(steps, Bound.SELECTOR_STEPS, Bound.RUN_SELECTOR_STEPS, limits)
    selections = {
        namespace: [
            _selection(config, spec, candidates[namespace]) for config, spec in _specs(valid)
        ]
        for namespace, valid in configs.items()
        if namespace not in closed and namespace not in deferred
    }
    desired = {
        namespace: sum(len(selection.pods) for selection in selected)
        for namespace, selected in selections.items()
    }
    if may_defer:
        for namespace in _past_first_turn(desired, Bound.FIRST_DESIRED, limits):
            deferred.add(namespace)
            del selections[namespace], desired[namespace]
    for namespace, why in past(desired, Bound.DESIRED, Bound.RUN_DESIRED, limits).items():
        closed[namespace] = why
        del selections[namespace]
    return Selected(selections=selections, closed=closed, deferred=frozenset(deferred))


def _past_first_turn(spent: Mapping[str, int], bound: Bound, limits: Limits) -> set[str]:
    return {namespace for namespace, cost in spent.items() if cost > limits[bound]}


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
