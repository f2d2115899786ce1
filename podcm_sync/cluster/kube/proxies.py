"""Finds the proxy for a server, by the rules of Go and so of kubectl.

The rules are those of net/http `ProxyFromEnvironment` and of client-go's `proxy-url`:

- The proxy of a kubeconfig is used whatever NO_PROXY says.
- The environment's proxy is never used for this machine.
- A SOCKS proxy looks up the server's name.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from podcm_sync.errors import InputError

SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
KINDS: Final = "an http://, https:// or socks5:// address"


def proxy_of(server: str, proxy_url: str, environ: Mapping[str, str], source: str) -> str:
    """The URL of the proxy for a server, user included, or "" for none.

    `proxy_url` comes from the kubeconfig; `source` names that for errors. Raises InputError if the
    proxy's URL cannot be used.
    """
    url = proxy_url or _of_environment(urlsplit(server), environ)
    if not url:
        return ""
    if not _is_usable(url):
        raise InputError(f"{source}: the proxy {without_user(url)!r} isn't {KINDS} of a host")
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()
    return f"{'socks5h' if scheme == 'socks5' else scheme}:{rest}"


def without_user(url: str) -> str:
    """A URL for messages: without user and password."""
    user, at, host = url.rpartition("@")
    scheme, slashes, _ = user.partition("//")
    return (f"{scheme}//{host}" if slashes else host) if at else url


def _of_environment(server: SplitResult, environ: Mapping[str, str]) -> str:
    def variable(name: str) -> str:
        return environ.get(name) or environ.get(name.lower()) or ""

    url = variable(f"{server.scheme.upper()}_PROXY")
    if not url or _is_excepted(server, variable("NO_PROXY")):
        return ""
    # Go accepts a host and port without a scheme.
    return url if "://" in url else f"http://{url}"


def _is_excepted(server: SplitResult, no_proxy: str) -> bool:
    """Whether the environment's proxy isn't used for a server."""
    host = (server.hostname or "").lower()
    port = str(server.port or (443 if server.scheme == "https" else 80))
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (part.strip().lower() for part in no_proxy.split(","))
    return any(_matches(entry, host, port) for entry in entries if entry)


def _matches(entry: str, host: str, port: str) -> bool:
    """Whether an entry of NO_PROXY (`*`, a network, an address, or a domain) matches a host."""
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, entry_port = _host_and_port(entry)
    if entry_port not in {"", port}:
        return False
    if address is not None:
        return address == _address(name)
    # `example.com` matches itself and its subdomains, `.example.com` only subdomains.
    below = name.removeprefix("*").removeprefix(".")
    return name == host or (bool(below) and host.endswith(f".{below}"))


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _host_and_port(entry: str) -> tuple[str, str]:
    if entry.startswith("["):
        name, _, rest = entry[1:].partition("]")
        return name, rest.removeprefix(":")
    if entry.count(":") > 1:
        # An IPv6 address without brackets has no port.
        return entry, ""
    name, _, port = entry.partition(":")
    return name, port


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        # The port isn't a number, or an IPv6 address has no closing bracket.
        return False
