"""Bytes to models: the API's JSON, with only the fields a run needs, and nothing but values out.

One object that does not decode becomes a `Problem`; the rest of its page is unharmed. Only a page
that is no list at all raises, and then `DecodeError`. Fields that are not named are never built.
"""

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from podcm_sync.errors import DecodeError
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import KIND
from podcm_sync.model.objects import (
    ConfigMap,
    LabelSelector,
    LabelSelectorRequirement,
    PartialObjectMetadata,
    Pod,
    PodConfigMapConfig,
    PodConfigMapConfigSpec,
    PodConfigMapConfigStatus,
    Problem,
)
from podcm_sync.model.page import M, Page
from podcm_sync.model.reasons import Reason
from podcm_sync.model.wire import (
    AnyObject,
    ConfigMapWire,
    ConfigWire,
    Identity,
    Labelled,
    PageWire,
    PodWire,
    SelectorWire,
    SpecWire,
    StatusWire,
    SuspendOnly,
)

_page: Final = msgspec.json.Decoder(PageWire)
_pod: Final = msgspec.json.Decoder(PodWire)
_config: Final = msgspec.json.Decoder(ConfigWire)
_config_map: Final = msgspec.json.Decoder(ConfigMapWire)
_spec: Final = msgspec.json.Decoder(SpecWire | None)
_suspend: Final = msgspec.json.Decoder(SuspendOnly | None)
_status: Final = msgspec.json.Decoder(StatusWire | None)
_any_object: Final = msgspec.json.Decoder(AnyObject)
_labelled: Final = msgspec.json.Decoder(Labelled)


def pods(body: bytes, kept: Kept) -> Page[Pod]:
    """A page of a PodList, of each what is kept. Raises DecodeError where the body is no list."""
    return _decode_page(body, lambda raw: kept.pod(decode_pod(raw)), "Pod")


def configs(body: bytes) -> Page[PodConfigMapConfig]:
    """A page of a PodConfigMapConfigList. Raises DecodeError where the body is no list."""
    return _decode_page(body, decode_config, KIND)


def config_maps(body: bytes, kept: Kept) -> Page[ConfigMap]:
    """A page of a ConfigMapList. Raises DecodeError where the body is no list."""
    return _decode_page(body, lambda raw: kept.config_map(decode_config_map(raw)), "ConfigMap")


def metadata(body: bytes) -> Page[PartialObjectMetadata]:
    """A page of a PartialObjectMetadataList. Raises DecodeError if the body is no list."""
    return _decode_page(body, _decode_metadata, "PartialObjectMetadata")


def decode_pod(body: bytes | msgspec.Raw) -> Pod:
    """One Pod. Raises DecodeError."""
    wire = _decoded(_pod, body)
    metadata, spec, status = wire.metadata, wire.known_spec, wire.known_status
    return Pod(
        namespaced_name=metadata.namespaced_name,
        uid=metadata.uid,
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        node_name=spec.node_name or "",
        phase=status.phase or "",
        terminating=metadata.deletion_timestamp is not None,
        pod_ip=status.pod_ip or "",
        host_ip=status.host_ip or "",
        service_account_name=spec.service_account_name or "",
        containers=spec.containers or (),
        owner_references=metadata.owner_references or (),
    )


def decode_config_map(body: bytes | msgspec.Raw) -> ConfigMap:
    """One ConfigMap. Raises DecodeError."""
    wire = _decoded(_config_map, body)
    metadata = wire.metadata
    return ConfigMap(
        namespaced_name=metadata.namespaced_name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        terminating=metadata.deletion_timestamp is not None,
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        owner_references=metadata.owner_references or (),
        data=wire.data or {},
        binary_data=wire.binary_data or {},
        immutable=bool(wire.immutable),
    )


def decode_config(body: bytes | msgspec.Raw) -> PodConfigMapConfig:
    """One PodConfigMapConfig; a spec of the wrong shape is its `spec_error`. Raises DecodeError."""
    wire = _decoded(_config, body)
    metadata = wire.metadata
    spec, suspend, spec_error = _decode_spec(wire.spec)
    return PodConfigMapConfig(
        namespaced_name=metadata.namespaced_name,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        generation=metadata.generation,
        creation_timestamp=metadata.creation_timestamp or "",
        terminating=metadata.deletion_timestamp is not None,
        suspend=suspend,
        spec=spec,
        spec_error=spec_error,
        status=_decode_status(wire.status),
    )


def _decode_metadata(body: bytes | msgspec.Raw) -> PartialObjectMetadata:
    identity = _decoded(_any_object, body).metadata
    labels = _decoded(_labelled, body).metadata.labels or {}
    return PartialObjectMetadata(namespaced_name=identity.namespaced_name, labels=labels)


def _decode_page(body: bytes, decode: Callable[[bytes | msgspec.Raw], M], kind: str) -> Page[M]:
    page = _decoded(_page, body)
    items: list[M] = []
    problems: list[Problem] = []
    for raw in page.items or ():
        try:
            items.append(decode(raw))
        except DecodeError as error:
            problems.append(problem(raw, kind, str(error)))
    return Page(
        items=tuple(items),
        problems=tuple(problems),
        continue_token=(page.metadata and page.metadata.continue_) or "",
    )


def problem(raw: msgspec.Raw, kind: str, message: str) -> Problem:
    """What is still known of an object that does not decode; not even a name is ""."""
    try:
        identity = _decoded(_any_object, raw).metadata
    except DecodeError:
        identity = Identity(name="")
    try:
        labels = _decoded(_labelled, raw).metadata.labels or {}
    except DecodeError:
        labels = None
    return Problem(
        kind=kind,
        namespaced_name=identity.namespaced_name,
        reason=Reason.UNREADABLE if kind == KIND else Reason.UNDECODABLE,
        message=message,
        labels=labels,
    )


def _decode_spec(raw: msgspec.Raw) -> tuple[PodConfigMapConfigSpec | None, bool, str]:
    """The spec, whether it is suspended, and what is wrong with its shape ("" for nothing).

    `suspend: true` counts even where the rest cannot be read: it asks us to leave things alone.
    """
    try:
        wire = _decoded(_spec, raw, root="spec")
    except DecodeError as error:
        return None, _is_suspended(raw), str(error)
    if wire is None:
        return None, False, "spec: is missing; write {} to select every Pod"
    selector = wire.pod_selector or SelectorWire()
    spec = PodConfigMapConfigSpec(
        pod_selector=LabelSelector(
            match_labels=selector.match_labels or {},
            match_expressions=tuple(
                LabelSelectorRequirement(
                    key=each.key, operator=each.operator, values=each.values or ()
                )
                for each in selector.match_expressions or ()
            ),
        ),
        labels_to_include=wire.labels_to_include or (),
        annotations_to_include=wire.annotations_to_include or (),
        config_map_data_template=wire.config_map_data_template or {},
    )
    return spec, bool(wire.suspend), ""


def _in_words(error: str, root: str) -> str:
    """Msgspec's text in a manifest author's words: path first, and what it must be."""
    what, _, where = error.partition(" - at `$")
    what = re.sub(r"^Object contains unknown field", "unknown field", what)
    what = re.sub(r"^Expected `(\w+)(?: \| null)?`, got", r"must be of type `\1`, not", what)
    path = f"{root}{where}".rstrip("`").lstrip(".")
    return f"{path}: {what}" if path else what


def _is_suspended(raw: msgspec.Raw) -> bool:
    try:
        wire = _decoded(_suspend, raw)
    except DecodeError:
        return False
    return wire is not None and bool(wire.suspend)


def _decode_status(raw: msgspec.Raw) -> PodConfigMapConfigStatus:
    """The status; one of the wrong shape counts as none, since the run writes it whole anyway."""
    try:
        wire = _decoded(_status, raw)
    except DecodeError:
        wire = None
    if wire is None:
        return PodConfigMapConfigStatus()
    return PodConfigMapConfigStatus(
        observed_generation=wire.observed_generation,
        matched_pods=wire.matched_pods,
        config_maps=wire.config_maps,
        failures=wire.failures,
        conditions=wire.conditions or (),
    )


W = TypeVar("W")


def _decoded(decoder: msgspec.json.Decoder[W], body: bytes | msgspec.Raw, root: str = "") -> W:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(_in_words(str(error), root) or type(error).__name__) from error
