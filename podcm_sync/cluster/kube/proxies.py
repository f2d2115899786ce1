"""Which proxy a server is reached through, by Go's rules, which are kubectl's.

net/http `ProxyFromEnvironment` and client-go's `proxy-url`: a kubeconfig's proxy is used whatever
NO_PROXY says, the environment's never for this machine itself; a SOCKS proxy looks names up.
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from kubernetes.client.configuration import Configuration
from msgspec import Struct

from podcm_sync.cluster.kube.config import Target, without_user
from podcm_sync.errors import InputError

SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
KINDS: Final = "an http://, https:// or socks5:// address"


class Proxy(Struct, frozen=True, kw_only=True):
    """A proxy's URL with its user ("" for none), and the hosts that are reached without it."""

    url: str = ""
    no_proxy: str = ""

    @property
    def shown(self) -> str:
        """The URL for people to read, without a user and a password."""
        return without_user(self.url)


def proxy_of(target: Target) -> Proxy:
    """The proxy for a target. Raises InputError for one that cannot be used."""
    configuration = target.configuration
    if not configuration.proxy:
        return Proxy()
    url = str(configuration.proxy)
    is_of_environment = url == Configuration(host=configuration.host).proxy
    if is_of_environment and _is_this_machine(urlsplit(configuration.host).hostname):
        return Proxy()
    if is_of_environment and "://" not in url:  # the environment's may be a bare host and port
        url = f"http://{url}"
    if not _is_usable(url):
        raise InputError(
            f"{target.source}: its proxy {without_user(url)!r} is not {KINDS} of a host"
        )
    if url.lower().startswith("socks5:"):
        url = f"socks5h:{url.partition(':')[2]}"
    return Proxy(url=url, no_proxy=configuration.no_proxy or "" if is_of_environment else "")


def _is_usable(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, an IPv6 address that is not closed
        return False


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
