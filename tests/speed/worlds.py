"""Large worlds in few lines: numbered Pods and configs of one namespace, and a snapshot of them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import (
    ConfigMap,
    LabelSelector,
    LabelSelectorRequirement,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigSpec,
    PodConfigMapConfigStatus,
)
from podcm_sync.reconcile import managed_fields
from podcm_sync.reconcile.changes import DesiredConfigMap
from podcm_sync.reconcile.snapshot import Scope, Snapshot


def pod(
    number: int,
    labels: Mapping[str, str] = {},
    annotations: Mapping[str, str] = {},
    namespace: str = "shop",
) -> Pod:
    return Pod(
        namespaced_name=NamespacedName(namespace, f"web-{number:05}"),
        uid=str(uuid.UUID(int=number)),
        labels=dict(labels),
        annotations=dict(annotations),
        node_name=f"node-{number % 200}",
        phase="Running",
        terminating=False,
    )


def config(
    number: int,
    wanted: Mapping[str, str],
    operator: str = "",
    *,
    annotations: Sequence[str] = (),
    templates: Mapping[str, str] = {},
    namespace: str = "shop",
) -> PodConfigMapConfig:
    """It asks for these labels: as matchLabels, or each by the operator that is given."""
    bare = operator in {"Exists", "DoesNotExist"}
    expressions = tuple(
        LabelSelectorRequirement(key=key, operator=operator, values=() if bare else (value,))
        for key, value in wanted.items()
        if operator
    )
    return PodConfigMapConfig(
        namespaced_name=NamespacedName(namespace, f"config-{number}"),
        uid=f"config-{number}",
        resource_version="1",
        generation=1,
        creation_timestamp="2026-01-01T00:00:00Z",
        terminating=False,
        suspend=False,
        spec=PodConfigMapConfigSpec(
            pod_selector=LabelSelector(
                match_labels={} if operator else dict(wanted), match_expressions=expressions
            ),
            labels_to_include=(),
            annotations_to_include=tuple(annotations),
            config_map_data_template=dict(templates),
        ),
        spec_error=None,
        status=PodConfigMapConfigStatus(),
    )


def snapshot(
    pods: Sequence[Pod],
    configs: Sequence[PodConfigMapConfig],
    config_maps: Iterable[ConfigMap] = (),
) -> Snapshot:
    return Snapshot(
        scope=Scope(namespaces=None),
        pods=tuple(pods),
        configs=tuple(configs),
        config_maps=tuple(config_maps),
    )


def existing(desired: DesiredConfigMap) -> ConfigMap:
    """The ConfigMap as it is once it was created."""
    return ConfigMap(
        namespaced_name=desired.namespaced_name,
        uid="uid",
        resource_version="1",
        terminating=False,
        labels=managed_fields.labels(desired),
        annotations={},
        owner_references=(managed_fields.owner_reference(desired),),
        data=dict(desired.data),
        binary_data={},
        immutable=False,
    )
