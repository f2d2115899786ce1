"""The table of bounds: the most that a namespace, and a run, can spend of each resource.

A namespace past a bound is closed for the run: podcm-sync drops what it read there and changes
nothing. A run's own bounds close the namespaces that spend the most, never a small one.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.reconcile.snapshot import Closed, Snapshot

MIB: Final = 1 << 20

INSTRUCTIONS_PER_SECOND: Final = 10_000_000_000
"""About what one core does today. It converts the seconds of behavior.md §2.6 to instructions."""

TEMPLATE_POD: Final = INSTRUCTIONS_PER_SECOND // 10
"""Instructions for all templates of one config on one Pod, its decoding included."""
TEMPLATE_CONFIG: Final = 4 * INSTRUCTIONS_PER_SECOND // 10
"""Instructions for one config in one run: parsing, and all its Pods."""
TEMPLATE_NAMESPACE: Final = 2 * INSTRUCTIONS_PER_SECOND
"""Instructions for all configs of one namespace in one run."""
TEMPLATE_RUN: Final = 2 * INSTRUCTIONS_PER_SECOND
"""Instructions that all namespaces share, beyond what each one has for itself."""
TEMPLATE_NAMESPACE_FREE: Final = INSTRUCTIONS_PER_SECOND // 10
"""Instructions that each namespace has for itself, whatever the others use."""
TEMPLATE_FIRST_TURN: Final = 2 * INSTRUCTIONS_PER_SECOND // 100
"""Instructions for a namespace before the first write. A new sandbox instance takes a fifth."""
TEMPLATE_PER_OBJECT: Final = 1_500_000
"""Instructions that each ConfigMap adds to the bounds of its config and namespace: 0.15 ms, about
what an ordinary template of five lines needs for a Pod of 10 KB."""

TEMPLATE_DATA_NAMESPACE: Final = 32 << 20
"""Bytes of rendered data that one namespace may hold in memory."""
TEMPLATE_DATA_RUN: Final = 64 << 20
"""Bytes of rendered data that all namespaces share beyond what each may hold anyway."""
TEMPLATE_DATA_NAMESPACE_FREE: Final = 1 << 20
TEMPLATE_DATA_PER_OBJECT: Final = 1 << 10
"""Bytes that each ConfigMap rendered adds to the bound of its namespace."""


class Bound(StrEnum):
    """The names of the bounds, in messages and documentation."""

    PODS = "pods"
    POD_BYTES = "pod-bytes"
    CONFIGS = "configs"
    CONFIG_BYTES = "config-bytes"
    CONFIG_MAPS = "configmaps"
    CONFIG_MAP_BYTES = "configmap-bytes"
    HELD_BYTES = "held-bytes"
    SELECTOR_STEPS = "selector-steps"
    DESIRED = "desired-configmaps"
    DESIRED_BYTES = "desired-bytes"
    STATUS_WRITES = "status-writes"
    EVENTS = "events"
    WRITES = "writes-before-deadline"
    FIRST_WRITES = "first-writes"
    FIRST_STEPS = "first-selector-steps"
    FIRST_DESIRED = "first-desired-configmaps"
    RUN_FIRST_LISTED = "run-first-listed-bytes"
    RUN_HELD_BYTES = "run-held-bytes"
    RUN_SELECTOR_STEPS = "run-selector-steps"
    RUN_DESIRED = "run-desired-configmaps"
    TEMPLATE_POD = "template-pod"
    TEMPLATE_CONFIG = "template-config"
    TEMPLATE_NAMESPACE = "template-namespace"
    TEMPLATE_RUN = "template-run"
    TEMPLATE_FIRST_TURN = "template-first-turn"
    TEMPLATE_DATA = "template-data"
    RUN_TEMPLATE_DATA = "run-template-data"
    PAGE_BYTES = "page-bytes"
    WASTED_BYTES = "wasted-bytes"
    WASTED_OBJECTS = "wasted-objects"
    OCCUPIED_NAMES = "occupied-names"
    OCCUPIED_BYTES = "occupied-bytes"
    RUN_OCCUPIED_NAMES = "run-occupied-names"


class BoundInfo(Struct, frozen=True, kw_only=True):
    """A bound: its number and unit, what it limits, and what happens past it.

    A run's bound only counts the namespaces that spend more than `share` each.
    """

    limit: int
    unit: str
    meaning: str
    effect: str = "the namespace is closed"
    share: int = 0


BOUNDS: Final[dict[Bound, BoundInfo]] = {
    Bound.PODS: BoundInfo(limit=20_000, unit="Pods", meaning="Pods listed in a namespace"),
    Bound.POD_BYTES: BoundInfo(
        limit=192 * MIB, unit="bytes", meaning="bytes of those Pods in the API server's answers"
    ),
    Bound.CONFIGS: BoundInfo(
        limit=2_000, unit="configs", meaning="PodConfigMapConfigs listed in a namespace"
    ),
    Bound.CONFIG_BYTES: BoundInfo(
        limit=16 * MIB, unit="bytes", meaning="bytes of those configs in the API server's answers"
    ),
    Bound.CONFIG_MAPS: BoundInfo(
        limit=150_000,
        unit="ConfigMaps",
        meaning="generated ConfigMaps listed in a namespace",
    ),
    Bound.CONFIG_MAP_BYTES: BoundInfo(
        limit=256 * MIB,
        unit="bytes",
        meaning="bytes of all ConfigMaps with the label `generated-by-pcmc` in the API server's "
        "answers",
    ),
    Bound.HELD_BYTES: BoundInfo(
        limit=176 * MIB,
        unit="bytes",
        meaning="memory that the listed objects of a namespace take",
    ),
    Bound.SELECTOR_STEPS: BoundInfo(
        limit=2_000_000,
        unit="steps",
        meaning="requirements of selectors that are checked against a Pod, and their values",
    ),
    Bound.DESIRED: BoundInfo(
        limit=120_000, unit="ConfigMaps", meaning="ConfigMaps that a namespace's configs request"
    ),
    Bound.DESIRED_BYTES: BoundInfo(
        limit=256 * MIB,
        unit="bytes",
        meaning="size of the requested ConfigMaps' data, in characters",
    ),
    Bound.STATUS_WRITES: BoundInfo(
        limit=500,
        unit="statuses",
        meaning="statuses written in a namespace in one run",
        effect="the next run writes the other statuses",
    ),
    Bound.EVENTS: BoundInfo(
        limit=100,
        unit="Events",
        meaning="Events recorded in a namespace in one run",
        effect="the other Events are dropped",
    ),
    Bound.WRITES: BoundInfo(
        limit=5_000,
        unit="writes",
        meaning="writes due in a namespace, if `--deadline` ends the run before the last of them",
        effect="it is this namespace's own failure: exit code 3, not 5",
    ),
    Bound.FIRST_WRITES: BoundInfo(
        limit=1_000,
        unit="writes",
        meaning="writes due in a namespace; a config counts as one, and 16 KiB of data as one more",
        effect="podcm-sync writes there after the smaller namespaces",
    ),
    Bound.FIRST_STEPS: BoundInfo(
        limit=50_000,
        unit="steps",
        meaning="selector steps of a namespace before a run writes anything",
        effect="podcm-sync plans there when it has written what the other namespaces need",
    ),
    Bound.FIRST_DESIRED: BoundInfo(
        limit=2_000,
        unit="ConfigMaps",
        meaning="ConfigMaps that a namespace's configs request, before a run writes anything",
        effect="podcm-sync plans there when it has written what the other namespaces need",
    ),
    Bound.RUN_FIRST_LISTED: BoundInfo(
        limit=128 * MIB,
        share=8 * MIB,
        unit="bytes",
        meaning="answers about a run's large namespaces before it writes anything, plus 3 KiB for "
        "each object. A page over 8 MiB makes a namespace large, too",
        effect="podcm-sync lists the other large ones when it has written what the small ones need",
    ),
    Bound.RUN_HELD_BYTES: BoundInfo(
        limit=192 * MIB,
        share=4 * MIB,
        unit="bytes",
        meaning="memory that the listed objects of a run's large namespaces take",
        effect="the namespaces that take the most are closed",
    ),
    Bound.RUN_SELECTOR_STEPS: BoundInfo(
        limit=4_000_000,
        share=50_000,
        unit="steps",
        meaning="selector steps of a run's large namespaces",
        effect="the namespaces that need the most are closed",
    ),
    Bound.RUN_DESIRED: BoundInfo(
        limit=150_000,
        share=2_000,
        unit="ConfigMaps",
        meaning="ConfigMaps that the configs of a run's large namespaces request",
        effect="the namespaces that request the most are closed",
    ),
    Bound.TEMPLATE_POD: BoundInfo(
        limit=TEMPLATE_POD,
        unit="instructions",
        meaning="CPU for all templates of one config on one Pod, its decoding included",
        effect="that object is not written",
    ),
    Bound.TEMPLATE_CONFIG: BoundInfo(
        limit=TEMPLATE_CONFIG,
        unit="instructions",
        meaning="CPU for all templates of one config, parsing included",
        effect="the config's other objects are not written",
    ),
    Bound.TEMPLATE_NAMESPACE: BoundInfo(
        limit=TEMPLATE_NAMESPACE,
        unit="instructions",
        meaning="CPU for all templates of a namespace",
        effect="the namespace's other objects with templates are not written",
    ),
    Bound.TEMPLATE_RUN: BoundInfo(
        limit=TEMPLATE_RUN,
        share=TEMPLATE_NAMESPACE_FREE,
        unit="instructions",
        meaning="CPU for the templates of a run's expensive namespaces",
        effect="the other objects with templates of these namespaces are not written",
    ),
    Bound.TEMPLATE_FIRST_TURN: BoundInfo(
        limit=TEMPLATE_FIRST_TURN,
        unit="instructions",
        meaning="CPU for all templates of a namespace before a run writes anything; each ConfigMap "
        "adds 1,500,000",
        effect="podcm-sync renders the rest when it has written what the other namespaces need",
    ),
    Bound.TEMPLATE_DATA: BoundInfo(
        limit=TEMPLATE_DATA_NAMESPACE,
        unit="bytes",
        meaning="rendered data that a namespace holds in memory",
        effect="the namespace's other objects with templates are not written",
    ),
    Bound.RUN_TEMPLATE_DATA: BoundInfo(
        limit=TEMPLATE_DATA_RUN,
        share=TEMPLATE_DATA_NAMESPACE_FREE,
        unit="bytes",
        meaning="rendered data of a run's large namespaces",
        effect="the other objects with templates of these namespaces are not written",
    ),
    Bound.PAGE_BYTES: BoundInfo(
        limit=16 * MIB,
        unit="bytes",
        meaning="one page of a list",
        effect="podcm-sync asks again for a smaller page",
    ),
    Bound.WASTED_BYTES: BoundInfo(
        limit=64 * MIB,
        unit="bytes",
        meaning="bytes of closed namespaces in a list of the whole cluster",
        effect="podcm-sync lists the namespaces one by one",
    ),
    Bound.WASTED_OBJECTS: BoundInfo(
        limit=20_000,
        unit="objects",
        meaning="the same, in objects",
        effect="podcm-sync lists the namespaces one by one",
    ),
    Bound.OCCUPIED_NAMES: BoundInfo(
        limit=150_000,
        unit="names",
        meaning="names of the ConfigMaps in a namespace that gets new ones",
        effect="a create can meet a ConfigMap that has its name",
    ),
    Bound.OCCUPIED_BYTES: BoundInfo(
        limit=256 * MIB,
        unit="bytes",
        meaning="metadata of the same ConfigMaps in the API server's answers",
        effect="a create can meet a ConfigMap that has its name",
    ),
    Bound.RUN_OCCUPIED_NAMES: BoundInfo(
        limit=300_000,
        share=2_000,
        unit="names",
        meaning="the same names in a run's large namespaces",
        effect="a create can meet a ConfigMap that has its name",
    ),
}

Limits = Mapping[Bound, int]
LIMITS: Final[Limits] = {bound: info.limit for bound, info in BOUNDS.items()}


def closed_by(bound: Bound, limits: Limits) -> Closed:
    """Why a namespace is closed. The text has no count, so that the status stays equal."""
    info = BOUNDS[bound]
    who = "the namespace is past its bound"
    if info.share:
        who = "the namespace spends the most in a run that is past the bound"
    amount = f"{limits[bound] // MIB} MiB" if info.unit == "bytes" else f"{limits[bound]:,}"
    unit = "" if info.unit == "bytes" else f" {info.unit}"
    message = f"{who} `{bound}` ({info.meaning}: at most {amount}{unit})"
    return Closed(bound=str(bound), message=message)


def past(spent: Mapping[str, int], own: Bound, run: Bound, limits: Limits) -> dict[str, Closed]:
    """The namespaces to close, past their own bound or the run's, in whatever order they come."""
    closed = {name: closed_by(own, limits) for name, cost in spent.items() if cost > limits[own]}
    share = BOUNDS[run].share
    large = {name: cost for name, cost in spent.items() if name not in closed and cost > share}
    total = sum(large.values())
    for name in sorted(large, key=lambda name: (-large[name], name)):
        if total <= limits[run]:
            break
        closed[name] = closed_by(run, limits)
        total -= large[name]
    return closed


def status_only(config: PodConfigMapConfig) -> PodConfigMapConfig:
    """The config without its spec: in a closed namespace it gets a status and nothing else."""
    return replace(config, spec=None)


def close(snapshot: Snapshot, closed: Mapping[str, Closed]) -> Snapshot:
    """The snapshot without the objects of these namespaces, except configs without their spec."""
    if not closed:
        return snapshot

    def configs() -> Iterator[PodConfigMapConfig]:
        for config in snapshot.configs:
            is_closed = config.namespaced_name.namespace in closed
            yield status_only(config) if is_closed else config

    def is_open(namespace: str) -> bool:
        return namespace not in closed

    return replace(
        snapshot,
        pods=tuple(pod for pod in snapshot.pods if is_open(pod.namespaced_name.namespace)),
        configs=tuple(configs()),
        config_maps=tuple(
            existing
            for existing in snapshot.config_maps
            if is_open(existing.namespaced_name.namespace)
        ),
        problems=tuple(
            problem for problem in snapshot.problems if is_open(problem.namespaced_name.namespace)
        ),
        closed={**snapshot.closed, **closed},
    )
