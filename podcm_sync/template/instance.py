"""One instance of the engine: its calls, the limits of each, and why a call was stopped.

An instance that was stopped must be discarded, because its state is unknown.
"""

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import Final

from wasmtime import Func, Memory, Store, Trap, TrapCode, WasmtimeError

from podcm_sync.template import compiled
from podcm_sync.template.host import Exited, Guest, Host

MAX_MEMORY: Final = 64 << 20
"""Bytes of memory of one instance."""
START_FUEL: Final = 200_000_000
"""The fuel for Go's runtime to start; about fourteen times what it needs."""
TICK_SECONDS: Final = 0.05
MAX_TICKS: Final = 40
"""The most ticks of CPU time between two refills. The bounds in fuel decide; this one holds if fuel
counts too little. The slowest known work runs 1.6e9 instructions a second."""
LAST_WORDS_SHOWN: Final = 200
"""The most characters of Go's last words in a message."""
_ENDS: Final = (Trap, WasmtimeError, Exited)


class Stop(StrEnum):
    """Why an instance was stopped, as the text of a message."""

    CPU = "stopped after using its CPU budget"
    MEMORY = "needed over 64 MiB of memory"
    DEPTH = "nested too deeply"
    CRASH = "the template engine crashed"


class StoppedError(Exception):
    """The instance hit a limit."""

    def __init__(self, stop: Stop, last_words: str) -> None:
        super().__init__(f"{stop}: {last_words}" if stop is Stop.CRASH else stop)
        self.stop = stop
        self.last_words = last_words if stop is Stop.CRASH else ""
        """The engine's text, which can repeat parts of a template; "" unless it crashed."""


class UnavailableError(Exception):
    """The engine can't start on this host, so no template is rendered."""


class Machine:
    """The compiled module, and what all its instances share. A process has one."""

    def __init__(self) -> None:
        self.engine = compiled.engine()
        self.module = compiled.module(self.engine)
        self.host = Host()
        self.linker = self.host.linker(self.engine, self.module)

        self.turn = threading.Lock()
        """Held by the thread whose instance runs: the host has one guest, and wasmtime keeps a
        callback's exception in a global variable."""
        self._busy = threading.Event()
        self._lock = threading.Lock()
        self._spares: deque[Instance] = deque()
        """Started instances that nobody has used."""
        self._runs = 0
        """How many runs have templates to render at this time."""
        threading.Thread(target=self._tick, name="template-ticks", daemon=True).start()

    def instance(self) -> "Instance":
        """An instance that nobody has used. Raises what `Instance` raises."""
        try:
            return self._spares.pop()
        except IndexError:
            return Instance(self)

    def prepare(self) -> None:
        """Start an instance for the next `instance`, which then takes 6 ms less."""
        if not self._spares:
            with suppress(UnavailableError, StoppedError):
                self._spares.append(Instance(self))

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """Run the clock of MAX_TICKS while templates run."""
        with self._lock:
            self._runs += 1
            self._busy.set()
        try:
            yield
        finally:
            with self._lock:
                self._runs -= 1
                if not self._runs:
                    self._busy.clear()

    def _tick(self) -> None:
        """Advance the epoch by CPU time, so that a busy machine stops no template."""
        while self._busy.wait():
            counted = time.process_time()
            while self._busy.is_set():
                time.sleep(TICK_SECONDS)
                while time.process_time() - counted >= TICK_SECONDS:
                    counted += TICK_SECONDS
                    self.engine.increment_epoch()


class Instance:
    """A started instance of the module. `close` frees its memory.

    Raises UnavailableError if the host has no memory for it, and StoppedError if it fails to start.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._guest = Guest()
        self._store = Store(machine.engine)
        self._store.set_limits(memory_size=MAX_MEMORY)
        with machine.turn:
            self._start(machine)

    def _start(self, machine: Machine) -> None:
        self.refill(START_FUEL)
        machine.host.guest = self._guest
        try:
            instance = machine.linker.instantiate(self._store, machine.module)
        except (WasmtimeError, MemoryError) as error:
            # wasmtime reserves 4 GiB of addresses for it, which RLIMIT_AS can forbid.
            raise UnavailableError(next(iter(str(error).splitlines()), "")) from error
        try:
            exports = instance.exports(self._store)
            self._exports = exports
            self._function("_initialize")(self._store)
            self._key_index_address: int = self._function("at")(self._store)
        except _ENDS as error:
            raise self._stopped(error) from error

    def close(self) -> None:
        """Free its memory now, rather than at some garbage collection."""
        self._store.close()

    def refill(self, fuel: int) -> None:
        """Set the fuel, and the CPU time to MAX_TICKS, from now on."""
        self._store.set_fuel(fuel)
        self._store.set_epoch_deadline(MAX_TICKS)

    @property
    def fuel(self) -> int:
        """The remaining fuel."""
        return self._store.get_fuel()

    @property
    def key_index(self) -> int:
        """The index of the current key in sorted order. It can be read after a stop."""
        start = self._key_index_address
        return int.from_bytes(self._memory.read(self._store, start, start + 4), "little")

    def call(
        self, name: str, payload: bytes, fuel: int, on_answer: Callable[[bytes], None]
    ) -> None:
        """Call an export. `on_answer` gets each answer when the engine has it, and can refill.

        Raises StoppedError at a limit, and whatever `on_answer` raises. After either, the instance
        must not be used again.
        """
        with self._machine.turn:
            self._call(name, payload, fuel, on_answer)

    def _call(
        self, name: str, payload: bytes, fuel: int, on_answer: Callable[[bytes], None]
    ) -> None:
        self._machine.host.guest = self._guest
        self._guest.on_answer = on_answer
        self.refill(fuel)
        try:
            start = self._function("buf")(self._store, len(payload))
            self._memory.write(self._store, payload, start & 0xFFFFFFFF)
            self._function(name)(self._store)
        except Exception as error:
            # A frame of wasmtime refers to the exception, whose traceback refers to the frame. That
            # cycle would keep the callers' variables alive, answers of megabytes among them.
            traceback.clear_frames(error.__traceback__)
            if isinstance(error, _ENDS):
                raise self._stopped(error) from error
            raise
        finally:
            self._guest.finish_call()

    def answers(self, name: str, payload: bytes, fuel: int) -> list[bytes]:
        """All answers of a call. Raises StoppedError at a limit."""
        answers: list[bytes] = []
        self.call(name, payload, fuel, answers.append)
        return answers

    @property
    def _memory(self) -> Memory:
        memory = self._exports["memory"]
        assert isinstance(memory, Memory)
        return memory

    def _function(self, name: str) -> Func:
        function = self._exports[name]
        assert isinstance(function, Func)
        return function

    def _stopped(self, error: Exception) -> StoppedError:
        words = self._guest.last_words.decode(errors="replace")
        code = error.trap_code if isinstance(error, Trap) else None
        if code in {TrapCode.OUT_OF_FUEL, TrapCode.INTERRUPT}:
            stop = Stop.CPU
        elif code is TrapCode.STACK_OVERFLOW or "stack exceeds" in words:
            stop = Stop.DEPTH
        elif "out of memory" in words:
            stop = Stop.MEMORY
        else:
            stop = Stop.CRASH
        last_words = next(iter(words.splitlines()), str(error))[:LAST_WORDS_SHOWN]
        return StoppedError(stop, last_words)


class Slot:
    """Holds the instance that the configs of one namespace use one after the other."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.instance: Instance | None = None
        self.is_new = False
        """Whether the instance is still unused."""

    def renew(self) -> None:
        """Replace the instance with a new one. Raises UnavailableError."""
        self.discard()
        self.instance = self._machine.instance()
        self.is_new = True

    def discard(self) -> None:
        """Drop the instance and free its memory."""
        if self.instance is not None:
            self.instance.close()
            self.instance = None
