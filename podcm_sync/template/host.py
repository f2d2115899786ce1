"""Implements the imports of the engine's module without environment, files, sockets, or clock.

When Go's runtime starts, it asks its host for the time, random bytes, and arguments. Here the time
is a count of the calls, random bytes are zeros, and everything else is refused. So the same
templates on the same Pods always run in the same way. wasmtime's own WASI is never linked in.
"""

from collections.abc import Callable
from typing import Final

import wasmtime
from msgspec import Struct
from wasmtime import Caller, FuncType, Linker, Memory

WASI: Final = "wasi_snapshot_preview1"
HOST: Final = "podcm"
SUCCESS: Final = 0
BAD_FILE: Final = 8
NOT_IMPLEMENTED: Final = 52
STDERR: Final = 2
NANOSECONDS_PER_CALL: Final = 1_000
MAX_LAST_WORDS: Final = 2_000
"""The most bytes to keep of the text that Go's runtime writes when it dies."""


def _ignored(_answer: bytes) -> None:
    pass


class Guest(Struct):
    """The host's state for one instance: its last words, its clock, and the receiver of answers."""

    last_words: bytes = b""
    clock: int = 0
    on_answer: Callable[[bytes], None] = _ignored

    def finish_call(self) -> None:
        """Drop the receiver: it refers to the instance, and the instance to this guest."""
        self.on_answer = _ignored


class Exited(Exception):  # noqa: N818 - not an error: a bomb makes Go's runtime end itself
    """The module ended itself, as Go's runtime does on a fatal error."""


class Host:
    """The imports of the instance that runs now. Only one runs at a time (`Machine.turn`)."""

    def __init__(self) -> None:
        self.guest = Guest()

    def linker(self, engine: wasmtime.Engine, module: wasmtime.Module) -> Linker:
        """A linker with every import of the module. Unknown imports are refused."""
        known: dict[str, Callable[..., int | None]] = {
            "args_sizes_get": self._no_strings,
            "environ_sizes_get": self._no_strings,
            "args_get": _success,
            "environ_get": _success,
            "sched_yield": _success,
            "clock_time_get": self._clock_time_get,
            "random_get": self._random_get,
            "fd_write": self._fd_write,
            "fd_prestat_get": _bad_file,
            "fd_fdstat_get": _bad_file,
            "proc_exit": _proc_exit,
        }
        linker = Linker(engine)
        linker.allow_shadowing = True  # Go imports some functions twice
        for imported in module.imports:
            assert isinstance(imported.type, FuncType), "the module imports functions only"
            name = imported.name or ""
            answer = self._emit if imported.module == HOST else known.get(name, _refused)
            linker.define_func(imported.module, name, imported.type, answer, access_caller=True)
        return linker

    def _emit(self, caller: Caller, pointer: int, length: int) -> None:
        self.guest.on_answer(_read(caller, pointer, length))

    def _no_strings(self, caller: Caller, count: int, size: int) -> int:
        _write(caller, count, bytes(4))
        _write(caller, size, bytes(4))
        return SUCCESS

    def _clock_time_get(self, caller: Caller, _clock: int, _precision: int, pointer: int) -> int:
        self.guest.clock += NANOSECONDS_PER_CALL
        _write(caller, pointer, self.guest.clock.to_bytes(8, "little"))
        return SUCCESS

    def _random_get(self, caller: Caller, pointer: int, length: int) -> int:
        _write(caller, pointer, bytes(length))
        return SUCCESS

    def _fd_write(
        self, caller: Caller, descriptor: int, vectors: int, count: int, written: int
    ) -> int:
        """Keep Go's last words. The first line has the reason, so it ends the module there."""
        if descriptor != STDERR:
            return BAD_FILE
        total = 0
        for index in range(count):
            # A `ciovec` of WASI preview 1: 4 bytes of address, 4 bytes of length.
            vector = _read(caller, vectors + 8 * index, 8)
            start, length = (int.from_bytes(part, "little") for part in (vector[:4], vector[4:]))
            total += length
            room = MAX_LAST_WORDS - len(self.guest.last_words)
            if room > 0:
                self.guest.last_words += _read(caller, start, min(length, room))
        if b"\n" in self.guest.last_words:
            raise Exited
        _write(caller, written, total.to_bytes(4, "little"))
        return SUCCESS


def _read(caller: Caller, start: int, length: int) -> bytes:
    # wasmtime passes pointers as signed 32-bit numbers.
    memory = caller["memory"]
    assert isinstance(memory, Memory)
    return bytes(memory.read(caller, start & 0xFFFFFFFF, (start & 0xFFFFFFFF) + length))


def _write(caller: Caller, start: int, content: bytes) -> None:
    memory = caller["memory"]
    assert isinstance(memory, Memory)
    memory.write(caller, content, start & 0xFFFFFFFF)


def _success(*_: object) -> int:
    return SUCCESS


def _bad_file(*_: object) -> int:
    return BAD_FILE


def _refused(*_: object) -> int:
    return NOT_IMPLEMENTED


def _proc_exit(_caller: Caller, code: int) -> None:
    raise Exited(code)
