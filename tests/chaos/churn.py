"""Constant churn before a watching loop, to see that it stays small and never wrong.

`python -m tests.chaos.churn --minutes 60` runs `--loop --watch -A` on a control plane of its own,
with watches that are cut now and then. Each minute it prints the memory, open descriptors, and
threads of the process. It ends with 1 if they grow, if a full run finds that the watches missed
something, or if the namespaces are not in sync in the end.
"""

import argparse
import os
import re
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import urllib3

from podcm_sync.reconcile.changes import Result
from tests.chaos.proxy import Proxy
from tests.chaos.running import run_once
from tests.chaos.users import Users
from tests.chaos.world import Intent, World
from tests.command import started, until
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import connect, new_namespace

NAMESPACES: Final = 6
INTERVAL: Final = "2m"
LONGEST_PAUSE: Final = 0.8
"""Seconds between two things that the users of a namespace do."""
CUT_SECONDS: Final = 45.0
WARM_MINUTES: Final = 3
"""By then, the process has seen all that there is."""
MEMORY_GROWTH: Final = 1.1
MOST_MORE: Final = 6
"""More descriptors or threads than in the first minutes: connections come and go."""
_VALUE: Final = r"\{[^}]*\} ([\d.e+]+)"
_MISSED: Final = "podcm_sync_watch_divergence_total"
_RESTARTS: Final = "podcm_sync_watch_restarts_total"
_REACTIONS: Final = "podcm_sync_watch_reaction_seconds_count"


@dataclass(frozen=True)
class Sample:
    """The process at one time."""

    kilobytes: int
    descriptors: int
    threads: int
    cpu_seconds: float
    reactions: int
    restarts: int
    missed: int

    def __str__(self) -> str:
        return (
            f"{self.kilobytes / 1024:.1f} MiB, {self.descriptors} descriptors, "
            f"{self.threads} threads, {self.cpu_seconds:.0f} s of CPU, "
            f"{self.reactions} writes after events, {self.restarts} restarts of watches, "
            f"{self.missed} divergences"
        )


def sample(process: int, url: str) -> Sample:
    """Measure it, and read its metrics."""
    folder = Path(f"/proc/{process}")
    status = dict(
        line.split(":", 1) for line in (folder / "status").read_text("utf-8").splitlines()
    )
    times = (folder / "stat").read_text("utf-8").rpartition(") ")[2].split()[11:13]
    metrics = urllib3.request("GET", f"{url}/metrics", timeout=10.0).data.decode()

    def total(name: str) -> int:
        return round(sum(map(float, re.findall(name + _VALUE, metrics))))

    return Sample(
        kilobytes=int(status["VmRSS"].split()[0]),
        descriptors=len(list((folder / "fd").iterdir())),
        threads=int(status["Threads"]),
        cpu_seconds=sum(map(int, times)) / os.sysconf("SC_CLK_TCK"),
        reactions=total(_REACTIONS),
        restarts=total(_RESTARTS),
        missed=total(_MISSED),
    )


def grown(samples: Sequence[Sample]) -> list[str]:
    """What is more in the last third than in the first, after the process was warm."""
    warm = samples[WARM_MINUTES:]
    third = max(1, len(warm) // 3)
    first, last = warm[:third], warm[-third:]
    found = []
    one, other = (max(each.kilobytes for each in part) for part in (first, last))
    if other > one * MEMORY_GROWTH:
        found.append(f"memory grew from {one} to {other} KiB")
    for name in ("descriptors", "threads"):
        one, other = (max(getattr(each, name) for each in part) for part in (first, last))
        if other > one + MOST_MORE:
            found.append(f"{name} grew from {one} to {other}")
    return found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def churn(minutes: int, seed: str) -> list[str]:
    """Churn for so long; what is wrong."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plane = stack.enter_context(ControlPlane.start(folder / "control-plane"))
        api = connect(plane)
        everybody = []
        for number in range(NAMESPACES):
            rng = Random(f"{seed}/{number}")  # noqa: S311 - not a secret
            world = World.make(api, new_namespace(api))
            world.ask(Intent.random(rng))
            everybody.append(Users(world, rng))
        proxy = stack.enter_context(Proxy(plane))
        kubeconfig = plane.kubeconfig(folder / "kubeconfig", server=proxy.url)
        address = f"127.0.0.1:{_free_port()}"
        options = ("--loop", "--watch", "-A", "--interval", INTERVAL, "--listen", address)
        running = stack.enter_context(started(kubeconfig, *options))
        until(lambda: "open" in running.stderr or proxy.requests, "it begins")
        is_over = threading.Event()

        def act(users: Users) -> None:
            while not is_over.is_set():
                users.act(1, LONGEST_PAUSE)
                users.did.clear()

        def cut() -> None:
            while not is_over.wait(CUT_SECONDS):
                proxy.cut_streams()
                # The log of an hour would fill the disk, and the proxy's record the memory.
                os.truncate(plane.audit_log, 0)
                proxy.requests.clear()

        jobs = [threading.Thread(target=act, args=(users,)) for users in everybody]
        jobs.append(threading.Thread(target=cut))
        for job in jobs:
            job.start()
        samples: list[Sample] = []
        try:
            for minute in range(1, minutes + 1):
                time.sleep(60)
                if running.process.poll() is not None:
                    return [f"the loop ended: {running.stderr[-2000:]}"]
                samples.append(sample(running.process.pid, f"http://{address}"))
                print(f"minute {minute}: {samples[-1]}", flush=True)
        finally:
            is_over.set()
            for job in jobs:
                job.join()
        wrong = grown(samples)
        missed = [line for line in running.stderr.splitlines() if "the watch missed" in line]
        wrong += [f"{samples[-1].missed} divergences", *missed] if samples[-1].missed else []
        names = tuple(users.world.namespace for users in everybody)
        admin = plane.kubeconfig(folder / "admin")
        # Two intervals, so that what waits for a full run has had one.
        until(lambda: _is_in_sync(admin, names), "all namespaces are in sync", 300.0)
        return wrong


def _is_in_sync(kubeconfig: Path, namespaces: tuple[str, ...]) -> bool:
    time.sleep(2.0)
    report = run_once(kubeconfig, namespaces=namespaces, is_dry_run=True).report
    assert report is not None
    writes = {Result.CREATED, Result.UPDATED, Result.DELETED}
    return not any(outcome.result in writes for outcome in report.outcomes)


def main() -> None:
    parser = argparse.ArgumentParser(description="Churn before a watching loop.")
    parser.add_argument("--minutes", type=int, default=60, help="default: %(default)s")
    parser.add_argument("--seed", default="podcm-sync", help="of what users do")
    options = parser.parse_args()
    wrong = churn(options.minutes, options.seed)
    print(*wrong, sep="\n")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
