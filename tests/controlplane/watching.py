"""Reflectors of a kubeconfig, and a Sink that lists as a full run would."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from podcm_sync.cli.connect import connect
from podcm_sync.cli.shared_options import Access
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.reflector import Reflectors, Timing
from podcm_sync.cluster.watch import EventType, Restart, Watch, WatchEvent
from podcm_sync.runtime.context import RunContext
from tests.controlplane.api import Api, path_of
from tests.watches import KINDS, NotingSink

USUAL = Timing()
QUICK = Timing(life=(1, 1))
"""Watches that the server ends after a second."""


class ListingSink(NotingSink):
    """Keeps the names and versions of each watch's objects, from a list and then from events."""

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.objects: dict[Watch, dict[str, int]] = {}
        self.lists = 0
        self._api = api
        self._versions: dict[Watch, int] = {}
        self._lock = threading.Lock()

    def start(self, watch: Watch) -> int | None:
        with self._lock:
            if watch not in self._versions:
                self.lists += 1
                status, page = self._api.request("GET", path_of(_kind(watch), watch.namespace))
                if status != 200:
                    return None
                self.objects[watch] = {
                    f"{item['metadata']['namespace']}/{item['metadata']['name']}": int(
                        item["metadata"]["resourceVersion"]
                    )
                    for item in page["items"]
                    if watch.resource != paths.CONFIG_MAPS or _is_generated(item)
                }
                self._versions[watch] = int(page["metadata"]["resourceVersion"])
            return self._versions[watch]

    def take(self, watch: Watch, event: WatchEvent) -> None:
        objects, name = self.objects[watch], str(event.obj.namespaced_name)
        if event.type is EventType.DELETED:
            objects.pop(name, None)
        else:
            objects[name] = event.resource_version
        super().take(watch, event)

    def closed(self, watch: Watch, restart: Restart, message: str) -> None:
        if restart is Restart.EXPIRED:
            with self._lock:
                del self._versions[watch]
        super().closed(watch, restart, message)

    def is_true(self, watch: Watch) -> bool:
        """Whether it has the objects of the API server, each at its version."""
        listed = ListingSink(self._api)
        listed.start(watch)
        return listed.objects[watch] == self.objects.get(watch)


def _kind(watch: Watch) -> str:
    return KINDS[watch.resource]


def _is_generated(item: dict[str, dict[str, dict[str, str]]]) -> bool:
    return "podconfig.example.com/generated-by-pcmc" in item["metadata"].get("labels", {})


@contextmanager
def reflecting(
    kubeconfig: Path, sink: NotingSink, watches: Sequence[Watch], timing: Timing = USUAL
) -> Iterator[Reflectors]:
    """Reflectors at work; their threads must end within a second."""
    access = Access(kubeconfig=str(kubeconfig), request_timeout=30.0)
    connection = connect(access, RunContext(), connections=1)
    reflectors = Reflectors(connection, sink, watches, timing)
    reflectors.start()
    try:
        yield reflectors
    finally:
        assert reflectors.stop()
        connection.close()


def await_truth(sink: ListingSink, *watches: Watch, wait: Callable[..., object]) -> None:
    """Wait until the Sink has what the API server has."""
    wait(lambda: all(sink.is_true(watch) for watch in watches))
