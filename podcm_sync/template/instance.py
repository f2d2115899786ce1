"""One instance of the engine: its calls, the limits on each, and why it stopped if it did.

An instance that stopped is thrown away, since nobody knows what state it is in.
"""

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final

from wasmtime import Func, Memory, Store, Trap, TrapCode, WasmtimeError

from podcm_sync.template import compiled
from podcm_sync.template.host import Exited, Guest, Host

MAX_MEMORY: Final = 64 << 20
START_FUEL: Final = 200_000_000
"""For Go's runtime to start, some fourteen times what it takes."""
TICK_SECONDS: Final = 0.05
MAX_TICKS: Final = 40
"""The CPU time that one step may take if fuel counts too little: a net under the bounds in fuel,
which are what decides. The slowest work that is known does 1.6e9 instructions a second."""
LAST_WORDS_SHOWN: Final = 200
_ENDS: Final = (Trap, WasmtimeError, Exited)


class Stop(StrEnum):
    """Why an instance was stopped, in the words of a message."""

    CPU = "stopped after using its CPU budget"
    MEMORY = "needed over 64 MiB of memory"
    DEPTH = "nested too deeply"
    CRASH = "the template engine crashed"


class StoppedError(Exception):
    """The instance hit a limit."""

    def __init__(self, stop: Stop, last_words: str) -> None:
        super().__init__(f"{stop}: {last_words}" if stop is Stop.CRASH else stop)
        self.stop = stop


class UnavailableError(Exception):
    """The engine cannot start where podcm-sync runs, so no template is rendered."""


class Machine:
    """The compiled module and what every instance of it shares; a process has one."""

    def __init__(self) -> None:
        self.engine = compiled.engine()
        self.module = compiled.module(self.engine)
        self.host = Host()
        self.linker = self.host.linker(self.engine, self.module)

        self._busy = threading.Event()
        threading.Thread(target=self._tick, name="template-ticks", daemon=True).start()

    @contextmanager
    def ticking(self) -> Iterator[None]:
        """While templates are at work, the clock of MAX_TICKS goes."""
        self._busy.set()
        try:
            yield
        finally:
            self._busy.clear()

    def _tick(self) -> None:
        """Count CPU time, so that a busy machine stops nobody; sleep while there is no work."""
        while self._busy.wait():
            counted = time.process_time()
            while self._busy.is_set():
                time.sleep(TICK_SECONDS)
                while time.process_time() - counted >= TICK_SECONDS:
                    counted += TICK_SECONDS
                    self.engine.increment_epoch()


class Instance:
    """An instance of the module.

    Raises UnavailableError if the host has no memory for it.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._guest = Guest()
        self._store = Store(machine.engine)
        self._store.set_limits(memory_size=MAX_MEMORY)
        self.refill(START_FUEL)
        machine.host.guest = self._guest
        try:
            instance = machine.linker.instantiate(self._store, machine.module)
        except (WasmtimeError, MemoryError) as error:
            # An address space of 4 GiB is reserved for it, which RLIMIT_AS can forbid.
            raise UnavailableError(next(iter(str(error).splitlines()), "")) from error
        try:
            exports = instance.exports(self._store)
            self._exports = exports
            self._function("_initialize")(self._store)
            self._at: int = self._function("at")(self._store)
        except _ENDS as error:
            raise self._stopped(error) from error

    def close(self) -> None:
        """Give its memory back; without this it would stay until some garbage collection."""
        self._store.close()

    def refill(self, fuel: int) -> None:
        """Give so much fuel, and the CPU time of one step, from now on."""
        self._store.set_fuel(fuel)
        self._store.set_epoch_deadline(MAX_TICKS)

    @property
    def fuel(self) -> int:
        """The fuel that is left."""
        return self._store.get_fuel()

    @property
    def at(self) -> int:
        """The number of the key at work; also to be read once the instance was stopped."""
        return int.from_bytes(self._memory.read(self._store, self._at, self._at + 4), "little")

    def call(self, name: str, payload: bytes, fuel: int, answered: Callable[[bytes], None]) -> None:
        """Call an export. `answered` gets each answer as it comes, and may refill.

        Raises StoppedError at a limit, and what `answered` raises. Either ends the instance.
        """
        self._machine.host.guest = self._guest
        self._guest.answered = answered
        self.refill(fuel)
        try:
            start = self._function("buf")(self._store, len(payload))
            self._memory.write(self._store, payload, start & 0xFFFFFFFF)
            self._function(name)(self._store)
        except Exception as error:
            # A frame of wasmtime's holds the exception whose traceback holds the frame. That cycle
            # would hold all that the caller's frames know, answers of megabytes among it.
            traceback.clear_frames(error.__traceback__)
            if isinstance(error, _ENDS):
                raise self._stopped(error) from error
            raise
        finally:
            self._guest.finish_call()

    def answers(self, name: str, payload: bytes, fuel: int) -> list[bytes]:
        """All answers of a call."""
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
    """The instance that the configs of one namespace use one after the other."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.instance: Instance | None = None
        self.is_new = False
        """Whether nobody has used it so far."""

    def renew(self) -> None:
        """Put a new instance in. Raises UnavailableError."""
        self.discard()
        self.instance = Instance(self._machine)
        self.is_new = True

    def discard(self) -> None:
        """Give the instance's memory back."""
        if self.instance is not None:
            self.instance.close()
            self.instance = None
