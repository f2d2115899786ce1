"""The one way to make objects: pod(), pcmc(), config_map(), snapshot() and what becomes of them.

The defaults are one small world in which everything is in step: Pod web-0 in the namespace shop,
config web which selects every Pod, and the ConfigMap of the two. A test names what it is about.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from podcm_sync.api.finding import Finding, Quotes, quote
from podcm_sync.api.meta import NamespacedName, OwnerReference
from podcm_sync.api.objects import (
    Condition,
    ConfigMap,
    LabelSelector,
    LabelSelectorRequirement,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigSpec,
    PodConfigMapConfigStatus,
    Problem,
)
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Change, DesiredConfigMap, Outcome, Result, Verb
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.runtime.lanes import Stopping

Json = dict[str, Any]
Object = Pod | PodConfigMapConfig | ConfigMap

NAMESPACE = "shop"
GENERATED_BY = "podconfig.example.com/generated-by-pcmc"
POD_UID = "podconfig.example.com/pod-uid"
MANAGED_BY = "app.kubernetes.io/managed-by"
PCMC_NAME = "podconfig.example.com/pcmc-name"
NOW = "2026-11-22T12:00:00Z"
EARLIER = "2026-11-01T08:30:00Z"


def uid_of(name: str, namespace: str = NAMESPACE) -> str:
    """The uid that an object has unless a test says otherwise."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{namespace}/{name}"))


def pod(
    name: str = "web-0",
    *,
    namespace: str = NAMESPACE,
    uid: str | None = None,
    labels: Mapping[str, str] = {},
    annotations: Mapping[str, str] = {},
    node_name: str = "node-a",
    phase: str = "Running",
    terminating: bool = False,
) -> Pod:
    return Pod(
        namespaced_name=NamespacedName(namespace, name),
        uid=uid_of(name, namespace) if uid is None else uid,
        labels=dict(labels),
        annotations=dict(annotations),
        node_name=node_name,
        phase=phase,
        terminating=terminating,
    )


def pcmc(
    name: str = "web",
    *,
    namespace: str = NAMESPACE,
    match_labels: Mapping[str, str] = {},
    match_expressions: Iterable[tuple[str, str, Sequence[str]]] = (),
    labels: Sequence[str] = (),
    annotations: Sequence[str] = (),
    templates: Mapping[str, str] = {},
    suspend: bool = False,
    terminating: bool = False,
    created: str = "2026-01-01T00:00:00Z",
    generation: int = 1,
    resource_version: str = "1",
    spec_error: str = "",
    status: PodConfigMapConfigStatus = PodConfigMapConfigStatus(),  # noqa: B008 - frozen
) -> PodConfigMapConfig:
    """A PodConfigMapConfig; with `spec_error` one whose spec could not be read."""
    spec = PodConfigMapConfigSpec(
        pod_selector=LabelSelector(
            match_labels=dict(match_labels),
            match_expressions=tuple(
                LabelSelectorRequirement(key=key, operator=operator, values=tuple(values))
                for key, operator, values in match_expressions
            ),
        ),
        labels_to_include=tuple(labels),
        annotations_to_include=tuple(annotations),
        config_map_data_template=dict(templates),
    )
    return PodConfigMapConfig(
        namespaced_name=NamespacedName(namespace, name),
        uid=uid_of(name, namespace),
        resource_version=resource_version,
        generation=generation,
        creation_timestamp=created,
        terminating=terminating,
        suspend=suspend,
        spec=None if spec_error else spec,
        spec_error=Finding(path="", message=spec_error) if spec_error else None,
        status=status,
    )


def newer_pcmc(name: str = "web", **fields: Any) -> PodConfigMapConfig:
    """A PodConfigMapConfig of an API server whose CRD has a field `maxPods`."""
    finding = Finding(
        path="spec",
        message="unknown field `maxPods`",
        quoted=quote("`maxPods`"),
        newer="field `maxPods`",
    )
    return replace(pcmc(name, **fields), spec=None, spec_error=finding, is_stored=True)


def owner(
    name: str = "web-0", *, uid: str | None = None, kind: str = "Pod", controller: bool = True
) -> OwnerReference:
    """The owner reference of a generated ConfigMap; another's with another kind."""
    return OwnerReference(
        api_version="v1",
        kind=kind,
        name=name,
        uid=uid_of(name) if uid is None else uid,
        controller=controller or None,
    )


def config_map(
    name: str | None = None,
    *,
    made_for: Pod = pod(),  # noqa: B008 - frozen
    made_by: str = "web",
    uid: str | None = None,
    resource_version: str = "1",
    labels: Mapping[str, str | None] = {},
    annotations: Mapping[str, str] = {},
    owners: Sequence[OwnerReference] | None = None,
    data: Mapping[str, str] | None = None,
    more_data: Mapping[str, str] = {},
    binary_data: Mapping[str, str] = {},
    immutable: bool = False,
    terminating: bool = False,
) -> ConfigMap:
    """The ConfigMap made for a Pod by a config that includes nothing, in step unless changed.

    `labels` are laid over its own; None takes one away. `more_data` adds to the four facts.
    """
    namespace, pod_name = made_for.namespaced_name
    name = f"pod-{pod_name}-from-{made_by}-cfg" if name is None else name
    own = {GENERATED_BY: made_by, POD_UID: made_for.uid, MANAGED_BY: "podcm-sync"}
    facts = {
        "podName": pod_name,
        "namespace": namespace,
        "nodeName": made_for.node_name,
        "phase": made_for.phase,
    }
    return ConfigMap(
        namespaced_name=NamespacedName(namespace, name),
        uid=uid_of(name, namespace) if uid is None else uid,
        resource_version=resource_version,
        terminating=terminating,
        labels={key: value for key, value in {**own, **labels}.items() if value is not None},
        annotations=dict(annotations),
        owner_references=(
            (owner(pod_name, uid=made_for.uid),) if owners is None else tuple(owners)
        ),
        data={**facts, **more_data} if data is None else dict(data),
        binary_data=dict(binary_data),
        immutable=immutable,
    )


def snapshot(
    *objects: Object,
    namespaces: tuple[str, ...] | None = None,
    problems: Sequence[Problem] = (),
    incomplete: Mapping[str, str] = {},
    unplannable: Iterable[str] = (),
) -> Snapshot:
    """What a reader gives: these objects, complete unless said otherwise."""
    return Snapshot(
        scope=Scope(namespaces=namespaces),
        pods=tuple(each for each in objects if isinstance(each, Pod)),
        configs=tuple(each for each in objects if isinstance(each, PodConfigMapConfig)),
        config_maps=tuple(each for each in objects if isinstance(each, ConfigMap)),
        problems=tuple(problems),
        incomplete=dict(incomplete),
        unplannable=frozenset(unplannable),
    )


def problem(
    kind: str = "Pod",
    name: str = "web-0",
    *,
    namespace: str = NAMESPACE,
    message: str = "it is broken",
    quoted: Quotes = None,
    labels: Mapping[str, str] | None = None,
) -> Problem:
    """An object that did not decode."""
    is_config = kind == "PodConfigMapConfig"
    return Problem(
        kind=kind,
        namespaced_name=NamespacedName(namespace, name),
        reason=Reason.UNREADABLE if is_config else Reason.UNDECODABLE,
        message=message,
        quoted=quoted,
        labels=None if labels is None else dict(labels),
    )


def desired(
    made_for: Pod = pod(),  # noqa: B008 - frozen
    made_by: str = "web",
    *,
    name: str | None = None,
    data: Mapping[str, str] | None = None,
    more_data: Mapping[str, str] = {},
) -> DesiredConfigMap:
    """What config_map() with the same arguments is in step with."""
    model = config_map(name, made_for=made_for, made_by=made_by, data=data, more_data=more_data)
    return DesiredConfigMap(
        namespaced_name=model.namespaced_name,
        pod_name=made_for.namespaced_name.name,
        pod_uid=made_for.uid,
        pcmc_name=made_by,
        data=model.data,
    )


def change(
    verb: Verb = Verb.CREATE,
    reason: Reason = Reason.MISSING,
    *,
    name: str = "pod-web-0-from-web-cfg",
    namespace: str = NAMESPACE,
    pod_name: str = "web-0",
    pcmc_name: str = "web",
    message: str = "",
    existing: ConfigMap | None = None,
    wanted: DesiredConfigMap | None = None,
) -> Change:
    return Change(
        verb=verb,
        namespaced_name=NamespacedName(namespace, name),
        pod_name=pod_name,
        pcmc_name=pcmc_name,
        reason=reason,
        message=message,
        existing=existing,
        desired=wanted,
    )


def outcome(
    result: Result = Result.CREATED,
    reason: Reason = Reason.MISSING,
    *,
    of: Change | None = None,
    name: str = "pod-web-0-from-web-cfg",
    namespace: str = NAMESPACE,
    pcmc_name: str = "web",
    code: int | None = None,
    message: str = "",
    quoted: Quotes = None,
) -> Outcome:
    """What a change came to; without one, of a change whose verb fits the result."""
    verbs = {
        Result.CREATED: Verb.CREATE,
        Result.UPDATED: Verb.UPDATE,
        Result.DELETED: Verb.DELETE,
        Result.UNCHANGED: Verb.KEEP,
        Result.SKIPPED: Verb.SKIP,
        Result.FAILED: Verb.UPDATE,
    }
    if of is None:
        of = change(verbs[result], reason, name=name, namespace=namespace, pcmc_name=pcmc_name)
    return Outcome(
        change=of, result=result, reason=reason, code=code, message=message, quoted=quoted
    )


def condition(
    kind: str = "Ready",
    status: str = "True",
    reason: str = "Synced",
    *,
    message: str = "",
    since: str = EARLIER,
    generation: int | None = 1,
) -> Condition:
    return Condition(
        type=kind,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=since,
        observed_generation=generation,
    )


def manifest(obj: Object) -> Json:
    """The object as an API server stores it: what decodes to `obj` again."""
    namespace, name = obj.namespaced_name
    metadata: Json = {"name": name, "namespace": namespace, "uid": obj.uid}
    if obj.terminating:
        # Whatever is terminating and still there is held by a finalizer, or by its grace period.
        metadata["deletionTimestamp"] = "2026-11-22T11:59:00Z"
        metadata["finalizers"] = ["example.com/wait"]
    match obj:
        case Pod():
            metadata |= {"labels": obj.labels, "annotations": obj.annotations}
            spec = {"nodeName": obj.node_name} if obj.node_name else {}
            status = {"phase": obj.phase} if obj.phase else {}
            return _manifest("v1", "Pod", metadata, spec=spec, status=status)
        case PodConfigMapConfig():
            metadata |= {
                "resourceVersion": obj.resource_version,
                "generation": obj.generation,
                "creationTimestamp": obj.creation_timestamp or None,
            }
            return _manifest(
                "podconfig.example.com/v1alpha1",
                "PodConfigMapConfig",
                metadata,
                spec=_spec(obj),
                status=msgspec.to_builtins(obj.status),
            )
        case ConfigMap():
            metadata |= {
                "resourceVersion": obj.resource_version,
                "labels": obj.labels,
                "annotations": obj.annotations,
                "ownerReferences": msgspec.to_builtins(obj.owner_references),
            }
            content: Json = {"data": obj.data, "binaryData": obj.binary_data}
            if obj.immutable:
                content["immutable"] = True
            return _manifest("v1", "ConfigMap", metadata, **content)


def _manifest(api_version: str, kind: str, metadata: Json, **parts: Any) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def _spec(config: PodConfigMapConfig) -> Any:
    if config.spec is None and config.is_stored:
        return {"maxPods": 3}
    if config.spec is None:
        # A list where a mapping should be; no manifest decodes to just any spec_error.
        return ["garbage"]
    selector = config.spec.pod_selector
    return {
        "podSelector": {
            "matchLabels": selector.match_labels,
            "matchExpressions": [
                {"key": each.key, "operator": each.operator, "values": list(each.values)}
                for each in selector.match_expressions
            ],
        },
        "labelsToInclude": list(config.spec.labels_to_include),
        "annotationsToInclude": list(config.spec.annotations_to_include),
        "configMapDataTemplate": config.spec.config_map_data_template,
        "suspend": config.suspend,
    }


def stopping(
    *,
    is_stopping: Callable[[], bool] = lambda: False,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Stopping:
    """When a run stops, in the way that a test says, and by limits that only tests have."""
    return Stopping(
        is_stopping=is_stopping,
        is_cancelled=is_cancelled,
        why_nothing_begins=lambda: "the test says stop",
        why_no_longer=lambda: "the test is over",
    )
