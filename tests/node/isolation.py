"""Namespaces and cgroups of one run, all of which are gone when it ends, however it ends.

A run lives in namespaces of its own for networks, mounts, and processes. Its first process ends
with the one that started it, and the kernel then ends everything inside. Cgroups are the one thing
that a namespace does not take along, so the outer process removes them.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")

# What the kubelet sets at its start, for the whole machine: it gets files to write to instead.
TUNABLES = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)

# Where the kubelet, containerd, and CNI write, whatever they are told.
SCRATCH = ("/run", "/var/lib", "/var/log")

NODE_ADDRESS = "10.213.0.1"
SERVICE_ADDRESS = "10.0.0.1"
"""That of the Service `kubernetes`; the API server itself listens there, so that no proxy needs
to lead to it."""


def inside(command: Sequence[str]) -> int:
    """Runs the command in namespaces of its own; its exit code. Nothing of it survives."""
    # If this process is killed, so is that one, and with it all others.
    unshare = [
        "setpriv",
        "--pdeathsig=KILL",
        "unshare",
        "--net",
        "--mount",
        "--pid",
        "--ipc",
        "--fork",
        "--kill-child",
    ]
    unshare += ["--mount-proc", "--propagation", "private", "--", *command]
    process = subprocess.Popen(unshare, stdin=subprocess.DEVNULL)
    try:
        return process.wait()
    finally:
        process.kill()
        process.wait()


@contextmanager
def cgroup(name: str) -> Iterator[str]:
    """A cgroup in every hierarchy, for the kubelet to put its Pods' under."""
    hierarchies = [each for each in CGROUPS.iterdir() if (each / "cgroup.procs").exists()]
    roots = [CGROUPS] if (CGROUPS / "cgroup.procs").exists() else hierarchies
    made = [root / name for root in roots]
    for folder in made:
        _remove(folder)  # a run that was killed left it
    try:
        for folder in made:
            folder.mkdir()
            _allow_every_cpu(folder)
        yield name
    finally:
        for folder in made:
            _remove(folder)


def _allow_every_cpu(folder: Path) -> None:
    """A new cpuset is empty in cgroup v1, and nothing can run in it."""
    for file in ("cpuset.cpus", "cpuset.mems"):
        if (folder / file).exists() and not (folder / file).read_text().strip():
            (folder / file).write_text((folder.parent / file).read_text())


def _remove(folder: Path) -> None:
    """Removes it and those in it; a process that was just killed may be in one for a moment."""
    deadline = time.monotonic() + 20
    while folder.exists():
        for path, _, _ in os.walk(folder, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()
        if folder.exists():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{folder} still has processes")
            time.sleep(0.1)


def arrange(workdir: Path) -> None:
    """Inside: the mounts and addresses that a node needs, seen by nobody else."""
    _run("mount", "--make-rshared", "/")  # as a kubelet expects it; a group of its own by now
    for folder in SCRATCH:
        _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
    tunables = workdir / "tunables"
    tunables.mkdir()
    for tunable in TUNABLES:
        real = Path("/proc/sys") / tunable
        stand_in = tunables / tunable.replace("/", ".")
        stand_in.write_text(real.read_text())
        _run("mount", "--bind", str(stand_in), str(real))
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", f"{SERVICE_ADDRESS}/32", "dev", "lo")
    # The kubelet refuses loopback as the node's address; a bridge without ports needs no driver.
    _run("ip", "link", "add", "node0", "type", "bridge")
    _run("ip", "address", "add", f"{NODE_ADDRESS}/24", "dev", "node0")
    _run("ip", "link", "set", "node0", "up")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
