"""Plays histories of watching loops by seed: those that CI always plays, or new ones.

`python -m tests.chaos.histories --count 1000` plays new ones on a control plane of its own, and
ends with 1 if one fails. README.md shows how to play a group again.
"""

import argparse
import secrets
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.rules import Fault
from tests.chaos.watched_group import Group, Played, Stage, Watches
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import connect

COUNT = 200
SEED = "podcm-sync"
"""The seed of the histories that CI plays."""
AT_ONCE = 6
PATTERN = (
    (Watches.ALL, 50),
    (Watches.SHARDS, 40),
    *[(Watches.NAMESPACES, 10)] * 11,
)
"""The groups of 200 histories. Those of the first two watch everything, so each is alone."""
COMMAND = "python -m tests.chaos.histories"


@dataclass
class Results:
    """What came of many groups."""

    played: list[Played] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """How many histories were played to their end."""
        return sum(played.count for played in self.played)

    def __str__(self) -> str:
        faults = Counter(fault for played in self.played for fault in played.faults)
        met = ", ".join(f"{fault} {faults[fault]}" for fault in Fault if faults[fault])
        return (
            f"{self.count} histories in {self.seconds:.0f} s, and {len(self.failures)} groups that "
            f"failed; {sum(played.deletions for played in self.played)} deletions; "
            f"{sum(played.awaited for played in self.played)} changes waited for a full run; "
            f"a group took {max((p.seconds for p in self.played), default=0.0):.0f} s at most; "
            f"met: {met}"
        )


def groups(seed: str, count: int) -> list[Group]:
    """The groups of so many histories, or a few more."""
    made: list[Group] = []
    while sum(group.size for group in made) < count:
        watches, size = PATTERN[len(made) % len(PATTERN)]
        made.append(Group(seed, len(made), size, watches))
    return made


def play(plane: ControlPlane, api: Api, folder: Path, chosen: Sequence[Group]) -> Results:
    """Play them; each that fails is a text of the results."""
    results = Results()

    def one(group: Group) -> None:
        try:
            results.played.append(Stage(plane, api, folder, group).play())
        except Exception as error:  # noqa: BLE001 - reported, with how to see it again
            is_claim = isinstance(error, AssertionError) and str(error)
            what = str(error) if is_claim else traceback.format_exc()
            command = f"{COMMAND} --seed {group.seed} --group {group.number}"
            results.failures.append(f"{command}\n{what}")
            print(command, what.partition("\n")[0], flush=True)

    began = time.monotonic()
    for group in chosen:
        if group.watches is not Watches.NAMESPACES:
            one(group)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, (each for each in chosen if each.watches is Watches.NAMESPACES)))
    results.seconds = time.monotonic() - began
    return results


def main() -> None:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Play histories of watching loops.")
    parser.add_argument("--count", type=int, default=COUNT, help="how many (default: %(default)s)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="default: a new one")
    parser.add_argument("--group", type=int, help="play only this group")
    options = parser.parse_args()
    chosen = groups(options.seed, options.count)
    if options.group is not None:
        chosen = [groups(options.seed, 50 * (options.group + 1))[options.group]]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        plane = stack.enter_context(ControlPlane.start(folder / "control-plane"))
        results = play(plane, connect(plane), folder, chosen)
    print(*results.failures, results, sep="\n\n")
    sys.exit(bool(results.failures))


if __name__ == "__main__":
    main()
