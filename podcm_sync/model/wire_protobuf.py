"""What the protobuf bytes hold: messages with only the fields that a run needs. Beside `wire`.

The numbers are those of Kubernetes' `generated.proto` files, which never change; other fields are
skipped. Built at run time, since generated code would be longer than what it describes.
"""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_STRING, _BOOL, _BYTES = "string", "bool", "bytes"
# A map is a list of pairs on the wire. They stay bytes: of labels nearly all have been seen before,
# and what bytes were once they are again.
_PAIRS = "repeated bytes"

MESSAGES: Final = {
    # k8s.io/apimachinery/pkg/runtime/generated.proto. `raw` are the bytes of a message, which on
    # the wire is a message: so the envelope and the list in it are one parse.
    "TypeMeta": {"kind": (2, _STRING)},
    "Unknown": {"typeMeta": (1, "TypeMeta"), "raw": (2, "List")},
    "Refusal": {"typeMeta": (1, "TypeMeta"), "raw": (2, "Status")},
    # k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto. A list's items stay bytes until their
    # turn comes: one that is broken is a Problem of its own, and one at a time is decoded.
    "List": {"metadata": (1, "ListMeta"), "items": (2, "repeated bytes")},
    "ListMeta": {"continue": (3, _STRING)},
    "Status": {"message": (3, _STRING), "reason": (4, _STRING)},
    "ObjectMeta": {
        "name": (1, _STRING),
        "namespace": (3, _STRING),
        "uid": (5, _STRING),
        "resourceVersion": (6, _STRING),
        "deletionTimestamp": (9, _BYTES),
        "labels": (11, _PAIRS),
        "annotations": (12, _PAIRS),
        "ownerReferences": (13, "repeated OwnerReference"),
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
    "Identity": {"name": (1, _STRING), "namespace": (3, _STRING), "labels": (11, _PAIRS)},
    "Named": {"metadata": (1, "Identity")},
    # k8s.io/api/core/v1/generated.proto.
    "Pod": {"metadata": (1, "ObjectMeta"), "spec": (2, "PodSpec"), "status": (3, "PodStatus")},
    "PodSpec": {
        "containers": (2, "repeated Container"),
        "serviceAccountName": (8, _STRING),
        "nodeName": (10, _STRING),
    },
    "Container": {"name": (1, _STRING), "image": (2, _STRING)},
    "PodStatus": {"phase": (1, _STRING), "hostIP": (5, _STRING), "podIP": (6, _STRING)},
    "ConfigMap": {
        "metadata": (1, "ObjectMeta"),
        "data": (2, _PAIRS),
        "binaryData": (3, _PAIRS),
        "immutable": (4, _BOOL),
    },
}


def classes() -> dict[str, Any]:
    """The message classes of the table. proto2, as Kubernetes': a field knows if it was sent."""
    field = descriptor_pb2.FieldDescriptorProto
    scalars = {_STRING: field.TYPE_STRING, _BOOL: field.TYPE_BOOL, _BYTES: field.TYPE_BYTES}
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
