"""The sync inside the tests' own process: faster than the command, and open to interference."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podcm_sync.cluster.interfaces import Writer
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import load
from podcm_sync.cluster.kube.reader import KubeReader
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.reconcile.prune import parse_limit
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.context import RunContext
from podcm_sync.sync import Policy, run
from podcm_sync.template.lazy import LazySandbox

NOW = "2026-11-22T12:00:00Z"
LATER = "2026-11-22T13:00:00Z"


@dataclass(frozen=True)
class Run:
    """What a run reported, and the code that the command would exit with."""

    report: Report
    code: int

    @property
    def came_to(self) -> dict[str, tuple[str, str]]:
        """A ConfigMap's name → what its change came to, and why; for one change a name."""
        found = {
            each.change.namespaced_name.name: (str(each.result), str(each.reason))
            for each in self.report.outcomes
        }
        assert len(found) == len(self.report.outcomes), self.report.outcomes
        return found

    @property
    def counts(self) -> dict[str, int]:
        """How many changes came to what."""
        results = [str(each.result) for each in self.report.outcomes]
        return {result: results.count(result) for result in sorted(set(results))}

    def message(self, name: str) -> str:
        """What is said of a ConfigMap."""
        (found,) = [
            each.message
            for each in self.report.outcomes
            if each.change.namespaced_name.name == name
        ]
        return found


class NoWaiting(RunContext):
    """Notes what is to be waited between two attempts, and waits for nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float] = []

    def wait(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> bool:
        self.waits.append(seconds)
        return True


Meddle = tuple[str, Callable[[], object]]


class Meddler:
    """A Writer with somebody else at work, just before it calls a method in a namespace."""

    def __init__(self, writer: Writer, method: str, meddle: Meddle, times: int) -> None:
        self._writer = writer
        self._method = method
        self._where, self._act = meddle
        self._left = times

    def __getattr__(self, method: str) -> Any:
        call = getattr(self._writer, method)

        def meddled(subject: Any, *arguments: object) -> object:
            if self._left and subject.namespaced_name.namespace == self._where:
                self._left -= 1
                self._act()
            return call(subject, *arguments)

        return meddled if method == self._method else call


def meddling(
    namespace: str, method: str, act: Callable[[], object], times: int = 1
) -> Callable[[Writer], Writer]:
    """For sync(interfere=…): does this before so many calls of the writer's method there."""
    return lambda writer: Meddler(writer, method, (namespace, act), times)


def connect(kubeconfig: Path | None, context: RunContext | None = None) -> Connection:
    """A connection as the command makes it."""
    return Connection(
        lambda: load(str(kubeconfig) if kubeconfig else None, None, None),
        connections=4,
        request_timeout=30.0,
        context=context,
    )


def sync(
    kubeconfig: Path | None,
    *namespaces: str,
    everywhere: bool = False,
    dry_run: bool = False,
    max_prune: tuple[str, ...] = (),
    max_prune_total: tuple[str, ...] = (),
    now: str = NOW,
    context: RunContext | None = None,
    interfere: Callable[[Writer], Writer] = lambda writer: writer,
) -> Run:
    """One run, of the kubeconfig's namespace unless others are given."""
    connection = connect(kubeconfig, context)
    named = namespaces or (connection.target.namespace,)
    writer = KubeWriter(connection)
    report = run(
        Scope(namespaces=None if everywhere else named),
        KubeReader(connection),
        None if dry_run else interfere(writer),
        Policy(
            max_prune=tuple(map(parse_limit, max_prune)),
            max_prune_total=tuple(map(parse_limit, max_prune_total)),
            concurrency=4,
        ),
        now=now,
        renderer=LazySandbox(),
        recorder=writer,
    )
    return Run(report, exit_code(report))
