"""Bytes to models: the API's JSON, with only the fields a run needs, and nothing but values out.

One object that does not decode becomes a `Problem`; the rest of its page is unharmed. Only a page
of anything but the list asked for raises, and then `DecodeError`. Fields that are not named are
never built.
"""

import codecs
import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from podcm_sync.errors import DecodeError
from podcm_sync.model.kept import Kept
from podcm_sync.model.meta import KIND, NamespacedName
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
from podcm_sync.model.page import (
    CONFIG,
    CONFIG_MAP,
    METADATA,
    POD,
    Head,
    M,
    Page,
    TypeMeta,
    check_head,
)
from podcm_sync.model.reasons import Reason
from podcm_sync.model.wire import (
    AnyObject,
    ConfigMapWire,
    ConfigWire,
    Identity,
    ListMeta,
    PageWire,
    PartialObjectWire,
    PodWire,
    SelectorWire,
    SpecWire,
    StatusWire,
    SuspendOnly,
    TypedWire,
)

_page: Final = msgspec.json.Decoder(PageWire)
_pod: Final = msgspec.json.Decoder(PodWire)
_config: Final = msgspec.json.Decoder(ConfigWire)
_config_map: Final = msgspec.json.Decoder(ConfigMapWire)
_spec: Final = msgspec.json.Decoder(SpecWire | None)
_suspend: Final = msgspec.json.Decoder(SuspendOnly | None)
_status: Final = msgspec.json.Decoder(StatusWire | None)
_partial_object: Final = msgspec.json.Decoder(PartialObjectWire)
_any_object: Final = msgspec.json.Decoder(AnyObject)
_string: Final = msgspec.json.Decoder(str)
_pairs: Final = msgspec.json.Decoder(dict[str, str] | None)
_PIECE_BYTES: Final = 1 << 16
W = TypeVar("W")
T = TypeVar("T", bound=TypedWire)


def pods(body: bytes, kept: Kept) -> Page[Pod]:
    """A page of a PodList, of each what is kept. Raises DecodeError if the body is no such page."""
    kept.begin_page()
    return _decode_page(body, POD, _pod, lambda wire: kept.pod(_to_pod(wire)))


def configs(body: bytes) -> Page[PodConfigMapConfig]:
    """A page of a PodConfigMapConfigList. Raises DecodeError if the body is no such page."""
    return _decode_page(body, CONFIG, _config, _to_config)


def config_maps(body: bytes, kept: Kept) -> Page[ConfigMap]:
    """A page of a ConfigMapList. Raises DecodeError if the body is no such page."""
    kept.begin_page()
    return _decode_page(
        body, CONFIG_MAP, _config_map, lambda wire: kept.config_map(_to_config_map(wire))
    )


def metadata(body: bytes) -> Page[PartialObjectMetadata]:
    """A page of a PartialObjectMetadataList. Raises DecodeError if the body is no such page."""
    return _decode_page(body, METADATA, _partial_object, _to_metadata)


def decode_pod(body: bytes | msgspec.Raw) -> Pod:
    """One Pod. Raises DecodeError."""
    return _to_pod(_decoded(_pod, body))


def decode_config_map(body: bytes | msgspec.Raw) -> ConfigMap:
    """One ConfigMap. Raises DecodeError."""
    return _to_config_map(_decoded(_config_map, body))


def decode_config(body: bytes | msgspec.Raw) -> PodConfigMapConfig:
    """One PodConfigMapConfig; a spec of the wrong shape is its `spec_error`. Raises DecodeError."""
    return _to_config(_decoded(_config, body))


def _to_pod(wire: PodWire) -> Pod:
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


def _to_config_map(wire: ConfigMapWire) -> ConfigMap:
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


def _to_config(wire: ConfigWire) -> PodConfigMapConfig:
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


def _to_metadata(wire: PartialObjectWire) -> PartialObjectMetadata:
    name = NamespacedName(wire.metadata.namespace, wire.metadata.name)
    return PartialObjectMetadata(namespaced_name=name, labels=wire.metadata.labels or {})


def _decode_page(
    body: bytes, item_type: TypeMeta, decoder: msgspec.json.Decoder[T], model: Callable[[T], M]
) -> Page[M]:
    _check_text(body)
    page = _decoded(_page, body)
    meta = page.metadata or ListMeta()
    head = Head(
        type=TypeMeta(page.api_version or "", page.kind or ""),
        resource_version=meta.resource_version or "",
        continue_token=meta.continue_ or "",
        remaining_item_count=meta.remaining_item_count or 0,
    )
    check_head(head, item_type)
    if page.items is msgspec.UNSET:
        raise DecodeError("the list has no items, not even none")
    items: list[M] = []
    sizes: list[int] = []
    problems: list[Problem] = []
    for raw in page.items or ():
        try:
            wire = _decoded(decoder, raw)
        except DecodeError as error:
            problems.append(problem(raw, item_type.kind, str(error)))
            continue
        # Items of built-in lists do not say what they are.
        claimed = TypeMeta(wire.api_version or item_type.api_version, wire.kind or item_type.kind)
        if claimed != item_type:
            raise DecodeError(f"expected a list of {item_type}, with a {claimed} among them")
        items.append(model(wire))
        sizes.append(memoryview(raw).nbytes)
    return Page(
        items=tuple(items),
        sizes=tuple(sizes),
        problems=tuple(problems),
        resource_version=head.resource_version,
        continue_token=head.continue_token,
    )


def _check_text(body: bytes) -> None:
    """Raise DecodeError unless all of it is UTF-8, as JSON is; msgspec passes over what it skips.

    Piece by piece, since the text of a page takes up to four times its bytes.
    """
    if body.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            decoder.decode(body[start : start + _PIECE_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DecodeError(f"the page is not UTF-8: {error.reason}") from error


def problem(raw: msgspec.Raw, kind: str, message: str) -> Problem:
    """What is still known of an object that does not decode; a name that is not known is ""."""
    try:
        identity = _decoded(_any_object, raw).metadata
    except DecodeError:
        identity = Identity()
    return Problem(
        kind=kind,
        namespaced_name=NamespacedName(_text(identity.namespace), _text(identity.name)),
        reason=Reason.UNREADABLE if kind == KIND else Reason.UNDECODABLE,
        message=message,
        labels=_labels(identity.labels),
    )


def _text(raw: msgspec.Raw) -> str:
    try:
        return _decoded(_string, raw)
    except DecodeError:
        return ""


def _labels(raw: msgspec.Raw) -> dict[str, str] | None:
    try:
        return _decoded(_pairs, raw) or {}
    except DecodeError:
        return None


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


def _decoded(decoder: msgspec.json.Decoder[W], body: bytes | msgspec.Raw, root: str = "") -> W:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(_in_words(str(error), root) or type(error).__name__) from error
