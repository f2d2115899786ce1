"""No output holds any part of a credential, whether a run fails or succeeds, with -vv."""

import base64
import json
import ssl
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import trustme

from tests import command
from tests.builders import Json
from tests.frozen import Request, empty, list_of, serving

MARK = "s3cret"
"""In every planted value; none of the rest has it."""


def planted(name: str) -> str:
    return f"{MARK}-of-{name}-that-nobody-may-see"


USERS: dict[str, Json] = {
    "token": {"token": planted("token")},
    "null beside a token": {"token": planted("token"), "auth-provider": None},
    "basic": {"username": "me", "password": planted("password")},
    "key": {
        "token": planted("token"),
        "client-certificate-data": planted("certificate"),
        "client-key-data": planted("key"),
    },
    "oidc": {
        "auth-provider": {
            "name": "oidc",
            "config": {
                "idp-issuer-url": "http://127.0.0.1:9/issuer",
                "client-id": "me",
                **{
                    name: planted(name)
                    for name in ("client-secret", "id-token", "refresh-token", "extra")
                },
            },
        }
    },
    "an unknown provider": {"auth-provider": {"name": "x", "config": {"a": planted("config")}}},
    "a plugin that fails": {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", 'echo "$PLUGIN_VALUE" >&2; exit 3', f"--secret={planted('argument')}"],
            "env": [{"name": "PLUGIN_VALUE", "value": planted("variable")}],
            "interactiveMode": "Never",
        }
    },
    "a plugin that prints no credential": {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "sh",
            "args": ["-c", f'echo \'{{"kind": "x", "token": "{planted("output")}"}}\''],
            "interactiveMode": "Never",
        }
    },
    "a token of the wrong type": {"token": [planted("token")]},
    "a user of the wrong type": {"token": {"value": planted("token")}, "exec": planted("exec")},
    "a list for a user": {"users": [planted("entry")]},
}


def kubeconfig(folder: Path, server: str, user: Any, **cluster: str) -> Path:
    path = folder / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [
            {"name": "test", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}
        ],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(json.dumps(content))
    return path


def outputs(path: Path, *arguments: str, code: int | None = None) -> str:
    """Everything that a run prints."""
    done = command.run(*arguments, "-vv", kubeconfig=path)
    assert code is None or done.code == code, done.stderr
    shown = done.stdout + done.stderr
    assert shown
    assert MARK not in shown, shown
    return shown


@pytest.mark.parametrize("name", USERS)
def test_no_part_of_a_user_is_shown_whether_the_login_works_or_not(
    tmp_path: Path, name: str
) -> None:
    with serving(empty) as server:
        path = kubeconfig(tmp_path, server.url, USERS[name])
        outputs(path, "--dry-run", "--request-timeout", "2s")


def test_a_run_that_succeeds_shows_none(tmp_path: Path) -> None:
    """Though the server puts the token into what it answers."""

    def echoing(request: Request) -> Any:
        answer = empty(request)
        if request.path.endswith("/podconfigmapconfigs"):
            config = {
                "apiVersion": "podconfig.example.com/v1alpha1",
                "kind": "PodConfigMapConfig",
                "metadata": {
                    "name": "a",
                    "namespace": "shop",
                    "uid": "u",
                    "resourceVersion": "1",
                    "generation": 1,
                    "creationTimestamp": "2026-01-01T00:00:00Z",
                },
                "spec": {"labelsToInclude": [f"no key: {planted('token')}"]},
            }
            return 200, list_of(request.path, [config])
        return answer

    with serving(echoing) as server:
        path = kubeconfig(tmp_path, server.url, {"token": planted("token")})
        for output in ("text", "json", "yaml", "markdown"):
            assert "***" in outputs(path, "--dry-run", "-o", output, code=3)


class _Proxy(ThreadingHTTPServer):
    """A proxy that shows the head of the request in its error, as some do."""

    daemon_threads = True

    def __init__(self, message: Callable[[str], tuple[int, str]]) -> None:
        super().__init__(("127.0.0.1", 0), _Echo)
        self.message = message
        # No credential is sent over plain http.
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.certificate = base64.b64encode(authority.cert_pem.bytes()).decode()


class _Echo(BaseHTTPRequestHandler):
    server: _Proxy

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        code, body = self.server.message(str(self.headers))
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


def page(before: int) -> Callable[[str], tuple[int, str]]:
    return lambda head: (502, "x" * before + f" you sent: {head}")


def refusal(before: int) -> Callable[[str], tuple[int, str]]:
    """The same in an API server's own form, whose message is shown."""

    def said(head: str) -> tuple[int, str]:
        status = {"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "Forbidden"}
        message = "x" * before + f" you sent: {head}"
        return 403, json.dumps({**status, "code": 403, "message": message})

    return said


@pytest.mark.parametrize("echo", [page, refusal])
@pytest.mark.parametrize("before", [0, 300, 350, 400])
def test_a_proxy_that_echoes_the_authorization_header_shows_none(
    tmp_path: Path, echo: Callable[[int], Callable[[str], tuple[int, str]]], before: int
) -> None:
    """Nor a part of it, where the message is cut."""
    with _Proxy(echo(before)) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"https://127.0.0.1:{server.server_address[1]}"
        trusted = {"certificate-authority-data": server.certificate}
        path = kubeconfig(tmp_path, address, {"token": planted("token")}, **trusted)
        shown = outputs(path, "--dry-run", "--deadline", "5s", "--log-format", "json", code=5)
        server.shutdown()
    if echo is refusal and not before:
        assert "Authorization: Bearer ***" in shown


@pytest.mark.parametrize("text", ["users:\n- name: a\n  user: {token: %s\n", "%s", "- {token: %s}"])
def test_a_kubeconfig_that_does_not_parse_is_not_quoted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text % planted("token"))
    outputs(path, "--dry-run", code=2)


def test_the_password_of_a_proxy_is_not_shown(tmp_path: Path) -> None:
    proxy = f"http://me:{planted('proxy')}@127.0.0.1:9"
    path = kubeconfig(tmp_path, "https://127.0.0.1:8", {"token": "t"}, **{"proxy-url": proxy})
    outputs(path, "--dry-run", "--deadline", "2s", code=5)
    path = kubeconfig(tmp_path, f"https://me:{planted('server')}@h", {"token": "t"})
    outputs(path, "--dry-run", code=2)
