"""Chooses the decoder of a page by its `Content-Type`: `decode_json` or `decode_protobuf`.

A reader offers content types in `Accept`, and the server picks one of them. So a server or a proxy
that answers only in JSON works as well (docs/design/decisions/protobuf.md).
"""

from typing import Final, Protocol

from podcm_sync.api import decode_json
from podcm_sync.api.interner import Interner
from podcm_sync.api.objects import ConfigMap, PartialObjectMetadata, Pod
from podcm_sync.api.page import Page

JSON: Final = "application/json"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
EITHER: Final = f"{PROTOBUF}, {JSON}"
"""The `Accept` header for Kubernetes' own resources. Custom resources come in JSON only."""
METADATA_LIST: Final = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_ONLY: Final = f"{PROTOBUF}{METADATA_LIST}, {JSON}{METADATA_LIST}"
"""The `Accept` header for metadata alone, as in client-go's `metadata/metadata.go`."""


class Decoder(Protocol):
    """Decodes pages of one content type; raises DecodeError if a body isn't a page of the list."""

    def pods(self, body: bytes, interner: Interner, /) -> Page[Pod]:
        """A page of a PodList, with the fields of each Pod that a run needs."""
        ...

    def config_maps(self, body: bytes, interner: Interner, /) -> Page[ConfigMap]:
        """A page of a ConfigMapList."""
        ...

    def metadata(self, body: bytes, /) -> Page[PartialObjectMetadata]:
        """A page of a PartialObjectMetadataList."""
        ...


def decoder_of(content_type: str) -> Decoder:
    """The decoder for an answer with this `Content-Type`."""
    if not content_type.startswith(PROTOBUF):
        return decode_json
    # Imported late: google.protobuf takes longer to import than many runs take.
    from podcm_sync.api import decode_protobuf

    return decode_protobuf
