"""Ends a run that can't work here before it does anything, with all that is missing and a hint."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.image.engine import PACKAGES
from tests.node.isolation import CGROUPS

# Program → Debian's package.
TOOLS = {
    **{name: name for name in PACKAGES.split()[:4]},
    "ip": "iproute2",
    "mount": "mount",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "apt-get": "",
}
MEMORY_GIB = 6
DISK_GIB = 15


def check() -> None:
    """Returns if everything is there."""
    if problems := list(missing()):
        sys.exit("tests.node can't run here:\n" + "\n".join(f"- {each}" for each in problems))


def missing() -> Iterator[str]:
    """A line for each thing that isn't there."""
    if sys.platform != "linux":
        yield "this isn't Linux: use a virtual machine with Debian or Ubuntu"
        return
    if os.geteuid() != 0:
        yield "you aren't root: a kubelet needs mounts, networks, and cgroups (sudo)"
        return
    absent = [name for name in TOOLS if not shutil.which(name)]
    if "apt-get" in absent:
        yield "there is no apt-get, for containerd and the base image: use Debian or Ubuntu"
    if packages := sorted({TOOLS[name] for name in absent} - {""}):
        install = f"apt-get install --no-install-recommends {' '.join(packages)} uidmap"
        yield f"there is no {', '.join(absent)}: {install}"
    elif not _can_isolate():
        yield "namespaces can't be made: a container needs to be privileged for this"
    if not any((CGROUPS / name).exists() for name in ("memory", "cgroup.controllers")):
        yield f"there is no memory controller below {CGROUPS}: mount the cgroups"
    if _memory_gib() < MEMORY_GIB:
        yield f"less than {MEMORY_GIB} GiB of memory is free"
    if shutil.disk_usage(Path.home()).free < DISK_GIB << 30:
        yield f"less than {DISK_GIB} GiB of disk is free"


def _can_isolate() -> bool:
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _memory_gib() -> float:
    text = Path("/proc/meminfo").read_text()
    return int(text.partition("MemAvailable:")[2].split()[0]) / (1 << 20)
