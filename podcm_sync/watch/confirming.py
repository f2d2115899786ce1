"""Before a pass deletes a ConfigMap, it looks whether the API server agrees with the store.

Events of two watches don't come in the order of the changes. So the store can have states of a Pod
and of a config that were never there at the same time, and by which nothing needs the ConfigMap.
A pass deletes only if everything with a say in it is at this moment as the pass planned with it.
"""

from typing import Final, NamedTuple

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Looker, LookError, Writer
from podcm_sync.reconcile import names
from podcm_sync.reconcile.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.watch.namespace import Namespace
from podcm_sync.watch.readers import StoreReader

_UNKNOWN: Final = Answer(
    result=Result.SKIPPED,
    reason=Reason.AWAITING_LIST,
    message="only a list can show whose it is",
)


class Say(NamedTuple):
    """The names of the Pods and configs, in its namespace, that a ConfigMap can be for."""

    pods: frozenset[str]
    configs: frozenset[str]


class ConfirmingWriter:
    """The Writer of a pass that was planned from the store; implements `interfaces.Writer`."""

    def __init__(self, writer: Writer, looker: Looker, reader: StoreReader) -> None:
        """`reader` is that of the pass."""
        self._writer = writer
        self._looker = looker
        self._reader = reader

    def create(self, desired: DesiredConfigMap) -> Answer:
        """The answer of the inner Writer."""
        return self._writer.create(desired)

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        """The answer of the inner Writer."""
        return self._writer.update(existing, desired)

    def update_status(self, update: StatusUpdate) -> Answer:
        """The answer of the inner Writer."""
        return self._writer.update_status(update)

    def delete(self, existing: ConfigMap) -> Answer:
        """The answer of the inner Writer, if all with a say are as the pass planned with them."""
        planned = self._reader.planned
        say = say_of(existing, planned)
        if say is None:
            return _UNKNOWN
        try:
            changed = self._changed(existing.namespaced_name.namespace, say, planned)
        except LookError as error:
            return error.answer
        if changed:
            message = f"{changed} has changed, and its watch hasn't told yet"
            return Answer(
                result=Result.SKIPPED, reason=Reason.AWAITING_EVENT, message=message, quoted=()
            )
        return self._writer.delete(existing)

    def _changed(self, namespace: str, say: Say, planned: Namespace) -> str:
        """The first object that isn't as planned; "" if there is none.

        Configs come last and are compared by version: one that is as planned was so already when
        the Pods were looked at.
        """
        for name in sorted(say.pods):
            pod = self._looker.pod(NamespacedName(namespace, name))
            if _relevant(planned.pods.get(name)) != _relevant(pod):
                return f"Pod {name}"
        for name in sorted(say.configs):
            config = self._looker.config(NamespacedName(namespace, name))
            if _version(planned.configs.get(name)) != _version(config):
                return f"config {name}"
        return ""


def say_of(existing: ConfigMap, planned: Namespace) -> Say | None:
    """What has a say in a ConfigMap, by its labels, owners, and name; None if that is in doubt."""
    name = existing.namespaced_name.name
    uids, pcmc_name = names.pod_uids(existing), names.generated_by(existing)
    owners = {owner.name for owner in existing.owner_references if owner.is_pod}
    known = {pod.uid: pod.namespaced_name.name for pod in planned.pods.values() if pod.uid in uids}
    named = {owner.uid for owner in existing.owner_references if owner.is_pod} | known.keys()
    pairs = list(names.pairs(name))
    configs = {config_name for _, config_name in pairs}
    is_config_known = not names.may_be_hashed_label(pcmc_name) or any(
        names.label_value(each) == pcmc_name for each in configs
    )
    if not named >= uids or names.may_be_hashed(name) or not is_config_known:
        return None
    return Say(
        pods=frozenset({*owners, *known.values(), *(pod_name for pod_name, _ in pairs)}),
        configs=frozenset({pcmc_name, *configs}),
    )


def _relevant(pod: Pod | None) -> tuple[str, dict[str, str], bool] | None:
    """All of a Pod that has a say in a deletion."""
    return (pod.uid, pod.labels, pod.terminating) if pod is not None else None


def _version(config: PodConfigMapConfig | None) -> tuple[str, str] | None:
    return (config.uid, config.resource_version) if config is not None else None
