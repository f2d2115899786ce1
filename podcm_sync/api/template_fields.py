"""The table of the fields of a Pod that only templates read; both decoders are made from it.

To add a field, add a row here and a word to `fields` in template/engine/lint.go. A field that a run
needs without templates, such as the phase, is a field of `Pod` instead.
"""

from typing import Any, Final

import msgspec
from msgspec import Struct


class TemplateField(Struct, frozen=True, kw_only=True):
    """A field of a Pod's `metadata`, `spec`, or `status`: text, or a list of objects with `parts`.

    `number` and the values of `parts` are field numbers of Kubernetes' `generated.proto`. `item` is
    the message of the list's objects there. `sample` is the value in the sample Pod of `validate`.
    """

    section: str
    number: int
    sample: str | tuple[dict[str, str], ...]
    item: str = ""
    parts: dict[str, int] = {}


TEMPLATE_FIELDS: Final = {
    "podIP": TemplateField(section="status", number=6, sample="192.0.2.1"),
    "hostIP": TemplateField(section="status", number=5, sample="192.0.2.2"),
    "serviceAccountName": TemplateField(section="spec", number=8, sample="default"),
    "containers": TemplateField(
        section="spec",
        number=2,
        item="Container",
        parts={"name": 1, "image": 2},
        sample=({"name": "sample", "image": "registry.example.com/sample:1"},),
    ),
    "ownerReferences": TemplateField(
        section="metadata",
        number=13,
        item="OwnerReference",
        parts={"apiVersion": 5, "kind": 1, "name": 3, "uid": 4},
        sample=(
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "sample", "uid": "sample"},
        ),
    ),
}
"""By the name of the field in templates, which is its name in the API."""
_ROWS: Final = tuple(
    (name, field.section, tuple(field.parts)) for name, field in TEMPLATE_FIELDS.items()
)


def encode(pod: Any) -> bytes:
    """The template fields of a decoded Pod as MessagePack: a map with a key for every field.

    `pod` is the struct of `wire_json` or the message of `wire_protobuf`; both name attributes as
    the API does. A field that the Pod lacks is "" or an empty list.
    """
    fields: dict[str, Any] = {}
    for name, section, parts in _ROWS:
        value = getattr(getattr(pod, section, None), name, None)
        if parts:
            fields[name] = [
                {part: text(getattr(item, part)) for part in parts} for item in value or ()
            ]
        else:
            fields[name] = text(value)
    return msgspec.msgpack.encode(fields)


def text(value: str | bytes | None) -> str:
    """The value as text, "" for None. protobuf returns bytes if a string is not UTF-8."""
    if isinstance(value, str):
        return value
    # As Go's encoding/json does: U+FFFD for each byte that is not part of a character.
    return "".join(
        character if not "\udc80" <= character <= "\udcff" else "\ufffd"
        for character in (value or b"").decode(errors="surrogateescape")
    )


NO_FIELDS: Final = encode(None)
"""Stands in for the fields of a Pod if no config has templates, so they aren't kept."""
SAMPLE: Final = msgspec.msgpack.encode(
    {name: field.sample for name, field in TEMPLATE_FIELDS.items()}
)
