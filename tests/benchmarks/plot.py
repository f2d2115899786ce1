"""Draws a JSON file of `large`: `python -m tests.benchmarks.plot FIGURES.json PLOT.png`.

Each promised ratio as a bar, beside the line that it must not cross. Needs matplotlib, which
nothing else here does; without it, it says so.
"""

import json
import sys
from pathlib import Path

from tests.benchmarks.ratios import RATIOS


def main() -> None:
    """Draw."""
    source, target = map(Path, sys.argv[1:])
    try:
        import matplotlib as mpl
    except ImportError:
        sys.exit("matplotlib is not installed: pip install matplotlib")
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    found = json.loads(source.read_text(encoding="utf-8"))
    # A share of what is allowed, so that all of them have one scale: 1 is the promise itself.
    shares = {}
    for each in RATIOS:
        measured = each.median(found["figures"], found["pods"])
        shares[each.name] = measured / each.target if each.is_most else each.target / measured
    figure, axes = plt.subplots(figsize=(9, 0.5 * len(shares) + 1))
    colours = ["tab:green" if share <= 1 else "tab:red" for share in shares.values()]
    axes.barh(list(shares), list(shares.values()), color=colours)
    axes.axvline(1, color="black")
    axes.invert_yaxis()
    axes.set_xlabel(f"share of what is promised, {found['pods']} Pods (less is better, 1 is met)")
    figure.savefig(target, bbox_inches="tight")


if __name__ == "__main__":
    main()
