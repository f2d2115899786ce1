"""10,000 Pods on a real API server: `python -m tests.benchmarks.large [--pods N] [--json FILE]`.

Each of our works stands beside the peer's (client-go) and the raw download of the same bytes, in
turns in the same run; what is printed is medians, of seconds and of ratios. Seconds are this
machine's mood, ratios are the result. Nothing is asserted but that the work was done.
"""

import argparse
import json
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.ratios import RATIOS, Figures, table
from tests.benchmarks.world import World, running
from tests.controlplane.api import path_of

NOTHING = {
    "matchExpressions": [{"key": "benchmarks.podconfig.example.com/none", "operator": "Exists"}]
}
CHURN = 0.01
REST_SECONDS = 4.0


class Series:
    """What was measured, by name."""

    def __init__(self, world: World, pods: int) -> None:
        self.world = world
        self.pods = pods
        self.figures: Figures = defaultdict(list)

    def ours(self, *works: str, prefix: str = "", **expected: int) -> None:
        """Do these works in one process of ours."""
        for measured in self.world.worker(1, *works):
            name = f"{prefix}{measured['work']}"
            self.figures[name].append(measured["seconds"])
            self.figures[f"{name} cpu"].append(measured["cpu"])
            self.figures[f"{name} peak MiB"].append(measured["peak_mib"])
            if "bytes" in measured:
                self.figures[f"{name} bytes"].append(measured["bytes"])
            if measured["work"] == "sync":
                found = {key: measured[key] for key in expected}
                assert (measured["code"], found) == (0, expected), measured

    def first_sync(self) -> None:
        """Create all ConfigMaps."""
        self.ours("sync", prefix="first ", created=self.pods)

    def mass_delete(self) -> None:
        """Delete all ConfigMaps."""
        self.ours("sync", prefix="delete ", deleted=self.pods)

    def in_turns(self, ours: Callable[[], None], theirs: str, *, is_ours_first: bool) -> None:
        """Our work and the peer's, each after a rest."""
        for is_ours in (is_ours_first, not is_ours_first):
            time.sleep(REST_SECONDS)
            if is_ours:
                ours()
            else:
                self.peer(theirs)

    def peer(self, work: str) -> None:
        """Do this work in the peer."""
        found = self.world.peer(work)
        assert (found["failed"], found["items"]) == (0, self.pods), found
        self.figures[f"peer {work}"].append(found["seconds"])


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--writes", type=int, default=2, help="rounds of first sync and delete")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running(Path(name), chosen.pods) as world:
        series = Series(world, chosen.pods)
        lists(series, chosen.rounds)
        writes(series, chosen.writes)
        no_ops(series, chosen.rounds)
        churn(series, chosen.writes)
    print(table(series.figures, chosen.pods))
    if chosen.json:
        chosen.json.write_text(as_json(chosen.pods, series.figures), encoding="utf-8")


def lists(series: Series, rounds: int) -> None:
    """Raw download, our list, the peer's, in turns."""
    for _ in range(rounds):
        series.world.touch()
        series.ours("download-pods", "list-pods", "list-pods-apart")
        series.peer("list")


def writes(series: Series, rounds: int) -> None:
    """First sync beside the peer's creates, mass delete beside the peer's; then a first sync.

    Each goes first as often as the other, and waits until the controllers have done with what was
    written before: they watch all of it, on the same cores.
    """
    for number in range(rounds):
        is_ours_first = number % 2 == 0
        series.world.select(None)
        series.in_turns(series.first_sync, "create", is_ours_first=is_ours_first)
        series.world.select(NOTHING)
        series.in_turns(series.mass_delete, "delete", is_ours_first=is_ours_first)
    series.world.select(None)
    time.sleep(REST_SECONDS)
    series.first_sync()


def no_ops(series: Series, rounds: int) -> None:
    """The raw download of both lists, and a run that finds all in step and writes nothing."""
    for _ in range(rounds):
        series.world.touch()
        series.ours("download-both")
        nothing = dict.fromkeys(("created", "updated", "deleted", "stamped"), 0)
        series.ours("sync", prefix="no-op ", unchanged=series.pods, **nothing)


def churn(series: Series, rounds: int) -> None:
    """One in a hundred Pods has another label value, which its ConfigMap includes."""
    count = max(1, int(series.pods * CHURN))
    query = {"limit": str(count)}
    for _ in range(rounds):
        pods = series.world.api.request("GET", path_of("Pod", None), query=query)[1]["items"]
        series.world.relabel(pods, "app")
        series.ours("sync", prefix="churn ", updated=count, created=0, deleted=0)


def as_json(pods: int, figures: Figures) -> str:
    """All figures, and the ratios."""
    ratios = {each.name: each.median(figures, pods) for each in RATIOS}
    return json.dumps({"pods": pods, "figures": figures, "ratios": ratios}, indent=1)


if __name__ == "__main__":
    main()
