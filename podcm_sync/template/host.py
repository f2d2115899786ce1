"""What the engine's module imports, answered with nothing: no environment, file, socket or clock.

Go's runtime asks its host for the time, for random bytes and for arguments when it starts. Here
the time is a count of the times it was asked, random bytes are zeros, and all else is refused, so
the same templates on the same Pods take the same way each time. WASI itself is never linked in.
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
NANOSECONDS_A_QUESTION: Final = 1_000
MAX_LAST_WORDS: Final = 2_000
"""How much is kept of what Go's runtime writes when it dies."""


def _ignored(_answer: bytes) -> None:
    pass


class Guest(Struct):
    """What one instance has asked and written so far, and who takes its answers."""

    last_words: bytes = b""
    clock: int = 0
    answered: Callable[[bytes], None] = _ignored

    def finish_call(self) -> None:
        """Let go of who took the answers: it holds the instance, which holds this guest."""
        self.answered = _ignored


class Exited(Exception):  # noqa: N818 - how Go's runtime dies, which is expected of bombs
    """The module ended itself, which Go does when it cannot go on."""


class Host:
    """The imports of whichever instance is at work; there is one at a time."""

    def __init__(self) -> None:
        self.guest = Guest()

    def linker(self, engine: wasmtime.Engine, module: wasmtime.Module) -> Linker:
        """Every import of the module, each answered here; one that is not known is refused."""
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
        for each in module.imports:
            assert isinstance(each.type, FuncType), "the module imports functions alone"
            name = each.name or ""
            answer = self._emit if each.module == HOST else known.get(name, _refused)
            linker.define_func(each.module, name, each.type, answer, access_caller=True)
        return linker

    def _emit(self, caller: Caller, pointer: int, length: int) -> None:
        self.guest.answered(_read(caller, pointer, length))

    def _no_strings(self, caller: Caller, count: int, size: int) -> int:
        _write(caller, count, bytes(4))
        _write(caller, size, bytes(4))
        return SUCCESS

    def _clock_time_get(self, caller: Caller, _clock: int, _precision: int, pointer: int) -> int:
        self.guest.clock += NANOSECONDS_A_QUESTION
        _write(caller, pointer, self.guest.clock.to_bytes(8, "little"))
        return SUCCESS

    def _random_get(self, caller: Caller, pointer: int, length: int) -> int:
        _write(caller, pointer, bytes(length))
        return SUCCESS

    def _fd_write(
        self, caller: Caller, descriptor: int, vectors: int, count: int, written: int
    ) -> int:
        """Go's last words, of which the first line says why it dies; the rest is not waited for."""
        if descriptor != STDERR:
            return BAD_FILE
        total = 0
        for index in range(count):
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
