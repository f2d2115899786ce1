"""The `kubernetes` package's client of a configuration, with proxies as kubectl has them.

Go's rules (net/http `ProxyFromEnvironment`, client-go's `proxy-url`): a kubeconfig's proxy is used
whatever NO_PROXY says, the environment's never for this machine itself; a SOCKS proxy looks names
up, and a proxy's user and password are sent to it.
"""

from ipaddress import ip_address
from typing import Final
from urllib.parse import unquote, urlsplit

import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.configuration import Configuration

from podcm_sync.cluster.kube.config import Target, without_user
from podcm_sync.errors import InputError

KINDS: Final = "an http://, https:// or socks5:// address"


def client(target: Target, connections: int) -> ApiClient:
    """A client that keeps so many connections, and repeats nothing by itself.

    Raises InputError for a proxy that cannot be used.
    """
    configuration = target.configuration
    configuration.retries = False
    configuration.connection_pool_maxsize = connections
    try:
        if configuration.proxy:
            _as_kubectl(configuration)
        return ApiClient(configuration)
    except ImportError as error:
        raise InputError(
            f"{target.source}: a SOCKS proxy needs PySocks, which is not installed: "
            "pip install 'podcm-sync[socks]'"
        ) from error
    except (ValueError, urllib3.exceptions.HTTPError) as error:
        proxy = without_user(str(configuration.proxy))
        raise InputError(f"{target.source}: its proxy {proxy!r} is not {KINDS}") from error


def proxy_of(manager: urllib3.PoolManager) -> str:
    """The proxy that connections go through, for people to read; "" where there is none."""
    if manager.proxy is not None:
        return without_user(manager.proxy.url)
    return without_user(getattr(manager, "proxy_url", ""))  # SOCKS


def _as_kubectl(configuration: Configuration) -> None:
    proxy = str(configuration.proxy)
    if proxy != Configuration(host=configuration.host).proxy:
        configuration.no_proxy = None
    elif _is_this_machine(urlsplit(configuration.host).hostname):
        configuration.proxy = None
        return
    elif "://" not in proxy:  # the environment's may be a bare host and port
        configuration.proxy = proxy = f"http://{proxy}"
    url = urllib3.util.parse_url(proxy)
    if not url.host:
        raise ValueError(proxy)
    if url.scheme == "socks5":
        configuration.proxy = "socks5h" + proxy.removeprefix("socks5")
    elif url.auth is not None:
        configuration.proxy_headers = urllib3.make_headers(proxy_basic_auth=unquote(url.auth))


def _is_this_machine(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False
