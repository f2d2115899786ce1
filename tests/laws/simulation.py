"""Threads in a time of its own: each is a real one, of which one runs at a time, when it is due.

So what threads do with each other can be had again, and an hour takes a moment. Each process has a
clock with its own origin and its own pace.
"""

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol


class Paced(Protocol):
    """A process: when its clock began, how fast it goes, and whether it was killed."""

    origin: float
    pace: float
    is_killed: bool


class KilledError(BaseException):
    """Ends a thread of a candidate that was killed; nothing catches it."""


@dataclass(frozen=True)
class Waiting:
    """An actor that waits for something, and which of its waits that is."""

    actor: "Actor"
    awaits: int


class Actor:
    """One thread of a candidate."""

    def __init__(self, simulation: "Simulation", process: "Paced", run: Callable[[], Any]):
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

    @property
    def process(self) -> "Paced":
        """Whose time it is."""
        assert self.current is not None
        return self.current.process

    def monotonic(self) -> float:
        """Stands for time.monotonic."""
        return self.process.origin + self.process.pace * self.now

    def sleep(self, seconds: float) -> None:
        """Stands for time.sleep."""
        self.block(seconds / self.process.pace)

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


class Event:
    """Stands for threading.Event."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._is_set = False
        self._waiting: list[Waiting] = []

    def set(self) -> None:
        self._is_set = True
        self._simulation.wake_all(self._waiting)

    def wait(self, seconds: float) -> bool:
        if not self._is_set:
            limit = max(0.0, seconds) / self._simulation.process.pace
            self._simulation.block(limit, self._waiting)
        return self._is_set


class Thread:
    """Stands for threading.Thread."""

    def __init__(self, simulation: Simulation, run: Callable[[], None]) -> None:
        self._simulation = simulation
        self._run = run

    def start(self) -> None:
        self._actor = Actor(self._simulation, self._simulation.process, self._run)

    def join(self, seconds: float | None = None) -> None:
        if not self._actor.is_done:
            limit = seconds and seconds / self._simulation.process.pace
            self._simulation.block(limit, self._actor.waited_for_by)

    def is_alive(self) -> bool:
        return not self._actor.is_done
