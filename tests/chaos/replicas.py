"""Replicas of one loop with --leader-elect, each with an account of its own, and what they wrote.

The accounts have the rights that deploy/ ships, so the audit log tells them apart and a right that
is missing there fails here.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from tests.command import Running, started, until
from tests.controlplane.accounts import RBAC
from tests.controlplane.api import Api, Object, path_of
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.deploy_files import DEPLOYMENT, document
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import GENERATED_BY

LEASE = "podcm-sync"
NAMES = ("ann", "ben")
LEASE_SECONDS = 2
SHORT = ("--lease-duration", f"{LEASE_SECONDS}s", "--renew-deadline", "1300ms")
SHORT_RETRY = ("--retry-period", "400ms")


def rules(*, watches: bool = False) -> list[Object]:
    """What deploy/ gives: the work's rights, the Lease's, and those to watch."""
    work = document("kustomize/namespaced/team/rbac.yaml", "Role")["rules"]
    watch = document(DEPLOYMENT, "ClusterRole")["rules"] if watches else []
    return [*work, *document(DEPLOYMENT, "Role")["rules"], *watch]


def allow(api: Api, namespace: str, name: str, granted: Sequence[Object]) -> str:
    """An account with these rights there, and in force already; its token."""
    meta = {"namespace": namespace, "name": name}
    role = {"apiVersion": f"{RBAC}/v1", "kind": "Role", "metadata": meta, "rules": list(granted)}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    api.create(role)
    api.create(
        {
            "apiVersion": f"{RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": name},
            "subjects": [{"kind": "ServiceAccount", **meta}],
        }
    )
    token = api.service_account_token(namespace, name)
    pods = path_of("Pod", namespace)
    api.wait_for(lambda: api.request("GET", pods, token=token)[0] == 200)
    return token


def give_up(api: Api, namespace: str) -> None:
    """A Lease that nobody holds, so that the first one need not wait."""
    meta = {"namespace": namespace, "name": LEASE}
    spec = {"holderIdentity": "", "leaseDurationSeconds": 1}
    api.create(
        {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": meta, "spec": spec}
    )


@dataclass
class Replicas:
    """The processes, by name; `servers` are the addresses at which each finds the API server."""

    plane: ControlPlane
    api: Api
    audit: Audit
    namespace: str
    folder: Path
    stack: ExitStack
    options: tuple[str, ...] = (*SHORT, *SHORT_RETRY)
    loop: tuple[str, ...] = ("--loop", "--interval", "50ms")
    """It hardly pauses, unless a test says otherwise."""
    servers: dict[str, str] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.began = self.audit.mark()
        self._kubeconfigs: dict[str, Path] = {}
        self.started: dict[str, str] = {}
        """When each was started last, as the audit log has times."""

    def join(self, name: str, granted: Sequence[Object] | None = None) -> None:
        """An account for this one; it is not started yet."""
        if granted is None:
            granted = rules(watches="--watch" in self.loop)
        token = allow(self.api, self.namespace, name, granted)
        path = self.folder / name
        server = self.servers.get(name)
        self._kubeconfigs[name] = self.plane.kubeconfig(
            path, token=token, namespace=self.namespace, server=server
        )

    def start(self, name: str) -> Running:
        """A process."""
        loop = (*self.loop, "--leader-elect", *self.options)
        self.started[name] = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
        self.running[name] = self.stack.enter_context(started(self._kubeconfigs[name], *loop))
        return self.running[name]

    def both(self) -> None:
        """Both, at once."""
        for name in NAMES:
            self.join(name)
        for name in NAMES:
            self.start(name)

    def events(self, mark: int | None = None) -> list[AuditEvent]:
        """What the replicas asked since the mark, or the beginning, in order of receipt."""
        since = self.began if mark is None else mark
        prefix = f"system:serviceaccount:{self.namespace}:"
        asked = self.audit.since(since, user_agent="podcm-sync/")
        found = [each for each in asked if each.user.startswith(prefix)]
        return sorted(found, key=lambda each: each.received)

    def writes(self, mark: int | None = None) -> list[AuditEvent]:
        """All but reads and what was written to the Lease."""
        return [each for each in self.events(mark) if is_write(each) and not is_of_lease(each)]

    def writers(self, mark: int | None = None) -> set[str]:
        """The names of those that wrote."""
        return {name_of(each) for each in self.writes(mark)}

    def leader(self) -> str:
        """Waits until one writes; its name."""
        mark = self.audit.mark()
        until(lambda: self.writers(mark), "somebody writes")
        return name_of(self.writes(mark)[-1])

    def await_writes(self, name: str, mark: int, count: int = 1) -> None:
        """Waits until this one has written so often since the mark."""
        try:
            until(
                lambda: [name_of(each) for each in self.writes(mark)].count(name) >= count,
                f"{name} writes",
            )
        except AssertionError as error:
            error.add_note(self.logs())
            raise

    def logs(self) -> str:
        return "\n".join(f"{name}: {each.stderr}" for name, each in self.running.items())

    def check_one_at_a_time(self) -> int:
        """No two wrote at once, and each took the Lease before it wrote; how often one took over.

        By the API server's own times: all that one wrote was done, and all that it asked in vain
        had come, before another took the Lease; that was done before the other's first write came.
        """
        takes = [
            each for each in self.events() if is_write(each) and is_of_lease(each) and is_done(each)
        ]
        handovers, ended = 0, ""
        for one, other in pairwise(self.writes()):
            ended = max(ended, one.answered if is_done(one) else one.received)
            if one.user == other.user:
                continue
            handovers += 1
            assert any(
                each.user == other.user and ended < each.received and each.answered < other.received
                for each in takes
            ), f"{one} until {ended}, and then {other}\n{self.logs()}"
        return handovers


def is_write(event: AuditEvent) -> bool:
    return event.verb not in {"get", "list", "watch"}


def is_of_lease(event: AuditEvent) -> bool:
    return event.resource == "leases"


def is_done(event: AuditEvent) -> bool:
    return event.code in {200, 201}


def name_of(event: AuditEvent) -> str:
    return event.user.rpartition(":")[2]


@contextmanager
def drift(api: Api, namespace: str) -> Iterator[None]:
    """There is always something to write: one generated ConfigMap after the other is spoilt."""
    ended = threading.Event()

    def spoil() -> None:
        number = 0
        while not ended.is_set():
            for each in api.list("ConfigMap", namespace, GENERATED_BY):
                number += 1
                path = path_of("ConfigMap", namespace, each["metadata"]["name"])
                patch = {"data": {"podName": f"spoilt-{number}"}}
                # It may be gone by now.
                api.request("PATCH", path, patch, content_type="application/merge-patch+json")
                ended.wait(0.02)
            ended.wait(0.02)

    thread = threading.Thread(target=spoil)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def seconds_between(one: str, other: str) -> float:
    return (datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds()


def other_than(name: str) -> str:
    (other,) = set(NAMES) - {name}
    return other


def lease_of(api: Api, namespace: str) -> Object:
    """The Lease's spec; empty where there is none."""
    found = api.get("Lease", namespace, LEASE) or {}
    return dict(found.get("spec") or {})
