"""Child processes that cannot outlive their parent, and free loopback ports for them."""

import ctypes
import os
import signal
import socket
import subprocess
from pathlib import Path

# Loaded here, not in the child between fork and exec, where little is safe to do.
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Component:
    """One running program, its output in a log file."""

    def __init__(self, program: Path, flags: list[str], log: Path) -> None:
        self.name = program.name
        self.log = log
        parent = os.getpid()

        def die_with_parent() -> None:
            # Linux sends this when the *thread* that started the child ends: so a control plane
            # is to be started by a thread that stays, as pytest's main thread does.
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the line above
                os._exit(1)

        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [program, *flags],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                # Ctrl-C is for the tests, which stop this in order; a process group of its own.
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - there are no locks it could need
            )

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def stop(self) -> None:
        """Ends it at once: no state of a test's control plane is worth a graceful end."""
        self._process.kill()
        self._process.wait()


def free_ports(count: int) -> list[int]:
    """Ports on which nothing listened just now; held together, so that all are different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
