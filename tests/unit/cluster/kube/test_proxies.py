"""NO_PROXY as Go's httpproxy package reads it; expected values are from its documentation."""

import pytest

from podcm_sync.cluster.kube.proxies import proxy_of

PROXY = "http://proxy:3128"


@pytest.mark.parametrize(
    ("server", "no_proxy", "is_proxied"),
    [
        ("https://api.example.com:6443", "", True),
        ("https://api.example.com:6443", "*", False),
        ("https://api.example.com:6443", "example.com", False),
        ("https://example.com", "example.com", False),
        ("https://example.com", ".example.com", True),
        ("https://api.example.com", "*.example.com", False),
        ("https://api.notexample.com", "example.com", True),
        ("https://API.example.com", "api.EXAMPLE.com", False),
        ("https://api.example.com:6443", "api.example.com:6443", False),
        ("https://api.example.com:6443", "api.example.com:443", True),
        ("https://api.example.com", "api.example.com:443", False),
        ("https://10.1.2.3:6443", "10.0.0.0/8", False),
        ("https://11.1.2.3:6443", "10.0.0.0/8", True),
        ("https://10.1.2.3:6443", "10.1.2.3", False),
        ("https://10.1.2.3:6443", "2.3", True),
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://[fd00::1]:6443", "[fd00:0::1]:6443", False),
        ("https://[fd00::1]:6443", "fd00::1", False),
        ("https://api.example.com", " a.b , example.com", False),
        ("https://api.example.com", "example.com b.c", True),
        ("https://10.1.2.3", "10.0.0.0/99", True),
    ],
)
def test_no_proxy_excepts_what_it_excepts_in_go(
    server: str, no_proxy: str, *, is_proxied: bool
) -> None:
    environment = {"HTTPS_PROXY": PROXY, "NO_PROXY": no_proxy}
    assert proxy_of(server, "", environment, "x") == (PROXY if is_proxied else "")


@pytest.mark.parametrize("server", ["https://localhost", "https://127.8.0.1", "https://[::1]:1"])
def test_this_machine_needs_no_proxy(server: str) -> None:
    assert proxy_of(server, "", {"HTTPS_PROXY": PROXY}, "x") == ""


def test_each_scheme_has_its_own_variable() -> None:
    environment = {"http_proxy": "http://plain:1", "https_proxy": "http://tls:1"}
    assert proxy_of("http://api", "", environment, "x") == "http://plain:1"
    assert proxy_of("https://api", "", environment, "x") == "http://tls:1"
    assert proxy_of("https://api", "", {"ALL_PROXY": PROXY, "HTTP_PROXY": PROXY}, "x") == ""
