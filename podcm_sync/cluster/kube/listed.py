"""What the lists of a run have brought so far, part by part, until it is a Snapshot."""

import itertools

from podcm_sync.model.objects import (
    ALL_NAMESPACES,
    ConfigMap,
    Pod,
    PodConfigMapConfig,
    Problem,
    Scope,
    Snapshot,
)


class Listed:
    """What the lists of a run have brought so far."""

    def __init__(self) -> None:
        self.config_maps: list[ConfigMap] = []
        self.configs: list[PodConfigMapConfig] = []
        self.pods: list[Pod] = []
        self.problems: list[Problem] = []
        self.incomplete: dict[str, str] = {}
        self.unplannable: set[str] = set()

    def add(self, other: "Listed") -> None:
        """What another part of the lists has brought, after what is here."""
        self.config_maps += other.config_maps
        self.configs += other.configs
        self.pods += other.pods
        self.problems += other.problems
        self.incomplete |= other.incomplete
        self.unplannable |= other.unplannable

    def namespaces(self) -> set[str]:
        """Where there is anything that Pods matter to."""
        names = itertools.chain(
            (each.namespaced_name for each in self.configs),
            (each.namespaced_name for each in self.config_maps),
            (each.namespaced_name for each in self.problems),
        )
        return {name.namespace for name in names}

    def snapshot(self, scope: Scope) -> Snapshot:
        """All of it, for good."""
        return Snapshot(
            scope=scope,
            pods=tuple(self.pods),
            configs=tuple(self.configs),
            config_maps=tuple(self.config_maps),
            problems=tuple(self.problems),
            incomplete=self.incomplete,
            unplannable=frozenset(self.unplannable),
        )


def unseen(scope: Scope, message: str) -> Snapshot:
    """A snapshot of which nothing is known but why."""
    listed = Listed()
    listed.incomplete[ALL_NAMESPACES] = message
    listed.unplannable.add(ALL_NAMESPACES)
    return listed.snapshot(scope)
