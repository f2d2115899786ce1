"""Which of the two decoders reads a page: the one interface of `decode` (JSON) and `protobuf`.

A reader says which content types it takes, the server chooses among them, and what it says of its
answer decides here. So a server, or a proxy, that speaks JSON alone is as good.
"""

from typing import Final, Protocol

from podcm_sync.model import decode
from podcm_sync.model.kept import Kept
from podcm_sync.model.objects import ConfigMap, PartialObjectMetadata, Pod
from podcm_sync.model.page import Page

JSON: Final = "application/json"
PROTOBUF: Final = "application/vnd.kubernetes.protobuf"
EITHER: Final = f"{PROTOBUF}, {JSON}"
"""What Kubernetes' own resources can be had as; custom resources are JSON alone."""
_METADATA: Final = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
METADATA_ONLY: Final = f"{PROTOBUF}{_METADATA}, {JSON}{_METADATA}"


class Decoder(Protocol):
    """Pages of one content type. Each raises DecodeError where the body is no list."""

    def pods(self, body: bytes, kept: Kept, /) -> Page[Pod]:
        """A page of a PodList, of each what is kept."""
        ...

    def config_maps(self, body: bytes, kept: Kept, /) -> Page[ConfigMap]:
        """A page of a ConfigMapList, of each what is kept."""
        ...

    def metadata(self, body: bytes, /) -> Page[PartialObjectMetadata]:
        """A page of a PartialObjectMetadataList."""
        ...


def decoder_of(content_type: str) -> Decoder:
    """The decoder of an answer that says it is of this type."""
    if not content_type.startswith(PROTOBUF):
        return decode
    # Late: importing google.protobuf takes longer than many a run.
    from podcm_sync.model import protobuf

    return protobuf
