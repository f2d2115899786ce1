"""What the project promises of its speed: medians of ratios, each of two works of one round.

The machine's mood changes from round to round, less within one; so no ratio is of two medians.
"""

import contextlib
import statistics
from collections.abc import Callable
from dataclasses import dataclass

Figures = dict[str, list[float]]

GO_CONTROLLER_PER_SECOND = 300 / 182.0
"""The original controller's 300 ConfigMaps in 182 s, measured once when this project began, on the
same kind of machine: client-go's default of 5 requests a second. Not measured here anew."""


@dataclass(frozen=True)
class Ratio:
    """One line of the table. `of` takes the figures of one round and the number of Pods."""

    name: str
    of: Callable[[dict[str, float], int], float]
    target: float
    is_most: bool = True

    def median(self, figures: Figures, pods: int) -> float:
        """The median over all rounds in which all that it needs was measured."""
        found = []
        for number in range(max(map(len, figures.values()))):
            one = {name: each[number] for name, each in figures.items() if number < len(each)}
            with contextlib.suppress(KeyError):
                found.append(self.of(one, pods))
        return statistics.median(found)

    def line(self, figures: Figures, pods: int) -> str:
        """The line, with the target beside the figure."""
        found = self.median(figures, pods)
        is_met = found <= self.target if self.is_most else found >= self.target
        limit = f"{'at most' if self.is_most else 'at least'} {self.target:g}"
        return f"| {self.name} | {found:.2f} | {limit} | {'met' if is_met else 'NOT met'} |"


RATIOS = (
    Ratio(
        "list, one page after the other ÷ raw download",
        lambda m, _: m["list-pods"] / m["download-pods"],
        1.35,
    ),
    Ratio(
        "list as a run does it, 4 at once ÷ raw download",
        lambda m, _: m["list-pods-apart"] / m["download-pods"],
        1.35,
    ),
    Ratio(
        "list, one page after the other ÷ peer's typed list",
        lambda m, _: m["list-pods"] / m["peer list"],
        0.6,
    ),
    Ratio(
        "list as a run does it ÷ peer's typed list",
        lambda m, _: m["list-pods-apart"] / m["peer list"],
        0.6,
    ),
    Ratio(
        "no-op run ÷ raw download of both lists",
        lambda m, _: m["no-op sync"] / m["download-both"],
        1.6,
    ),
    Ratio("no-op run, peak MiB", lambda m, _: m["no-op sync peak MiB"], 170),
    Ratio(
        "first sync, creates a second ÷ peer's",
        lambda m, _: m["peer create"] / m["first sync"],
        0.85,
        is_most=False,
    ),
    Ratio(
        "first sync ÷ the original controller's rate",
        lambda m, n: n / m["first sync"] / GO_CONTROLLER_PER_SECOND,
        300,
        is_most=False,
    ),
)


def table(figures: Figures, pods: int) -> str:
    """Two tables: the medians as they were measured, and the ratios."""
    medians = {name: statistics.median(each) for name, each in figures.items()}
    lines = [
        f"{pods} Pods, medians:",
        "",
        "| work | seconds | client CPU s | peak MiB |",
        "|---|---|---|---|",
    ]
    for name, seconds in medians.items():
        if f"{name} cpu" in medians:
            cpu, peak = medians[f"{name} cpu"], medians[f"{name} peak MiB"]
            lines.append(f"| {name} | {seconds:.2f} | {cpu:.2f} | {peak:.0f} |")
        elif name.startswith("peer"):
            lines.append(f"| {name} | {seconds:.2f} | | |")
    lines += ["", "| ratio | measured | target | |", "|---|---|---|---|"]
    return "\n".join([*lines, *(each.line(figures, pods) for each in RATIOS)])
