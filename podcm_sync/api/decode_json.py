"""Decodes the API's JSON into models that have only the fields a run needs.

An object that doesn't decode becomes a `Problem`, and the rest of its page stays usable. A body
that isn't a page of the requested list raises DecodeError, and nothing raises another error.
msgspec skips the fields that no struct in `wire_json` names.
"""

import codecs
import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from podcm_sync.api.finding import Finding, MalformedError, quote
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.objects import (
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
from podcm_sync.api.page import (
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
from podcm_sync.api.reasons import Reason
from podcm_sync.api.wire_json import (
    AnyObject,
    ConfigMapWire,
    ConfigWire,
    Identity,
    ListMeta,
    PageWire,
    PartialObjectWire,
    PodSpec,
    PodStatus,
    PodWire,
    Requirement,
    SelectorWire,
    SpecWire,
    StatusWire,
    SuspendOnly,
    TypedWire,
    pod_wire,
)
from podcm_sync.errors import NOT_JSON, DecodeError

_page: Final = msgspec.json.Decoder(PageWire)
_pod: Final = msgspec.json.Decoder(pod_wire())
_config: Final = msgspec.json.Decoder(ConfigWire)
_config_map: Final = msgspec.json.Decoder(ConfigMapWire)
_spec: Final = msgspec.json.Decoder(SpecWire | None)
_suspend: Final = msgspec.json.Decoder(SuspendOnly | None)
_status: Final = msgspec.json.Decoder(StatusWire | None)
_partial_object: Final = msgspec.json.Decoder(PartialObjectWire)
_any_object: Final = msgspec.json.Decoder(AnyObject)
_string: Final = msgspec.json.Decoder(str)
_pairs: Final = msgspec.json.Decoder(dict[str, str] | None)
_NEAR: Final = 0.75
"""How alike two names of fields must be for one to be meant."""
_PIECE_BYTES: Final = 1 << 16
"""How much of a page is checked at once for UTF-8."""
W = TypeVar("W")
T = TypeVar("T", bound=TypedWire)


def pods(body: bytes, interner: Interner) -> Page[Pod]:
    """A page of a PodList, as `interner` keeps it. Raises DecodeError if the body isn't one."""
    interner.begin_page()
    return _decode_page(body, POD, _pod, lambda wire: interner.pod(_to_pod(wire, interner)))


def configs(body: bytes) -> Page[PodConfigMapConfig]:
    """A page of a PodConfigMapConfigList. Raises DecodeError if the body isn't one."""
    return _decode_page(body, CONFIG, _config, lambda wire: _to_config(wire, is_stored=True))


def config_maps(body: bytes, interner: Interner) -> Page[ConfigMap]:
    """A page of a ConfigMapList. Raises DecodeError if the body isn't one."""
    interner.begin_page()
    return _decode_page(
        body, CONFIG_MAP, _config_map, lambda wire: interner.config_map(_to_config_map(wire))
    )


def metadata(body: bytes) -> Page[PartialObjectMetadata]:
    """A page of a PartialObjectMetadataList. Raises DecodeError if the body isn't one."""
    return _decode_page(body, METADATA, _partial_object, _to_metadata)


def decode_pod(body: bytes | msgspec.Raw) -> Pod:
    """One Pod with all its annotations. Raises MalformedError if the bytes aren't a Pod."""
    return _to_pod(_decode(_pod, body), Interner())


def decode_config_map(body: bytes | msgspec.Raw) -> ConfigMap:
    """One ConfigMap. Raises MalformedError if the bytes aren't one."""
    return _to_config_map(_decode(_config_map, body))


def decode_config(body: bytes | msgspec.Raw, *, is_stored: bool = False) -> PodConfigMapConfig:
    """One PodConfigMapConfig, with `spec_error` if its spec has the wrong shape.

    Raises MalformedError if anything but the spec or the status does.
    """
    return _to_config(_decode(_config, body), is_stored=is_stored)


def _to_pod(wire: PodWire, interner: Interner) -> Pod:
    metadata, spec, status = wire.metadata, wire.spec or PodSpec(), wire.status or PodStatus()
    return Pod(
        namespaced_name=metadata.namespaced_name,
        uid=metadata.uid,
        labels=metadata.labels or {},
        annotations=metadata.annotations or {},
        node_name=spec.node_name or "",
        phase=status.phase or "",
        terminating=metadata.deletion_timestamp is not None,
        template_fields=interner.template_fields(wire),
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


def _to_config(wire: ConfigWire, *, is_stored: bool) -> PodConfigMapConfig:
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
        is_stored=is_stored,
    )


def _to_metadata(wire: PartialObjectWire) -> PartialObjectMetadata:
    name = NamespacedName(wire.metadata.namespace, wire.metadata.name)
    return PartialObjectMetadata(namespaced_name=name, labels=wire.metadata.labels or {})


def _decode_page(
    body: bytes, item_type: TypeMeta, decoder: msgspec.json.Decoder[T], model: Callable[[T], M]
) -> Page[M]:
    check_text(body)
    page = _decode(_page, body)
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
            wire = _decode(decoder, raw)
        except MalformedError as error:
            problems.append(problem(raw, item_type.kind, error.finding))
            continue
        # Items of built-in lists have no apiVersion and kind. If an item has them, they must match.
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


def check_text(body: bytes) -> None:
    """Raise DecodeError unless the whole body is UTF-8; msgspec doesn't check what it skips.

    It decodes piece by piece, because the text of a page can take four times the page's bytes.
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


def problem(raw: msgspec.Raw, kind: str, finding: Finding) -> Problem:
    """A Problem for an object that doesn't decode, with as much of its identity as decodes.

    A namespace or a name that doesn't decode is "". Labels that don't decode are None.
    """
    try:
        identity = _decode(_any_object, raw).metadata
    except DecodeError:
        identity = Identity()
    return Problem(
        kind=kind,
        namespaced_name=NamespacedName(_text(identity.namespace), _text(identity.name)),
        reason=Reason.UNREADABLE if kind == KIND else Reason.UNDECODABLE,
        message=str(finding),
        quoted=finding.quotes,
        labels=_labels(identity.labels),
    )


def _text(raw: msgspec.Raw) -> str:
    try:
        return _decode(_string, raw)
    except DecodeError:
        return ""


def _labels(raw: msgspec.Raw) -> dict[str, str] | None:
    try:
        return _decode(_pairs, raw) or {}
    except DecodeError:
        return None


def _decode_spec(raw: msgspec.Raw) -> tuple[PodConfigMapConfigSpec | None, bool, Finding | None]:
    """The spec (None if unreadable), whether the config is suspended, and the error of its shape.

    `suspend: true` counts even if the rest is unreadable: it asks podcm-sync to change nothing.
    """
    try:
        wire = _decode(_spec, raw, root="spec")
    except MalformedError as error:
        return None, _is_suspended(raw), error.finding
    if wire is None:
        return None, False, _NO_SPEC
    selector = wire.pod_selector or SelectorWire()
    spec = PodConfigMapConfigSpec(
        pod_selector=LabelSelector(
            match_labels=selector.match_labels or {},
            match_expressions=tuple(
                LabelSelectorRequirement(
                    key=requirement.key,
                    operator=requirement.operator,
                    values=requirement.values or (),
                )
                for requirement in selector.match_expressions or ()
            ),
        ),
        labels_to_include=wire.labels_to_include or (),
        annotations_to_include=wire.annotations_to_include or (),
        config_map_data_template=wire.config_map_data_template or {},
    )
    return spec, bool(wire.suspend), None


_NO_SPEC: Final = Finding(
    path="spec", message="is missing; write {} to select every Pod", quoted=()
)
_TYPES: Final = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "null",
}
"""The types in msgspec's words, and in ours."""
_TYPE_NAME: Final = "|".join(_TYPES)
_TYPE: Final = re.compile(rf"Expected `({_TYPE_NAME})(?: \| null)?`, got `({_TYPE_NAME})`")
_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_FIELD: Final = re.compile(r"Object contains unknown field (`.*`)", re.DOTALL)


def _finding_of(error: str, root: str) -> Finding:
    """A Finding from msgspec's error text. Its path has `[...]` instead of the key of a map."""
    text, _, place = error.partition(" - at `$")
    path = f"{root}{place}".rstrip("`").lstrip(".")
    if wrong := _TYPE.fullmatch(text):
        message = f"must be {_TYPES[wrong[1]]}, not {_TYPES[wrong[2]]}"
        return Finding(path=path, message=message, quoted=(), wanted=wrong[1])
    if unknown := _FIELD.fullmatch(text):
        name = unknown[1].strip("`")
        message = f"unknown field {unknown[1]}{_meant(name)}"
        return Finding(
            path=path,
            message=message,
            quoted=quote(unknown[1]),
            unknown=name,
            newer=f"field {unknown[1]}",
        )
    if missing := _MISSING.fullmatch(text):
        # Unlike the name of an unknown field, this one is ours, so `--redact` shows it.
        return Finding(path=f"{path}.{missing[1]}".lstrip("."), message="is missing", quoted=())
    return Finding(path=path, message=text)


def _meant(name: str) -> str:
    """The field of a spec that is almost called so, in our words, as `--redact` shows them."""
    # Late: almost no run needs it.
    import difflib

    wires: dict[str, type[msgspec.Struct]] = {
        "spec": SpecWire,
        "spec.podSelector": SelectorWire,
        "spec.podSelector.matchExpressions[]": Requirement,
    }
    fields = {
        field.encode_name: f"{path}.{field.encode_name}"
        for path, wire in wires.items()
        for field in msgspec.structs.fields(wire)
    }
    near = difflib.get_close_matches(name, fields, 1, _NEAR)
    return f"; did you mean {fields[near[0]]}?" if near else ""


def _is_suspended(raw: msgspec.Raw) -> bool:
    try:
        wire = _decode(_suspend, raw)
    except DecodeError:
        return False
    return wire is not None and bool(wire.suspend)


def _decode_status(raw: msgspec.Raw) -> PodConfigMapConfigStatus:
    """The status. If its shape is wrong, it counts as empty: the run writes all of it anyway."""
    try:
        wire = _decode(_status, raw)
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


def _decode(decoder: msgspec.json.Decoder[W], body: bytes | msgspec.Raw, root: str = "") -> W:
    try:
        return decoder.decode(body)
    except NOT_JSON as error:
        raise MalformedError(_finding_of(str(error) or type(error).__name__, root)) from error
