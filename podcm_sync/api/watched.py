"""One event of a watch while it is decoded: its type is known, its object isn't decoded yet."""

from msgspec import Struct

from podcm_sync.api.page import TypeMeta


class Watched(Struct, frozen=True, kw_only=True):
    """`metav1.WatchEvent`: its own type, its object's type and version, and the object's bytes.

    `resource_version` is "" if it can't be read.
    """

    event: str
    type: TypeMeta
    resource_version: str
    raw: bytes
