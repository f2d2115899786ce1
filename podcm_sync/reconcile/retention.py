"""Which ConfigMaps are retained because their desired state can't be computed.

A suspended or invalid config keeps what it has. So does a config whose templates nobody parsed,
which may be invalid, and a Pod that can't be decoded. If it is unclear whose a ConfigMap is, it is
retained.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from podcm_sync.api.meta import GENERATED_BY_LABEL, KIND, NamespacedName
from podcm_sync.api.objects import ConfigMap, Problem
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import Desired
from podcm_sync.reconcile.failures import left_alone
from podcm_sync.reconcile.names import HASH_DIGITS, MAX_NAME
from podcm_sync.reconcile.snapshot import Snapshot

_FROM: Final = "-from-"
_HASH: Final = re.compile(rf"-[0-9a-f]{{{HASH_DIGITS}}}-cfg$")
_SURE_START: Final = MAX_NAME - 32
"""At least this much of `pod-<pod>-from-…` is in a generated name, even a cut and hashed one."""


class Retained(Struct, frozen=True, kw_only=True):
    """A config that retains its ConfigMaps, and why."""

    pcmc_name: str
    reason: Reason
    state: str

    def __str__(self) -> str:
        return f"{KIND} {self.pcmc_name}, which is {self.state}"


class Retention:
    """The suspended and invalid configs and undecodable Pods of a snapshot."""

    def __init__(self, snapshot: Snapshot, desired: Desired) -> None:
        held = {
            config.namespaced_name: (Reason.SUSPENDED, "suspended")
            for config in snapshot.configs
            if config.suspend and not config.terminating
        }
        unparsed = Reason.CONFIG_INVALID, "perhaps invalid: its templates were not parsed in time"
        held |= dict.fromkeys(desired.unjudged, unparsed)
        for config, findings in desired.invalid.items():
            is_newer = findings[0].reason is Reason.NEWER_SPEC
            why = Reason.CONFIG_NEWER if is_newer else Reason.CONFIG_INVALID
            held[config] = why, left_alone(findings[0].reason)
        self._by_label: dict[str, dict[str, Retained]] = {}
        self._by_name: dict[NamespacedName, Retained] = {}
        for (namespace, name), (reason, state) in held.items():
            retained = Retained(pcmc_name=name, reason=reason, state=state)
            self._by_label.setdefault(namespace, {})[names.label_value(name)] = retained
            self._by_name[NamespacedName(namespace, name)] = retained
        self._lost_pods: dict[str, dict[str, Problem]] = {}
        pods = (problem for problem in snapshot.problems if problem.kind == "Pod")
        # If two names share the part that a cut name is sure to have, the longer one wins.
        for problem in sorted(
            pods, key=lambda problem: (len(problem.namespaced_name.name), *problem.namespaced_name)
        ):
            namespace, name = problem.namespaced_name
            start = _sure(f"pod-{name}{_FROM}")
            self._lost_pods.setdefault(namespace, {})[start] = problem

    def by_label(self, existing: ConfigMap) -> Retained | None:
        """The config that retains a desired ConfigMap, by the ConfigMap's label.

        None if its name can't come from that config: somebody edited the label, which is drift.
        """
        retained = self._labelled(existing)
        name = existing.namespaced_name.name
        return retained if retained and names.may_come_from(name, retained.pcmc_name) else None

    def by_label_or_name(self, existing: ConfigMap) -> Retained | None:
        """The config that retains a ConfigMap that nothing desires, by its label or its name.

        The name counts too: somebody may have edited the label of a suspended config's ConfigMap.
        It doesn't count if it fits the config that the label names.
        """
        if retained := self._labelled(existing):
            return retained
        namespace, name = existing.namespaced_name
        if names.may_come_from(name, names.generated_by(existing)):
            return None
        # Longest first, so that the order of the lists doesn't matter.
        possible = names.possible_configs(name)
        matches = (self._by_name.get(NamespacedName(namespace, each)) for each in possible)
        return next((retained for retained in matches if retained is not None), None)

    def _labelled(self, existing: ConfigMap) -> Retained | None:
        by_label = self._by_label.get(existing.namespaced_name.namespace, {})
        return by_label.get(existing.labels.get(GENERATED_BY_LABEL, ""))

    def lost_pod(self, existing: ConfigMap) -> Problem | None:
        """The undecodable Pod that a ConfigMap may belong to, by the start of its name."""
        namespace, name = existing.namespaced_name
        lost = self._lost_pods.get(namespace, {})
        # Longest first. A name that was cut has no `-from-`, or a part of it.
        starts = [name, *(name[: at + len(_FROM)] for at in reversed(list(_froms(name))))]
        if hashed := _HASH.search(name):
            starts.append(name[: hashed.start()])
        matches = (lost.get(_sure(start)) for start in starts)
        return next((problem for problem in matches if problem is not None), None)


def _sure(start: str) -> str:
    """The part of a name's start that is left even if the name was cut and stripped."""
    return start[:_SURE_START].rstrip(".-")


def _froms(name: str) -> Iterator[int]:
    """Each index where a Pod's name can end: either name can contain `-from-`."""
    at = name.find(_FROM)
    while at >= 0:
        yield at
        at = name.find(_FROM, at + 1)
