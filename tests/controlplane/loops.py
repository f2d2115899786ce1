"""`--loop --watch` as a user starts it, whose next full run is an hour away."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.command import until
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import condition, status_of
from tests.observability.running import Listening, looping, values
from tests.observability.servers import fetch

TOOL = "podcm-sync/"
NAME = "pod-web-from-mine-cfg"
QUIET = 1.0
"""Seconds without an event, after which a namespace is quiet."""
LATE_SECONDS = 0.1
"""How much later than its effect a request can be in the audit log."""


class Loop(Listening):
    """A watching loop, and its metrics."""

    def total(self, name: str) -> float:
        """The sum of all samples of that name."""
        return sum(number for _, number in values(fetch(f"{self.url}/metrics")[1], name))

    @property
    def is_watching(self) -> bool:
        """Whether the first full run is over, and all watches are open."""
        wanted = self.total("podcm_sync_watches")
        is_open = wanted == self.total("podcm_sync_watches_open") > 0
        return is_open and self.status("/readyz") == 200

    @property
    def full_runs(self) -> int:
        return int(self.total("podcm_sync_runs_total"))


@contextmanager
def watching(
    kubeconfig: Path, *arguments: str, interval: str = "1h", ends_with: int | None = None
) -> Iterator[Loop]:
    """It watches already, and is ended with the block. It must not have failed before.

    `ends_with` is the exit code with which the block ended it.
    """
    with looping(kubeconfig, "--watch", *arguments, interval=interval) as listening:
        loop = Loop(listening.process)
        until(lambda: loop.is_watching, "it watches")
        yield loop
        assert loop.process.process.poll() == ends_with, loop.process.stderr
        assert "error: " not in loop.process.stderr
        assert "Traceback" not in loop.process.stderr


def everywhere(
    control_plane: ControlPlane, api: Api, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Loop]:
    """One loop over all namespaces, for as long as the fixture that this becomes."""
    assert api.list("Pod") == []
    kubeconfig = control_plane.kubeconfig(tmp_path_factory.mktemp("loop") / "kubeconfig")
    with watching(kubeconfig, "-A") as loop:
        yield loop


class Requests:
    """The requests of podcm-sync in a namespace since a moment."""

    def __init__(self, audit: Audit, namespace: str) -> None:
        self._audit = audit
        self._namespace = namespace
        self._mark = audit.mark()

    def all(self, verb: str = "") -> list[AuditEvent]:
        """Those with this verb, without the watches."""
        return [
            event
            for event in self._events()
            if event.namespace == self._namespace
            and event.verb != "watch"
            and verb in {"", event.verb}
        ]

    def lists(self) -> list[str]:
        """The resources that were listed, sorted, of the whole cluster too."""
        return sorted(
            event.resource
            for event in self._events()
            if event.verb == "list" and event.namespace in {"", self._namespace}
        )

    def verbs(self) -> list[tuple[str, str]]:
        """Verb and resource of each request, in the order of the answers."""
        return [
            (event.verb, "/".join(filter(None, (event.resource, event.subresource))))
            for event in self.all()
        ]

    def discovery(self) -> int:
        """How often podcm-sync asked for the resources of the group, for any namespace."""
        path = "/apis/podconfig.example.com/v1alpha1"
        return sum(event.uri == path for event in self._events())

    def _events(self) -> list[AuditEvent]:
        """All of them, once none has come for a moment: the log is later than its effect."""
        events = self._audit.since(self._mark, user_agent=TOOL)
        while True:
            time.sleep(LATE_SECONDS)
            before, events = events, self._audit.since(self._mark, user_agent=TOOL)
            if len(events) == len(before):
                return events


def wait_for_counts(
    api: Api, namespace: str, *, matched: int, config_maps: int, config: str = "mine"
) -> None:
    """Wait until a config's status has these counts, and all is in place."""

    def is_so() -> bool:
        status = status_of(api, namespace, config)
        counts = status.get("matchedPods"), status.get("configMaps")
        return counts == (matched, config_maps) and condition(status)["reason"] == "Synced"

    api.wait_for(is_so)


def wait_for_reason(api: Api, namespace: str, reason: str, config: str = "mine") -> None:
    """Wait until a config is Ready, or isn't, for this reason."""
    api.wait_for(lambda: condition(status_of(api, namespace, config))["reason"] == reason)


def wait_until_ready(api: Api, namespace: str, config: str = "mine") -> None:
    """Wait until a config is Ready in its newest generation."""

    def is_ready() -> bool:
        found = api.get("PodConfigMapConfig", namespace, config)
        assert found
        status = found["status"]
        is_newest = status.get("observedGeneration") == found["metadata"]["generation"]
        return bool(is_newest and condition(status)["status"] == "True")

    api.wait_for(is_ready)


def wait_for_data(api: Api, namespace: str, key: str, value: str | None, name: str = NAME) -> None:
    """Wait until a ConfigMap has this value, or with None, doesn't have the key."""

    def is_there() -> bool:
        found = api.get("ConfigMap", namespace, name)
        return found is not None and found["data"].get(key) == value

    api.wait_for(is_there)
