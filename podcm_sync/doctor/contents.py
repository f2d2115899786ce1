"""Summarizes what podcm-sync finds in a cluster, for its operator: counts and some names."""

import shlex
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.api.meta import (
    GENERATED_BY_LABEL,
    KIND,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    NamespacedName,
)
from podcm_sync.api.objects import ConfigMap, PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.doctor.checks import Check, count, fail, ok, some, warn
from podcm_sync.reconcile import names
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.reconcile.names import label_value
from podcm_sync.reconcile.renderer import Renderer, Request
from podcm_sync.reconcile.snapshot import Snapshot
from podcm_sync.reconcile.status import ready

CONTENTS: Final = ("configs", "configmaps")
"""The names of the checks that need the contents."""


class Contents(Struct, frozen=True, kw_only=True):
    """The contents of a snapshot. Configs are named as `namespace/name`; the rest are counts.

    `unadopted` counts ConfigMaps that the Go controller made. `foreign` counts ConfigMaps with our
    label whose name doesn't have our form; no other count includes them. If a list failed,
    `incomplete` says why and everything else is empty.
    """

    configs: int = 0
    config_maps: int = 0
    invalid: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    not_ready: tuple[str, ...] = ()
    suspended: tuple[str, ...] = ()
    of_suspended: int = 0
    prune_disabled: int = 0
    unadopted: int = 0
    foreign: int = 0
    incomplete: str = ""


def contents(snapshot: Snapshot, renderer: Renderer) -> Contents:
    """The contents of the snapshot.

    A config that is invalid or newer than this version doesn't count as not Ready too.
    """
    if snapshot.incomplete:
        return Contents(incomplete=next(iter(snapshot.incomplete.values())))
    unreadable = {problem.namespaced_name for problem in snapshot.problems if problem.kind == KIND}
    newer = {config.namespaced_name for config in snapshot.configs if _is_newer(config)}
    invalid = (unreadable | _invalid(snapshot.configs, renderer)) - newer
    suspended = {config.namespaced_name for config in snapshot.configs if config.suspend}
    not_ready = {
        config.namespaced_name
        for config in snapshot.configs
        if _is_failing(config) and not config.suspend
    }
    ours = [config_map for config_map in snapshot.config_maps if names.is_ours(config_map)]
    suspended_labels = {(name.namespace, label_value(name.name)) for name in suspended}
    return Contents(
        configs=len(snapshot.configs)
        + len(unreadable - {config.namespaced_name for config in snapshot.configs}),
        config_maps=len(ours),
        invalid=_sorted(invalid - suspended),
        newer=_sorted(newer - suspended),
        not_ready=_sorted(not_ready - invalid - newer),
        suspended=_sorted(suspended),
        of_suspended=sum(_made_by(our) in suspended_labels for our in ours),
        prune_disabled=sum(map(names.is_prune_disabled, ours)),
        unadopted=sum(our.labels.get(MANAGED_BY_LABEL) != MANAGED_BY for our in ours),
        foreign=len(snapshot.config_maps) - len(ours),
    )


def checks_of(contents: Contents, scope: str, connection: str) -> Iterator[Check]:
    """The checks of the configs and ConfigMaps in the namespaces of the scope.

    `scope` and `connection` are the options of commands, such as ` -n shop`.
    """
    if contents.incomplete:
        yield fail("lists", contents.incomplete)
        return
    if contents.unadopted:
        yield warn(
            "adoption",
            f"{count(contents.unadopted, 'ConfigMap')} of the Go controller would be adopted",
            f"preview the updates: podcm-sync{scope}{connection} --dry-run",
        )
    notes = [
        f"{len(names)} {word} ({some(names)})"
        for word, names in (
            ("invalid", contents.invalid),
            ("newer than this version", contents.newer),
            ("not Ready", contents.not_ready),
            ("suspended", contents.suspended),
        )
        if names
    ]
    total = count(contents.configs, "PodConfigMapConfig")
    summary = f"{total}: {', '.join(notes)}" if notes else total
    if wrong := (*contents.invalid, *contents.newer, *contents.not_ready):
        first = shlex.quote(wrong[0])
        yield warn("configs", summary, _explain(first, connection))
    else:
        yield ok("configs", summary)
    parts = [
        f"{number} {word}"
        for number, word in (
            (contents.of_suspended, "of suspended configs"),
            (contents.prune_disabled, "that must not be pruned"),
            (contents.foreign, "with our label but another's name, never touched"),
        )
        if number
    ]
    total = count(contents.config_maps, "generated ConfigMap")
    yield ok("configmaps", f"{total}: {', '.join(parts)}" if parts else total)


def _explain(config: str, connection: str) -> str:
    namespace, _, name = config.partition("/")
    return f"podcm-sync explain pcmc/{name} -n {namespace}{connection}"


def _invalid(configs: Iterable[PodConfigMapConfig], renderer: Renderer) -> set[NamespacedName]:
    """The configs whose spec is invalid, or whose templates don't parse."""
    invalid: set[NamespacedName] = set()
    requests: list[Request] = []
    for config in configs:
        if config.spec is None or spec_findings(config):
            invalid.add(config.namespaced_name)
        elif templates := config.spec.config_map_data_template:
            requests.append(Request(config=config.namespaced_name, templates=templates, pods=()))
    renderings = renderer.render(requests)
    return invalid | {
        request.config
        for request, rendering in zip(requests, renderings, strict=True)
        if rendering.findings
    }


def _is_newer(config: PodConfigMapConfig) -> bool:
    return any(finding.reason is Reason.NEWER_SPEC for finding in spec_findings(config))


def _is_failing(config: PodConfigMapConfig) -> bool:
    condition = ready(config.status)
    return condition is not None and condition.status == "False"


def _made_by(config_map: ConfigMap) -> tuple[str, str]:
    """The namespace, and the label value that stands for the config's name (it may be cut)."""
    return config_map.namespaced_name.namespace, config_map.labels[GENERATED_BY_LABEL]


def _sorted(configs: set[NamespacedName]) -> tuple[str, ...]:
    return tuple(map(str, sorted(configs)))
