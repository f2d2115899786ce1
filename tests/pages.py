"""Pages of lists as an API server sends them in JSON; `tests.speed.encode` has them in protobuf."""

from typing import Any, Final

import msgspec

LISTS: Final = {
    "Pod": "v1",
    "ConfigMap": "v1",
    "PodConfigMapConfig": "podconfig.example.com/v1alpha1",
    "PartialObjectMetadata": "meta.k8s.io/v1",
}
"""The kinds of items that a run lists, and the apiVersion of each."""


def json_page(kind: str, items: object, token: str | None = "", **metadata: object) -> bytes:
    """A page of the list of this kind of items; what is None of its metadata is left out."""
    meta: dict[str, Any] = {"resourceVersion": "4711", "continue": token} | metadata
    return msgspec.json.encode(
        {
            "kind": f"{kind}List",
            "apiVersion": LISTS[kind],
            "metadata": {key: value for key, value in meta.items() if value is not None},
            "items": items,
        }
    )
