"""What a closed connection does with what it has not sent yet: a leader's drops it.

The kernel would go on sending it for a quarter of an hour, so that a network that comes back would
deliver the writes of a leader long deposed.
"""

import socket
import struct
from typing import Final

import urllib3
from urllib3.connection import HTTPConnection

NO_LINGERING: Final = struct.pack("ii", 1, 0)


def drop_unsent(manager: urllib3.PoolManager) -> None:
    """Make every connection of the pools end at once and for good when it is closed."""
    options = manager.connection_pool_kw
    chosen = options.get("socket_options") or HTTPConnection.default_socket_options
    options["socket_options"] = [*chosen, (socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGERING)]
