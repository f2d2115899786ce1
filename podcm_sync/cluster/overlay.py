"""A Reader over another: the configs of files lie over those that are there, as after a merge.

Nothing else changes: Pods and ConfigMaps are the live ones, so that a plan of it is what the run
after `kubectl apply` would do. It is for looking only; there is no Writer to go with it.
"""

from collections.abc import Collection, Mapping, Sequence

from msgspec import structs

from podcm_sync.cluster.port import Reader
from podcm_sync.model.meta import KIND, NamespacedName
from podcm_sync.model.objects import PodConfigMapConfig, Problem, Scope, Snapshot


class Overlay:
    """Implements `port.Reader`. `is_complete`: the files have all configs, any other one goes."""

    def __init__(
        self, reader: Reader, configs: Sequence[PodConfigMapConfig], *, is_complete: bool
    ) -> None:
        self._reader = reader
        self._configs = tuple(configs)
        self._is_complete = is_complete

    def snapshot(self, scope: Scope) -> Snapshot:
        """What is there, with the files' configs. Raises as the other Reader does."""
        live = self._reader.snapshot(scope)
        there = {each.namespaced_name: each for each in live.configs}
        # Applying a file leaves what a server says of an object: this one would be no better.
        unreadable = {each.namespaced_name for each in live.problems if each.kind == KIND}
        laid = {
            each.namespaced_name: _laid_over(there.get(each.namespaced_name), each)
            for each in self._configs
            if each.namespaced_name not in unreadable
        }
        kept = {} if self._is_complete else there
        return structs.replace(
            live,
            configs=tuple({**kept, **laid}.values()),
            problems=tuple(each for each in live.problems if not self._is_removed(each)),
        )

    def occupied_names(self, namespaces: Collection[str]) -> Mapping[NamespacedName, bool]:
        """Those of the other Reader."""
        return self._reader.occupied_names(namespaces)

    def remaining(self, config_maps: Collection[NamespacedName]) -> Collection[NamespacedName]:
        """Those of the other Reader."""
        return self._reader.remaining(config_maps)

    def _is_removed(self, problem: Problem) -> bool:
        """Whether it is of a config that none of the files has, where they have all."""
        names = {each.namespaced_name for each in self._configs}
        return self._is_complete and problem.kind == KIND and problem.namespaced_name not in names


def _laid_over(live: PodConfigMapConfig | None, config: PodConfigMapConfig) -> PodConfigMapConfig:
    """A file's config, as the server would have it: the object of old, with another spec."""
    if live is None:
        return config
    asked = (config.spec, config.suspend, config.spec_error)
    is_changed = asked != (live.spec, live.suspend, live.spec_error)
    return structs.replace(
        live,
        generation=live.generation + is_changed,
        suspend=config.suspend,
        spec=config.spec,
        spec_error=config.spec_error,
    )


_as_reader: type[Reader] = Overlay
