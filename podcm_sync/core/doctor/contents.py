"""Snapshot → what stands in a cluster that its operator should know of: counts, and some names."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

from podcm_sync.core import names
from podcm_sync.core.doctor.checks import Check, count, fail, ok, some, warn
from podcm_sync.core.names import label_value
from podcm_sync.core.rendering import Renderer, Request
from podcm_sync.core.status import ready
from podcm_sync.core.validate import findings
from podcm_sync.model.meta import (
    GENERATED_BY_LABEL,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    NamespacedName,
)
from podcm_sync.model.objects import ConfigMap, PodConfigMapConfig, Snapshot


class Contents(Struct, frozen=True, kw_only=True):
    """What a snapshot holds. Configs are named `namespace/name`; the rest are counts.

    `unadopted` are ConfigMaps of the Go controller, `foreign` those that carry our label under a
    name that is none of ours; neither counts among the other's. `incomplete` is why a list failed.
    """

    configs: int = 0
    config_maps: int = 0
    invalid: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    of_suspended: int = 0
    prune_disabled: int = 0
    unadopted: int = 0
    foreign: int = 0
    incomplete: str = ""


def contents(snapshot: Snapshot, renderer: Renderer) -> Contents:
    """The snapshot's contents. An invalid config is not among those that are not Ready as well."""
    if snapshot.incomplete:
        return Contents(incomplete=next(iter(snapshot.incomplete.values())))
    unreadable = {each.namespaced_name for each in snapshot.problems if each.kind == KIND}
    invalid = unreadable | _invalid(snapshot.configs, renderer)
    suspended = {each.namespaced_name for each in snapshot.configs if each.suspend}
    not_ready = {
        each.namespaced_name for each in snapshot.configs if _is_failing(each) and not each.suspend
    }
    ours = [each for each in snapshot.config_maps if names.is_ours(each)]
    held = {(name.namespace, label_value(name.name)) for name in suspended}
    return Contents(
        configs=len(snapshot.configs)
        + len(unreadable - {x.namespaced_name for x in snapshot.configs}),
        config_maps=len(ours),
        invalid=_sorted(invalid - suspended),
        not_ready=_sorted(not_ready - invalid),
        suspended=_sorted(suspended),
        of_suspended=sum(_made_by(each) in held for each in ours),
        prune_disabled=sum(map(names.is_prune_disabled, ours)),
        unadopted=sum(each.labels.get(MANAGED_BY_LABEL) != MANAGED_BY for each in ours),
        foreign=len(snapshot.config_maps) - len(ours),
    )


def checks_of(found: Contents) -> Iterator[Check]:
    """The checks of what stands in the namespaces of the scope."""
    if found.incomplete:
        yield fail("lists", found.incomplete, "mend what it names")
        return
    if found.unadopted:
        yield warn(
            "adoption",
            f"{count(found.unadopted, 'ConfigMap')} of the Go controller would be adopted",
            "look at the update first: podcm-sync --dry-run",
        )
    notes = [
        f"{len(names)} {word} ({some(names)})"
        for word, names in (
            ("invalid", found.invalid),
            ("not Ready", found.not_ready),
            ("suspended", found.suspended),
        )
        if names
    ]
    total = count(found.configs, "PodConfigMapConfig")
    said = f"{total}: {', '.join(notes)}" if notes else total
    if found.invalid or found.not_ready:
        yield warn("configs", said, "kubectl describe pcmc says what is wrong with each")
    else:
        yield ok("configs", said)
    kept = [
        f"{number} {word}"
        for number, word in (
            (found.of_suspended, "of suspended configs"),
            (found.prune_disabled, "that may not be pruned"),
            (found.foreign, "with our label but another's name, never touched"),
        )
        if number
    ]
    total = count(found.config_maps, "generated ConfigMap")
    yield ok("configmaps", f"{total}: {', '.join(kept)}" if kept else total)


def _invalid(configs: Iterable[PodConfigMapConfig], renderer: Renderer) -> set[NamespacedName]:
    """The configs whose spec is invalid, or whose templates don't parse."""
    invalid: set[NamespacedName] = set()
    requests: list[Request] = []
    for config in configs:
        if config.spec is None or findings(config.spec):
            invalid.add(config.namespaced_name)
        elif templates := config.spec.config_map_data_template:
            requests.append(Request(config=config.namespaced_name, templates=templates, pods=()))
    renderings = renderer.render(requests)
    return invalid | {
        request.config
        for request, rendering in zip(requests, renderings, strict=True)
        if rendering.findings
    }


def _is_failing(config: PodConfigMapConfig) -> bool:
    found = ready(config.status)
    return found is not None and found.status == "False"


def _made_by(config_map: ConfigMap) -> tuple[str, str]:
    return config_map.namespaced_name.namespace, config_map.labels[GENERATED_BY_LABEL]


def _sorted(found: set[NamespacedName]) -> tuple[str, ...]:
    return tuple(str(each) for each in sorted(found))
