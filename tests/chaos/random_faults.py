"""Plays scenarios by seed: those that CI always plays, or new ones.

`python -m tests.chaos.random_faults --count 5000` plays new ones on a control plane of its own,
and ends with 1 if one fails. README.md shows how to play a single one again.
"""

import argparse
import secrets
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from podcm_sync.cluster.kube import retry
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault
from tests.chaos.scenario import Expectations, Played, Stage
from tests.chaos.world import World
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import connect, new_namespace

STAGES = 6
"""How many are played at once: most of a faulty run is waiting."""
MAX_FAILURES = 20
"""After so many no other scenario begins."""
COUNT = 1000
SEED = "podcm-sync"
"""The seed of the scenarios that CI plays after those that found something."""
SEEDS_FILE = Path(__file__).with_name("seeds.txt")
COMMAND = "python -m tests.chaos.random_faults"


@dataclass(frozen=True)
class Scenario:
    """A seed, and which of its scenarios."""

    seed: str
    number: int

    def __str__(self) -> str:
        return f"{COMMAND} --seed {self.seed} --scenario {self.number}"


@dataclass
class Results:
    """What came of many scenarios."""

    played: list[Played] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        codes = Counter(played.code for played in self.played)
        faults = Counter(fault for played in self.played for fault in played.faults)
        met = ", ".join(f"{fault} {faults[fault]}" for fault in Fault if faults[fault])
        count = len(self.played) + len(self.failures)
        return (
            f"{count} scenarios in {self.seconds:.0f} s, {len(self.failures)} failed; "
            f"exit codes {dict(sorted(codes.items()))}; met: {met}"
        )


def listed() -> list[Scenario]:
    """The scenarios that have found something, from their file."""
    lines = (line.split(maxsplit=2) for line in SEEDS_FILE.read_text(encoding="utf-8").splitlines())
    return [Scenario(words[0], int(words[1])) for words in lines if words and words[0] != "#"]


def fixed(count: int = COUNT) -> list[Scenario]:
    """The scenarios that CI always plays: those that found something, and others."""
    first = listed()[:count]
    return first + [Scenario(SEED, number) for number in range(count - len(first))]


def play(
    plane: ControlPlane,
    api: Api,
    folder: Path,
    scenarios: Sequence[Scenario],
    max_failures: int = MAX_FAILURES,
) -> Results:
    """Play them, some at once; each that fails is a text of the results."""
    twin = World.make(api, new_namespace(api))
    path = plane.kubeconfig(folder / "twin.kubeconfig", namespace=twin.namespace)
    expectations = Expectations(twin, path)
    results = Results()

    def play_on(stage: Stage, share: Sequence[Scenario]) -> None:
        for scenario in share:
            if len(results.failures) >= max_failures:
                return
            seed, number = scenario.seed, scenario.number
            try:
                results.played.append(stage.play(seed, number, number - STAGES))
            except Exception as error:  # noqa: BLE001 - reported, with how to see it again
                is_claim = isinstance(error, AssertionError)
                what = str(error) if is_claim else traceback.format_exc()
                results.failures.append(f"{scenario}\n{what}")
                stage.renew()

    began = time.monotonic()
    with ExitStack() as proxies:
        threads = []
        for share in _shares(scenarios):
            proxy = proxies.enter_context(Proxy(plane))
            stage = Stage(plane, api, proxy, expectations)
            threads.append(threading.Thread(target=play_on, args=(stage, share)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    results.seconds = time.monotonic() - began
    return results


def _shares(scenarios: Sequence[Scenario]) -> list[list[Scenario]]:
    """Each stage's scenarios: of one seed every sixth, since each begins where that one ends."""
    shares: list[list[Scenario]] = [[] for _ in range(STAGES)]
    for scenario in scenarios:
        shares[scenario.number % STAGES].append(scenario)
    return [share for share in shares if share]


def main() -> None:
    parser = argparse.ArgumentParser(prog=COMMAND, description="Play scenarios of random faults.")
    parser.add_argument("--count", type=int, default=COUNT, help="how many (default: %(default)s)")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="default: a new one")
    parser.add_argument("--scenario", type=int, help="play only this one")
    parser.add_argument("--fixed", action="store_true", help="play those that CI plays")
    parser.add_argument(
        "--failures",
        type=int,
        default=MAX_FAILURES,
        help="end after so many (default: %(default)s)",
    )
    options = parser.parse_args()
    scenarios = [Scenario(options.seed, number) for number in range(options.count)]
    if options.fixed:
        scenarios = fixed(options.count)
    if options.scenario is not None:
        scenarios = [Scenario(options.seed, options.scenario)]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(retry, "BACKOFF_SECONDS", 0.01)
        with ControlPlane.start(Path(folder) / "control-plane") as plane:
            results = play(plane, connect(plane), Path(folder), scenarios, options.failures)
    print(*results.failures, results, sep="\n\n")
    sys.exit(bool(results.failures))


if __name__ == "__main__":
    main()
