"""Which proxy a server is reached through, by Go's rules, which are kubectl's.

net/http `ProxyFromEnvironment` and client-go's `proxy-url`: a kubeconfig's proxy is used whatever
NO_PROXY says, the environment's never for this machine itself; a SOCKS proxy looks names up.
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import SplitResult, urlsplit

from podcm_sync.errors import InputError

SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
KINDS: Final = "an http://, https:// or socks5:// address"


def proxy_of(server: str, proxy_url: str, environ: Mapping[str, str], source: str) -> str:
    """The URL of the proxy for a server, with its user; "" for none.

    `proxy_url` is the kubeconfig's. Raises InputError for a proxy that cannot be used.
    """
    url = proxy_url or _of_environment(urlsplit(server), environ)
    if not url:
        return ""
    if not _is_usable(url):
        raise InputError(f"{source}: its proxy {without_user(url)!r} is not {KINDS} of a host")
    scheme, _, rest = url.partition(":")
    scheme = scheme.lower()
    return f"{'socks5h' if scheme == 'socks5' else scheme}:{rest}"


def without_user(url: str) -> str:
    """A URL for people to read, without a user and a password."""
    user, at, host = url.rpartition("@")
    scheme, slashes, _ = user.partition("//")
    return (f"{scheme}//{host}" if slashes else host) if at else url


def _of_environment(server: SplitResult, environ: Mapping[str, str]) -> str:
    def variable(name: str) -> str:
        return environ.get(name) or environ.get(name.lower()) or ""

    url = variable(f"{server.scheme.upper()}_PROXY")
    if not url or _is_excepted(server, variable("NO_PROXY")):
        return ""
    return url if "://" in url else f"http://{url}"  # it may be a bare host and port


def _is_excepted(server: SplitResult, no_proxy: str) -> bool:
    """Whether a server is reached without the environment's proxy."""
    host = (server.hostname or "").lower()
    port = str(server.port or (443 if server.scheme == "https" else 80))
    address = _address(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    entries = (part.strip().lower() for part in no_proxy.split(","))
    return any(_matches(entry, host, port) for entry in entries if entry)


def _matches(entry: str, host: str, port: str) -> bool:
    """Whether an entry of NO_PROXY is about a host: `*`, a network, an address, or a domain."""
    if entry == "*":
        return True
    address = _address(host)
    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            return False
    name, own_port = _host_and_port(entry)
    if own_port not in {"", port}:
        return False
    if address is not None:
        return address == _address(name)
    # `.example.com` and `*.example.com` are for what is below, `example.com` for itself too.
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
    if entry.count(":") > 1:  # an IPv6 address
        return entry, ""
    name, _, port = entry.partition(":")
    return name, port


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an IPv6 address that is not closed
        return False
