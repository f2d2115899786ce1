"""Before a pass deletes a ConfigMap, it looks whether the API server agrees with the store.

Events of two watches don't come in the order of the changes. So the store can have states of a Pod
and of a config that were never there at the same time, and by which nothing needs the ConfigMap.
A pass deletes only if everything that can need it is at this moment as the pass planned with it.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from podcm_sync.api.meta import GENERATED_BY_LABEL, KIND, NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, Looker, LookError, Writer, needs_no_look
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import Answer, Result
from podcm_sync.reconcile.validate import is_subdomain
from podcm_sync.watch.namespace import Namespace
from podcm_sync.watch.readers import StoreReader

MOST_LOOKS: Final = 20
"""More than a ConfigMap that nobody tampered with can need."""
_IN_DOUBT: Final = Answer(
    result=Result.SKIPPED,
    reason=Reason.AWAITING_LIST,
    message="only a list can show what needs it",
    quoted=(),
)


class Claimants(NamedTuple):
    """The names of the Pods and configs, in its namespace, that can need a ConfigMap."""

    pods: frozenset[str]
    configs: frozenset[str]


class ConfirmingWriter:
    """The Writer of a pass that was planned from the store; implements `interfaces.Writer`."""

    def __init__(
        self,
        writer: Writer,
        looker: Looker,
        reader: StoreReader,
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        """`reader` is that of the pass, whose last snapshot is what the pass planned from.

        Once `is_held`, a full run is under way, and nothing is deleted beside it.
        """
        self._writer = writer
        self._looker = looker
        self._reader = reader
        self._is_held = is_held
        self.create = writer.create
        self.update = writer.update
        self.update_status = writer.update_status

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        """The answer of the inner Writer, if all claimants are as the pass planned with them."""
        planned = self._reader.planned
        claimants = claimants_of(existing, planned)
        if claimants is None:
            return _IN_DOUBT
        namespace = existing.namespaced_name.namespace

        def confirmed() -> Answer | None:
            return confirm() or self._look(namespace, claimants, planned) or self._held()

        return self._writer.delete(existing, confirmed)

    def _held(self) -> Answer | None:
        return _unconfirmed("a full run is under way") if self._is_held() else None

    def _look(self, namespace: str, claimants: Claimants, planned: Namespace) -> Answer | None:
        """Why the ConfigMap must stay; None if all claimants are as planned.

        Configs come last and are compared by version: one that is as planned was so already when
        the Pods were looked at.
        """
        try:
            for name in sorted(claimants.pods):
                pod = self._looker.pod(NamespacedName(namespace, name))
                if _relevant(planned.pods.get(name)) != _relevant(pod):
                    return _unconfirmed(f"Pod {name} has changed, and its watch hasn't told yet")
            for name in sorted(claimants.configs):
                config = self._looker.config(NamespacedName(namespace, name))
                if _version(planned.configs.get(name)) != _version(config):
                    return _unconfirmed(f"config {name} has changed, and its watch hasn't told yet")
        except LookError as error:
            return error.answer
        return None


def claimants_of(existing: ConfigMap, planned: Namespace) -> Claimants | None:
    """All that can need a ConfigMap, by its labels, owners, and name; None if that is in doubt.

    Names that no object can have are left out: they are anybody's text.
    """
    name, label = existing.namespaced_name.name, existing.labels.get(GENERATED_BY_LABEL, "")
    owners = [owner for owner in existing.owner_references if owner.is_pod]
    pods = {owner.name for owner in owners} | {pod_name for pod_name, _ in names.pairs(name)}
    unknown = names.pod_uids(existing) - {owner.uid for owner in owners}
    if unknown:
        found = [pod for pod in planned.pods.values() if pod.uid in unknown]
        pods |= {pod.namespaced_name.name for pod in found}
        unknown -= {pod.uid for pod in found}
    from_name = set(names.possible_configs(name))
    is_config_known = not names.may_be_hashed_label(label) or any(
        names.label_value(each) == label for each in from_name
    )
    is_name_whole = any(names.pairs(name)) and not names.may_be_hashed(name)
    configs = {label, names.generated_by(existing), *from_name}
    # A look at an object that can't be decoded shows nothing.
    is_readable = not any(("Pod", each) in planned.problems for each in pods) and not any(
        (KIND, each) in planned.problems for each in configs
    )
    is_short = len(pods) + len(configs) <= MOST_LOOKS
    if unknown or not (is_config_known and is_name_whole and is_readable and is_short):
        return None
    return Claimants(
        pods=frozenset(filter(is_subdomain, pods)), configs=frozenset(filter(is_subdomain, configs))
    )


def _unconfirmed(message: str) -> Answer:
    return Answer(result=Result.SKIPPED, reason=Reason.UNCONFIRMED, message=message, quoted=())


def _relevant(pod: Pod | None) -> tuple[str, dict[str, str], bool] | None:
    """All of a Pod that decides whether a ConfigMap is needed."""
    return (pod.uid, pod.labels, pod.terminating) if pod is not None else None


def _version(config: PodConfigMapConfig | None) -> tuple[str, str] | None:
    return (config.uid, config.resource_version) if config is not None else None
