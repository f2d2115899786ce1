"""Candidates, a server with one Lease, and faults: the election itself, threads and all.

The elector is the real one (`podcm_sync.leaderelection.elector`); only the time is simulated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from podcm_sync.api.objects import Lease, LeaseSpec
from podcm_sync.cluster.interfaces import Limit, LockError
from podcm_sync.leaderelection import elector as election_module
from podcm_sync.leaderelection.elector import Election
from podcm_sync.leaderelection.rules import Candidate, Timing
from podcm_sync.runtime import context as clock_module
from podcm_sync.runtime.context import RunContext
from tests.laws.simulation import Actor, Event, Simulation, Thread

TIMINGS = (
    Timing(lease_duration=15.0, renew_deadline=10.0, retry_period=2.0),
    Timing(lease_duration=60.0, renew_deadline=40.0, retry_period=5.0),
)
"""The defaults; and one with writes that a signal's grace is too short for."""
PACES = (0.92, 1.09)
"""How fast a clock goes, at least and at most: the term leaves room for a fifth."""


@dataclass
class Server:
    """The one Lease, as the API server keeps it."""

    lease: Lease | None = None
    versions: Any = field(default_factory=lambda: count(1))

    def store(self, spec: LeaseSpec) -> Lease:
        self.lease = Lease(spec=spec, resource_version=str(next(self.versions)))
        return self.lease

    def write(self, spec: LeaseSpec, resource_version: str | None) -> Lease | LockError:
        stored = self.lease and self.lease.resource_version
        if stored != resource_version:
            return LockError("changed", is_conflict=True)
        return self.store(spec)


class Process:
    """One candidate: its clock, its election, and work that writes as long as it may."""

    def __init__(self, world: "World", name: str) -> None:
        self.name = name
        self.is_killed = False
        self.pace = world.rng.uniform(*PACES)
        self.origin = world.rng.uniform(1.0, 1e6)
        self.context = RunContext()
        self.writes_end = 0.0
        self.last_write = -1.0
        self._world = world
        candidate = Candidate(identity=name, timing=world.timing)
        self.election = Election(self, candidate, self.context)
        self.main = Actor(world.simulation, self, lambda: self.election.lead(self._work))

    def _work(self) -> None:
        """Writes one upon the other, each for as long as it may; then waits for them, as a run."""
        simulation, rng = self._world.simulation, self._world.rng
        while not self.context.is_stopping():
            left = self.context.remaining_for_writes()
            assert left is not None
            lasting = min(rng.choice((0.1, 1.0, 60.0)), left) / self.pace
            self.writes_end = max(self.writes_end, simulation.now + lasting)
            self._world.written(self)
            simulation.sleep(rng.uniform(0.05, 1.0))
        while simulation.now < self.writes_end and self.context.remaining() != 0:
            simulation.sleep(0.1)

    def read(self, limit: Limit) -> Lease | None:
        found = self._asked(lambda: self._world.server.lease, limit)
        assert not isinstance(found, LockError)
        return found

    def write(self, spec: LeaseSpec, resource_version: str | None, limit: Limit) -> Lease:
        found = self._asked(lambda: self._world.server.write(spec, resource_version), limit)
        if isinstance(found, LockError):
            raise found
        assert found is not None
        return found

    def _asked(
        self, act: Callable[[], Lease | LockError | None], within: Limit
    ) -> Lease | LockError | None:
        """A request, which may be lost or late, and so may its answer; late ones still count."""
        simulation, fate = self._world.simulation, self._world.fate()
        answers: list[Lease | LockError | None] = []
        if fate.reaches:
            simulation.at(fate.there, lambda: answers.append(act()))
        limit = within.seconds / self.pace
        if not (fate.reaches and fate.is_answered) or fate.there + fate.back > limit:
            simulation.block(limit)
            raise LockError("no answer")
        simulation.block(fate.there + fate.back)
        return answers[0]


@dataclass(frozen=True)
class Fate:
    """What becomes of a request: whether it and its answer arrive, and how long each takes."""

    reaches: bool = True
    is_answered: bool = True
    there: float = 0.001
    back: float = 0.001


class World:
    """Candidates and a server, with faults by a seed; says where two write at once."""

    def __init__(self, seed: int, candidates: int, timing: Timing) -> None:
        self.timing = timing
        self.rng = Random(seed)  # noqa: S311 - chance that can be had again
        self.simulation = Simulation()
        self.server = Server()
        self.is_faulty = True
        self.terms = 0
        self._writer: Process | None = None
        self._names = count()
        self.processes: list[Process] = []
        for _ in range(candidates):
            self.start()

    def start(self) -> None:
        self.processes.append(Process(self, f"candidate-{next(self._names)}"))

    def written(self, process: Process) -> None:
        """A process begins a write: no other's may be under way."""
        now = self.simulation.now
        for other in self.processes:
            assert other is process or other.writes_end <= now, (
                f"{process.name} writes at {now}, {other.name} until {other.writes_end}"
            )
        process.last_write = now
        self.terms += process is not self._writer
        self._writer = process

    def fate(self) -> Fate:
        if not self.is_faulty:
            return Fate()
        rng = self.rng
        lasting = (0.001, 0.001, 0.01, 0.5, 4.5, 7.0)
        return Fate(
            reaches=rng.random() > 0.15,
            is_answered=rng.random() > 0.15,
            there=rng.choice(lasting),
            back=rng.choice(lasting),
        )

    def disturb(self) -> None:
        """A kill, a SIGTERM, a new one, or somebody's hand on the Lease."""
        process = self.rng.choice(self.processes)
        match self.rng.choice(("kill", "kill", "terminate", "start", "delete", "empty", "rename")):
            case "kill":
                process.is_killed = True
            case "terminate":
                self.simulation.current = process.main
                process.context.receive(15)
            case "start" if len(self._alive()) < 4:
                self.start()
            case "delete":
                self.server.lease = None
            case "empty":
                self._edit(LeaseSpec(lease_duration_seconds=15))
            case "rename":
                self._edit(LeaseSpec(holder_identity="somebody", lease_duration_seconds=1))
        if not self._alive():
            self.start()

    def _edit(self, spec: LeaseSpec) -> None:
        if self.server.lease is not None:
            self.server.store(spec)

    def _alive(self) -> list[Process]:
        return [
            each
            for each in self.processes
            if not each.is_killed and each.context.signal_number is None
        ]

    def end(self) -> None:
        """Let every thread end."""
        for each in self.processes:
            each.is_killed = True
        self.simulation.run(self.simulation.now + 1_000.0)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put this time, and these threads, in place of the real ones."""
        simulation, stamps = self.simulation, count()
        threads = SimpleNamespace(
            Event=lambda: Event(simulation),
            Thread=lambda target, args, **_: Thread(simulation, lambda: target(*args)),
        )
        monkeypatch.setattr(clock_module, "time", simulation)
        monkeypatch.setattr(clock_module, "POLL_SECONDS", 0.5)
        monkeypatch.setattr(election_module, "time", simulation)
        monkeypatch.setattr(election_module, "random", self.rng)
        monkeypatch.setattr(election_module, "threading", threads)
        monkeypatch.setattr(election_module, "_stamp", lambda: f"stamp-{next(stamps)}")
