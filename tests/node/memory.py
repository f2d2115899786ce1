"""What a Pod's containers used, and which processes they have, by their cgroups."""

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.node.isolation import CGROUPS

# The file of cgroup v1, and that of v2.
PEAKS = ("memory.max_usage_in_bytes", "memory.peak")
MIB = 1 << 20
PERIOD = 0.5  # seconds


def containers(cgroup: str, uid: str) -> list[Path]:
    """The cgroups of the Pod's containers, its sandbox among them."""
    root = CGROUPS / "memory" if (CGROUPS / "memory").exists() else CGROUPS
    return [path for path in root.glob(f"{cgroup}/kubepods*/**/*pod{uid}/*") if path.is_dir()]


def processes(cgroup: str, uid: str, word: str) -> list[int]:
    """The Pod's processes that have the word in their command line."""
    numbers = [
        int(line)
        for path in containers(cgroup, uid)
        for line in (path / "cgroup.procs").read_text().split()
    ]
    return [n for n in numbers if word in Path(f"/proc/{n}/cmdline").read_text()]


class Peaks:
    """Watches every container below a cgroup; each one's peak, by the uid of its Pod."""

    def __init__(self, cgroup: str) -> None:
        self._cgroup = cgroup
        self._bytes: dict[str, int] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join()

    def mib(self, uid: str) -> float:
        """The most that a container of the Pod used so far, the page cache included."""
        return self._bytes.get(uid, 0) / MIB

    def _watch(self) -> None:
        while not self._ended.wait(PERIOD):
            for path in containers(self._cgroup, "*"):
                uid = path.parent.name.rpartition("pod")[2]
                for name in PEAKS:
                    try:
                        peak = int((path / name).read_text())
                    except OSError:  # it ended, or its kernel has the other file
                        continue
                    self._bytes[uid] = max(peak, self._bytes.get(uid, 0))
