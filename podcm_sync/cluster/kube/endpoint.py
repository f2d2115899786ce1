"""An endpoint, how to reach it and trust it, and libcurl handles for it."""

import os
import socket
import ssl
import struct
from typing import Final
from urllib.parse import urlsplit

import pycurl
from msgspec import Struct

CONNECT_SECONDS: Final = 10.0
"""The time limit for a connection, so that an address that drops packets is reported soon."""
MAX_IDLE_SECONDS: Final = 15
"""How long an idle connection can be used again. NAT gateways and load balancers drop idle ones in
silence after some minutes, and each of those would cost a whole timeout."""
_LINGER_ZERO: Final = struct.pack("ii", 1, 0)
"""`struct linger`: on, for 0 seconds."""


class Endpoint(Struct, frozen=True, kw_only=True):
    """How to reach a server and how to trust it, without the Authorization header.

    Of the URL `server`, only scheme, host, and port count. `ca_data` has the only trusted CAs, ""
    for the system's; it, the client certificate, and its key are PEM. `proxy` is a URL with its
    user, "" for none. `headers` are header lines for every request.
    """

    server: str
    is_verified: bool = True
    ca_data: str = ""
    client_certificate: bytes = b""
    client_key: bytes = b""
    tls_server_name: str = ""
    proxy: str = ""
    headers: tuple[str, ...] = ()
    drops_unsent: bool = False
    """Whether a closed connection drops what is still unsent. Otherwise the kernel goes on
    sending for a quarter of an hour. If the network came back, it would deliver the writes of a
    leader that lost its Lease long ago."""


class Route:
    """The way to an endpoint: the start of each URL, header lines, and new handles."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        url = urlsplit(endpoint.server)
        self.base = f"{url.scheme}://{url.netloc}"
        self.headers = endpoint.headers
        self._connect_to = ""
        if endpoint.tls_server_name:
            # libcurl verifies the URL's host. So the URL has this name, CONNECT_TO the address.
            host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname or ""
            port = url.port or (443 if url.scheme == "https" else 80)
            self.base = f"{url.scheme}://{endpoint.tls_server_name}:{port}"
            self._connect_to = f"::{host}:{port}"
            self.headers = (f"Host: {url.netloc}", *endpoint.headers)

    def new_curl(self) -> pycurl.Curl:
        """A handle without a connection, for one thread at a time."""
        endpoint = self._endpoint
        curl = pycurl.Curl()
        options: dict[int, object] = {
            # libcurl must not use signals in a program with threads.
            pycurl.NOSIGNAL: 1,
            pycurl.HTTP_VERSION: pycurl.CURL_HTTP_VERSION_1_1,
            pycurl.PATH_AS_IS: 1,
            # A redirect leads elsewhere, and the credentials are only for this server.
            pycurl.FOLLOWLOCATION: 0,
            # Asks for no compression, but decodes it: some gateways compress all the same.
            pycurl.ENCODING: "identity",
            pycurl.CONNECTTIMEOUT_MS: int(CONNECT_SECONDS * 1000),
            pycurl.MAXCONNECTS: 1,
            pycurl.MAXAGE_CONN: MAX_IDLE_SECONDS,
            pycurl.BUFFERSIZE: 1 << 17,
            # Set even if empty, so that libcurl doesn't read the environment by its own rules.
            pycurl.PROXY: endpoint.proxy,
            pycurl.NOPROXY: "",
            pycurl.SSL_VERIFYPEER: int(endpoint.is_verified),
            pycurl.SSL_VERIFYHOST: 2 if endpoint.is_verified else 0,
        }
        if self._connect_to:
            options[pycurl.CONNECT_TO] = [self._connect_to]
        if endpoint.client_certificate:
            options[pycurl.SSLCERT_BLOB] = endpoint.client_certificate
            options[pycurl.SSLKEY_BLOB] = endpoint.client_key
        if endpoint.drops_unsent:
            options[pycurl.SOCKOPTFUNCTION] = _drop_unsent
        for option, value in (options | _trusted(endpoint)).items():
            curl.setopt(option, value)
        return curl


def _trusted(endpoint: Endpoint) -> dict[int, object]:
    """The options for the CAs. As in Go and kubectl, they count for an https:// proxy too."""
    if endpoint.ca_data:
        return {pycurl.CAINFO_BLOB: endpoint.ca_data, pycurl.PROXY_CAINFO_BLOB: endpoint.ca_data}
    # The wheel's libcurl was built on another system, so it doesn't know this system's CA paths.
    system = ssl.get_default_verify_paths()
    options: dict[int, object] = {}
    if system.cafile:
        options |= {pycurl.CAINFO: system.cafile, pycurl.PROXY_CAINFO: system.cafile}
    if system.capath:
        options |= {pycurl.CAPATH: system.capath, pycurl.PROXY_CAPATH: system.capath}
    return options


def _drop_unsent(descriptor: int, _purpose: int) -> int:
    """Make a socket drop unsent data when it is closed (SO_LINGER of 0 seconds sends a reset)."""
    # The option belongs to the socket, not to the descriptor, so a duplicate can set it.
    with socket.socket(fileno=os.dup(descriptor)) as duplicate:
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    return int(pycurl.SOCKOPT_OK)
