"""An API server that answers what a test tells it to, and is silent about everything else.

It speaks plain HTTP and needs no control plane. A request that the test does not answer stays open
until the server is closed: that is how a frozen server looks from outside.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.builders import Json

GROUP_VERSION: Final = "podconfig.example.com/v1alpha1"
NAMESPACE: Final = "shop"


@dataclass(frozen=True)
class Request:
    """One request, as it came."""

    method: str
    path: str
    query: str
    body: Any

    @property
    def is_write(self) -> bool:
        return self.method != "GET"


Answer = tuple[int, Json | bytes] | None
"""A status and a body; None is silence."""
Answers = Callable[[Request], Answer]


def silence(_: Request) -> Answer:
    """The answers of a server that is frozen altogether."""
    return None


class FrozenServer(ThreadingHTTPServer):
    """Answers by a function that a test may change at any time."""

    daemon_threads = True

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Exchange)
        self.answers = answers
        self.requests: list[Request] = []
        self.closed = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def kubeconfig(self, folder: Path, user: Mapping[str, object] = {"token": "t"}) -> Path:
        """A kubeconfig of this server."""
        path = folder / "kubeconfig"
        named = {
            "contexts": ("context", {"cluster": "c", "user": "u", "namespace": NAMESPACE}, "test"),
            "clusters": ("cluster", {"server": self.url}, "c"),
            "users": ("user", dict(user), "u"),
        }
        lists = {key: [{"name": name, of: it}] for key, (of, it, name) in named.items()}
        content = {"apiVersion": "v1", "kind": "Config", "current-context": "test", **lists}
        path.write_text(json.dumps(content), encoding="utf-8")
        return path


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FrozenServer

    def log_message(self, *_: object) -> None:
        """Keep the tests' output clean."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query, body)
        self.server.requests.append(request)
        answer = self.server.answers(request)
        if answer is None:
            self.server.closed.wait()
            self.close_connection = True
            return
        status, content = answer
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    # The names that http.server looks for.
    do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - as above


@contextmanager
def serving(answers: Answers = silence) -> Iterator[FrozenServer]:
    """A server for as long as the block."""
    with FrozenServer(answers) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.closed.set()
            server.shutdown()
            thread.join()


def list_of(path: str, items: Sequence[Json] = ()) -> Json:
    """A list as an API server answers it, for the path of a collection."""
    kind = {"configmaps": "ConfigMap", "pods": "Pod"}.get(path.rsplit("/", 1)[-1])
    return {
        "apiVersion": "v1" if kind else GROUP_VERSION,
        "kind": f"{kind or 'PodConfigMapConfig'}List",
        "metadata": {"resourceVersion": "1"},
        "items": list(items),
    }


def discovery() -> Json:
    """What an API server offers of the CRD's group."""
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    configs = {"name": "podconfigmapconfigs", "kind": "PodConfigMapConfig", "namespaced": True}
    status = {**configs, "name": "podconfigmapconfigs/status", "verbs": ["get", "patch"]}
    return {
        "apiVersion": "v1",
        "kind": "APIResourceList",
        "groupVersion": GROUP_VERSION,
        "resources": [{**configs, "verbs": verbs}, status],
    }


def empty(request: Request) -> Answer:
    """The answers of a cluster without a config, a Pod or a ConfigMap."""
    if request.path == f"/apis/{GROUP_VERSION}":
        return 200, discovery()
    return None if request.is_write else (200, list_of(request.path))


def lease_of(spec: Json) -> Json:
    """The Lease with this spec."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"namespace": NAMESPACE, "name": "podcm-sync", "resourceVersion": "7"},
        "spec": spec,
    }
