"""An API server's lists without one: synthesised pages, for numbers that no machine here holds.

`python -m tests.benchmarks.stub PODS` prints its address. Pods of about 9 KB as protobuf, 150 to a
namespace, a config in each, and the ConfigMap that each Pod should have: a run finds all in step.
Nothing is stored, so a page costs what its bytes cost. Any write is a 500: there should be none.
"""

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.speed import encode

PER_NAMESPACE = 150
PROTOBUF = "application/vnd.kubernetes.protobuf"
NAME, NAMESPACE, UID, LABEL = (
    "web-NNNNNN",
    "ns-MMMM",
    "00000000-0000-0000-0000-UUUUUUUUUUUU",
    "S-LLLLLL",
)
CONFIG = "all"


def pod() -> bytes:
    """One Pod, with places where its own values go; all are of one length."""
    return encode.pod(
        {
            "metadata": {
                "name": NAME,
                "namespace": NAMESPACE,
                "uid": UID,
                "labels": {
                    "app": LABEL,
                    "app.kubernetes.io/name": "web",
                    "app.kubernetes.io/part-of": "shop",
                    "pod-template-hash": "5d8f7c9b64",
                    "tier": "front",
                    "statefulset.kubernetes.io/pod-name": NAME,
                },
                "annotations": {"example.com/build": LABEL, "example.com/notes": "x" * 8_500},
            },
            "spec": {"nodeName": "node-17"},
            "status": {"phase": "Running"},
        }
    )


def config_map() -> bytes:
    """The ConfigMap that the Pod should have (behavior.md §3, written down once more)."""
    owner = {"apiVersion": "v1", "kind": "Pod", "name": NAME, "uid": UID, "controller": True}
    return encode.config_map(
        {
            "metadata": {
                "name": f"pod-{NAME}-from-{CONFIG}-cfg",
                "namespace": NAMESPACE,
                "uid": UID,
                "resourceVersion": "4711",
                "labels": {
                    "podconfig.example.com/generated-by-pcmc": CONFIG,
                    "podconfig.example.com/pod-uid": UID,
                    "app.kubernetes.io/managed-by": "podcm-sync",
                },
                "ownerReferences": [owner],
            },
            "data": {
                "podName": NAME,
                "namespace": NAMESPACE,
                "nodeName": "node-17",
                "phase": "Running",
                "label_app": LABEL,
                "annotation_example.com_build": LABEL,
            },
        }
    )


def config(number: int) -> dict[str, Any]:
    """A namespace's config, with the status that a run would give it."""
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Synced",
        "message": f"{PER_NAMESPACE} ConfigMaps in sync, {PER_NAMESPACE} Pods selected",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }
    return {
        "metadata": {
            "name": CONFIG,
            "namespace": f"ns-{number:04}",
            "uid": f"config-{number}",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"labelsToInclude": ["app"], "annotationsToInclude": ["example.com/build"]},
        "status": {
            "observedGeneration": 1,
            "matchedPods": PER_NAMESPACE,
            "configMaps": PER_NAMESPACE,
            "failures": 0,
            "conditions": [ready],
        },
    }


TEMPLATES = {"pods": ("Pod", pod()), "configmaps": ("ConfigMap", config_map())}


class Pages(BaseHTTPRequestHandler):
    """Answers lists, of all namespaces or of one."""

    protocol_version = "HTTP/1.1"
    total = 0

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        *_, place, resource = parts.path.split("/")
        first, last = 0, self.total
        if place.startswith("ns-"):
            first = int(place.removeprefix("ns-")) * PER_NAMESPACE
            last = first + PER_NAMESPACE
        query = parse_qs(parts.query)
        if "watch" in query:
            self._hold(PROTOBUF if resource in TEMPLATES else "application/json")
        elif resource in TEMPLATES:
            start = int(query.get("continue", [str(first)])[0])
            end = min(start + int(query["limit"][0]), last)
            token = str(end) if end < last else ""
            self._answer(200, PROTOBUF, _page(resource, range(start, end), token))
        elif resource == "podconfigmapconfigs":
            items = [config(number) for number in range(self.total // PER_NAMESPACE)]
            body = msgspec.json.encode(
                {
                    "apiVersion": "podconfig.example.com/v1alpha1",
                    "kind": "PodConfigMapConfigList",
                    "metadata": {"resourceVersion": "4711"},
                    "items": items,
                }
            )
            self._answer(200, "application/json", body)
        else:
            self._answer(200, "application/json", b"{}")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hold(self, content_type: str) -> None:
        """A watch in which nothing happens."""
        self.send_response(200)
        stream = ";stream=watch" if content_type == PROTOBUF else ""
        self.send_header("Content-Type", content_type + stream)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.connection.recv(1)  # until the client goes

    def _refuse(self) -> None:
        self._answer(500, "text/plain", b"a run that finds all in step writes nothing")

    do_POST = do_PATCH = do_DELETE = _refuse  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing."""


def _page(resource: str, numbers: range, token: str) -> bytes:
    kind, template = TEMPLATES[resource]
    return encode.page(kind, [_filled(template, number) for number in numbers], token)


def _filled(template: bytes, number: int) -> bytes:
    return (
        template.replace(b"NNNNNN", b"%06d" % number)
        .replace(b"MMMM", b"%04d" % (number // PER_NAMESPACE))
        .replace(b"UUUUUUUUUUUU", b"%012d" % number)
        .replace(b"LLLLLL", b"%06d" % (number % 40))
    )


def main() -> None:
    """Serve until the process is ended."""
    Pages.total = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
