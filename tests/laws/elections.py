"""The election itself, threads and all, in a time of its own: candidates, a server, and faults.

Each thread of each candidate is a real one, of which one runs at a time, by the time that the
simulation keeps; so what is tried is `podcm_sync.election` and not a model of it. Each candidate
has a clock with its own origin and its own pace.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from podcm_sync import clock as clock_module
from podcm_sync import election as election_module
from podcm_sync.clock import Clock
from podcm_sync.cluster.port import LockError
from podcm_sync.election import Election
from podcm_sync.leader import Candidate
from podcm_sync.model.lease import Lease, LeaseSpec
from podcm_sync.settings import Timing

TIMING = Timing(lease_duration=15.0, renew_deadline=10.0, retry_period=2.0)
PACES = (0.95, 1.05)
"""How fast a clock goes, at least and at most: the term leaves room for a fifth."""


class KilledError(BaseException):
    """Ends a thread of a candidate that was killed; nothing catches it."""


@dataclass(frozen=True)
class Waiting:
    """An actor that waits for something, and which of its waits that is."""

    actor: "Actor"
    awaits: int


class Actor:
    """One thread of a candidate."""

    def __init__(self, simulation: "Simulation", process: "Process", run: Callable[[], Any]):
        self.process = process
        self.is_done = False
        self.waited_for_by: list[Waiting] = []
        self.awaits = -1
        self.go = threading.Semaphore(0)
        self._simulation = simulation
        self._run = run
        threading.Thread(target=self._body, daemon=True).start()
        simulation.wake(self)

    def _body(self) -> None:
        self.go.acquire()
        try:
            if not self.process.is_killed:
                self._run()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in the test's thread
            self._simulation.errors.append(error)
        self.is_done = True
        self._simulation.wake_all(self.waited_for_by)
        self._simulation.back.release()


class Simulation:
    """One true time, and who is to go on when."""

    def __init__(self) -> None:
        self.now = 0.0
        self.back = threading.Semaphore(0)
        self.errors: list[BaseException] = []
        self.current: Actor | None = None
        self._due: list[tuple[float, int, int, Actor | None, Callable[[], None] | None]] = []
        self._numbers = count()

    def at(self, seconds: float, do: Callable[[], None]) -> None:
        """Do something so many seconds from now."""
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), 0, None, do))

    def wake(self, actor: Actor, seconds: float = 0.0) -> None:
        entry = (self.now + seconds, next(self._numbers), actor.awaits, actor, None)
        heapq.heappush(self._due, entry)

    def wake_all(self, waiting: list[Waiting]) -> None:
        for each in waiting:
            if each.actor.awaits == each.awaits:
                self.wake(each.actor)

    def block(self, seconds: float | None, queue: list[Waiting] | None = None) -> None:
        """The current actor waits so long, or until it is woken, as one of that queue."""
        actor = self.current
        assert actor is not None
        actor.awaits = next(self._numbers)
        if queue is not None:
            queue.append(Waiting(actor, actor.awaits))
        if seconds is not None:
            self.wake(actor, seconds)
        self.back.release()
        actor.go.acquire()
        if actor.process.is_killed:
            raise KilledError

    def run(self, until: float) -> None:
        """Let the time go on."""
        while self._due and self._due[0][0] <= until:
            self.now, _, awaits, actor, do = heapq.heappop(self._due)
            if do is not None:
                do()
            elif actor is not None and not actor.is_done and actor.awaits == awaits:
                self.current = actor
                actor.go.release()
                self.back.acquire()
            if self.errors:
                raise self.errors[0]
        self.now = until


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
        self.clock = Clock()
        self.writes_end = 0.0
        self.last_write = -1.0
        self._world = world
        candidate = Candidate(identity=name, timing=TIMING)
        self.election = Election(self, candidate, self.clock)
        self.main = Actor(world.simulation, self, lambda: self.election.lead(self._work))

    def monotonic(self) -> float:
        return self.origin + self.pace * self._world.simulation.now

    def sleep(self, seconds: float) -> None:
        self._world.simulation.block(seconds / self.pace)

    def _work(self) -> None:
        """Writes one upon the other, each for as long as it may; then waits for them, as a run."""
        simulation, rng = self._world.simulation, self._world.rng
        while not self.clock.is_stopping():
            left = self.clock.left_to_write()
            assert left is not None
            lasting = min(rng.choice((0.1, 1.0, 20.0)), left) / self.pace
            self.writes_end = max(self.writes_end, simulation.now + lasting)
            self._world.written(self)
            self.sleep(rng.uniform(0.05, 1.0))
        while simulation.now < self.writes_end and self.clock.left() != 0:
            self.sleep(0.1)

    def read(self, seconds: float) -> Lease | None:
        found = self._asked(lambda: self._world.server.lease, seconds)
        assert not isinstance(found, LockError)
        return found

    def write(self, spec: LeaseSpec, resource_version: str | None, seconds: float) -> Lease:
        found = self._asked(lambda: self._world.server.write(spec, resource_version), seconds)
        if isinstance(found, LockError):
            raise found
        assert found is not None
        return found

    def _asked(
        self, act: Callable[[], Lease | LockError | None], seconds: float
    ) -> Lease | LockError | None:
        """A request, which may be lost or late, and so may its answer; late ones still count."""
        simulation, fate = self._world.simulation, self._world.fate()
        answers: list[Lease | LockError | None] = []
        if fate.reaches:
            simulation.at(fate.there, lambda: answers.append(act()))
        limit = seconds / self.pace
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

    def __init__(self, seed: int, candidates: int) -> None:
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
        lasting = (0.001, 0.001, 0.01, 0.5, 3.0, 7.0)
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
                process.clock.receive(15)
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
            if not each.is_killed and each.clock.signal_number is None
        ]

    def end(self) -> None:
        """Let every thread end."""
        for each in self.processes:
            each.is_killed = True
        self.simulation.run(self.simulation.now + 100.0)

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put this time, and these threads, in place of the real ones."""
        simulation, stamps = self.simulation, count()

        def current() -> Process:
            assert simulation.current is not None
            return simulation.current.process

        time = SimpleNamespace(
            monotonic=lambda: current().monotonic(), sleep=lambda s: current().sleep(s)
        )
        monkeypatch.setattr(clock_module, "time", time)
        monkeypatch.setattr(clock_module, "STEP_SECONDS", 0.5)
        monkeypatch.setattr(election_module, "time", time)
        monkeypatch.setattr(election_module, "random", self.rng)
        monkeypatch.setattr(election_module, "_stamp", lambda: f"stamp-{next(stamps)}")

        class Event:
            def __init__(self) -> None:
                self._is_set = False
                self._waiting: list[Waiting] = []

            def set(self) -> None:
                self._is_set = True
                simulation.wake_all(self._waiting)

            def wait(self, seconds: float) -> bool:
                if not self._is_set:
                    simulation.block(max(0.0, seconds) / current().pace, self._waiting)
                return self._is_set

        class Thread:
            def __init__(self, target: Callable[..., None], args: tuple[Any, ...], **_: Any):
                self._run = lambda: target(*args)

            def start(self) -> None:
                self._actor = Actor(simulation, current(), self._run)

            def join(self, seconds: float | None = None) -> None:
                if not self._actor.is_done:
                    limit = seconds and seconds / current().pace
                    simulation.block(limit, self._actor.waited_for_by)

            def is_alive(self) -> bool:
                return not self._actor.is_done

        monkeypatch.setattr(
            election_module, "threading", SimpleNamespace(Event=Event, Thread=Thread)
        )
