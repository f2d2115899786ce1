"""The shapes of the API's protobuf: messages with only the fields that a run needs.

The field numbers are those of Kubernetes' `generated.proto` files, which never change. protobuf
skips other fields. The classes are built at run time, because generated code would be longer than
this table.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from podcm_sync.api.template_fields import TEMPLATE_FIELDS

_STRING, _BOOL, _BYTES, _INT64 = "string", "bool", "bytes", "int64"
# On the wire a map is a list of pairs. They stay bytes, because nearly all labels recur and equal
# bytes give the same pair: the Interner parses each only once.
_PAIRS = "repeated bytes"

MESSAGES: Final[dict[str, dict[str, tuple[int, str]]]] = {
    # k8s.io/apimachinery/pkg/runtime/generated.proto. `raw` is declared as bytes there. Bytes and
    # messages look the same on the wire, so one parse reads the envelope and the list in it.
    "TypeMeta": {"apiVersion": (1, _STRING), "kind": (2, _STRING)},
    "Unknown": {"typeMeta": (1, "TypeMeta"), "raw": (2, "List")},
    "Refusal": {"typeMeta": (1, "TypeMeta"), "raw": (2, "Status")},
    # k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto. The items of a list stay bytes and are
    # decoded one at a time, so that a broken one becomes a Problem and does not break the page.
    "List": {"metadata": (1, "ListMeta"), "items": (2, "repeated bytes")},
    "ListMeta": {
        "resourceVersion": (2, _STRING),
        "continue": (3, _STRING),
        "remainingItemCount": (4, _INT64),
    },
    "Status": {"message": (3, _STRING), "reason": (4, _STRING), "code": (6, _INT64)},
    # An event of a watch, with all the fields of each message: an unknown one is damage.
    "WatchEvent": {"type": (1, _STRING), "object": (2, "RawExtension")},
    "RawExtension": {"raw": (1, _BYTES)},
    "Watched": {
        "typeMeta": (1, "TypeMeta"),
        "raw": (2, _BYTES),
        "contentEncoding": (3, _STRING),
        "contentType": (4, _STRING),
    },
    # All fields of ObjectMeta, so that an unknown field can show a damaged tag.
    "ObjectMeta": {
        "name": (1, _STRING),
        "generateName": (2, _BYTES),
        "namespace": (3, _STRING),
        "selfLink": (4, _BYTES),
        "uid": (5, _STRING),
        "resourceVersion": (6, _STRING),
        "generation": (7, _INT64),
        "creationTimestamp": (8, _BYTES),
        "deletionTimestamp": (9, _BYTES),
        "deletionGracePeriodSeconds": (10, _INT64),
        "labels": (11, _PAIRS),
        "annotations": (12, _PAIRS),
        "ownerReferences": (13, "repeated OwnerReference"),
        "finalizers": (14, "repeated bytes"),
        "managedFields": (17, "repeated bytes"),
    },
    "Pair": {"key": (1, _STRING), "value": (2, _STRING)},
    "BytesPair": {"key": (1, _STRING), "value": (2, _BYTES)},
    "OwnerReference": {
        "kind": (1, _STRING),
        "name": (3, _STRING),
        "uid": (4, _STRING),
        "apiVersion": (5, _STRING),
        "controller": (6, _BOOL),
        "blockOwnerDeletion": (7, _BOOL),
    },
    "PartialObjectMetadata": {"metadata": (1, "ObjectMeta")},
    # k8s.io/api/core/v1/generated.proto.
    "Pod": {"metadata": (1, "ObjectMeta"), "spec": (2, "PodSpec"), "status": (3, "PodStatus")},
    "PodSpec": {"nodeName": (10, _STRING)},
    "PodStatus": {"phase": (1, _STRING)},
    "ConfigMap": {
        "metadata": (1, "ObjectMeta"),
        "data": (2, _PAIRS),
        "binaryData": (3, _PAIRS),
        "immutable": (4, _BOOL),
    },
}
_SECTIONS: Final = {"metadata": "ObjectMeta", "spec": "PodSpec", "status": "PodStatus"}


def _add_template_fields() -> None:
    for name, field in TEMPLATE_FIELDS.items():
        kind = f"repeated {field.item}" if field.parts else _STRING
        MESSAGES[_SECTIONS[field.section]][name] = (field.number, kind)
        parts = {part: (number, _STRING) for part, number in field.parts.items()}
        if parts:
            MESSAGES[field.item] = parts | MESSAGES.get(field.item, {})


_add_template_fields()


def classes() -> dict[str, Any]:
    """The message classes by name; proto2 as in Kubernetes, so a field shows if it was sent."""
    field = descriptor_pb2.FieldDescriptorProto
    scalars = {
        _STRING: field.TYPE_STRING,
        _BOOL: field.TYPE_BOOL,
        _BYTES: field.TYPE_BYTES,
        _INT64: field.TYPE_INT64,
    }
    file = descriptor_pb2.FileDescriptorProto(name="podcm_sync.proto", package="podcm_sync")

    def add(message: Any, name: str, number: int, kind: str) -> None:
        kind, is_repeated = kind.removeprefix("repeated "), kind.startswith("repeated ")
        label = field.LABEL_REPEATED if is_repeated else field.LABEL_OPTIONAL
        if kind in scalars:
            message.field.add(name=name, number=number, label=label, type=scalars[kind])
            return
        type_name = f".{file.package}.{kind}"
        message.field.add(
            name=name, number=number, label=label, type=field.TYPE_MESSAGE, type_name=type_name
        )

    for message_name, fields in MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for name, (number, kind) in fields.items():
            add(message, name, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.{name}"))
        for name in MESSAGES
    }
