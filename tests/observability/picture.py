"""Draws the dashboard of a real loop: `python -m tests.observability.picture PICTURE.png`.

A control plane, a loop that leads, a shard, and Prometheus run for two minutes, in which Pods come
and go and configs break and heal. Each panel is drawn from the answer to its own queries. Needs
matplotlib, which nothing else here does; without it, it says so.
"""

import json
import sys
import tempfile
import time
import urllib.parse
from pathlib import Path
from typing import Any

from tests.controlplane import binaries as kubernetes
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import CRD, new_namespace
from tests.controlplane.sync_objects import INVALID, VALID_AGAIN, change_config, make_config
from tests.observability.binaries import find_or_fetch
from tests.observability.running import looping
from tests.observability.servers import Prometheus, fetch
from tests.observability.test_rules import FOLDER

SECONDS = 120
STEP = 2
WINDOW = "20s"
LEADS = ("--leader-elect", "--tolerate-object-failures", "--deadline", "10s", "--max-prune", "2")
SHARD = ("-A", "--shard", "0/1000", "--policy", "upsert-only")
Panel = dict[str, Any]
Lines = list[tuple[str, list[float], list[float]]]


def main() -> None:
    """Run the world, and draw."""
    try:
        import matplotlib as mpl
    except ImportError:
        sys.exit("matplotlib is not installed: pip install matplotlib")
    mpl.use("Agg")
    target = Path(sys.argv[1])
    kubernetes.find_or_build()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with (
            ControlPlane.start(path / "plane") as plane,
            Prometheus(find_or_fetch(), path) as prometheus,
        ):
            api = Api(plane.server, plane.ca_file, plane.admin_token)
            api.apply_crd(CRD)
            namespaces = [new_namespace(api) for _ in range(3)]
            scopes = [word for name in namespaces for word in ("-n", name)]
            kubeconfig = plane.kubeconfig(path / "kubeconfig", namespace=namespaces[0])
            with (
                looping(kubeconfig, *scopes, *LEADS, interval="1s") as leader,
                looping(kubeconfig, *SHARD, interval="3s") as shard,
            ):
                prometheus.scrape(leader.url, shard.url)
                began = time.time()
                live(api, namespaces)
                draw(prometheus, began, target)


def live(api: Api, namespaces: list[str]) -> None:
    """Two minutes in the life of a cluster."""
    shop, bank, till = namespaces
    for name in namespaces:
        make_config(api, name)
    make_config(api, till, "asleep", {"suspend": True})
    until = time.time() + SECONDS
    for number in range(SECONDS // 3):
        api.make_pod(namespaces[number % 2], f"web-{number}", labels={"app": "web"})
        match number:
            case 8:
                change_config(api, bank, INVALID)
            case 16:
                change_config(api, bank, VALID_AGAIN)
            case 24:
                change_config(api, shop, {"podSelector": {"matchLabels": {"app": "none"}}})
        time.sleep(max(0.0, until - SECONDS + 3 * (number + 1) - time.time()))


def draw(prometheus: Prometheus, began: float, target: Path) -> None:
    """Every panel at its own place, as Grafana's grid has it."""
    import matplotlib.pyplot as plt

    panels: list[Panel] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plt.figure(figsize=(24, rows * 0.75))
    grid = figure.add_gridspec(rows, 24, hspace=1.5, wspace=3)
    for panel in panels:
        if panel["type"] == "row":
            continue
        at = panel["gridPos"]
        axes = figure.add_subplot(grid[at["y"] : at["y"] + at["h"], at["x"] : at["x"] + at["w"]])
        axes.set_title(panel["title"], loc="left", fontsize=11)
        lines = [line for query in panel["targets"] for line in answered(prometheus, query, began)]
        if panel["type"] == "timeseries":
            for label, times, values in lines:
                axes.plot([at - began for at in times], values, label=label)
            axes.set_ylim(bottom=0)
            axes.legend(fontsize=7, loc="upper left")
        else:
            axes.axis("off")
            shown = "\n".join(f"{values[-1]:g}  {label}" for label, _, values in lines[:8])
            axes.text(0, 0.95, shown or "No data", va="top", fontsize=10)
    figure.savefig(target, bbox_inches="tight", dpi=70)


def answered(prometheus: Prometheus, query: Panel, began: float) -> Lines:
    """What a query of the dashboard gives over the time of the world, with its legend."""
    expression = query["expr"].replace("$__rate_interval", WINDOW)
    for name in ("$cluster", "$job", "$scope"):
        expression = expression.replace(name, ".*")
    start = time.time() if query.get("instant") else began
    words = urllib.parse.urlencode(
        {"query": expression, "start": start, "end": time.time(), "step": STEP}
    )
    answer = json.loads(fetch(f"{prometheus.url}/api/v1/query_range?{words}")[1])
    lines: Lines = []
    for series in answer["data"]["result"]:
        label = query["legendFormat"] or ", ".join(series["metric"].values())
        for name in ("cluster", "job", "scope", "namespace", "lease", "version", "kind", "reason"):
            label = label.replace(f"{{{{{name}}}}}", series["metric"].get(name, ""))
        for name in ("result", "verb", "code", "resource"):
            label = label.replace(f"{{{{{name}}}}}", series["metric"].get(name, ""))
        times, values = zip(*series["values"], strict=True)
        lines.append((label, list(times), [float(value) for value in values]))
    return lines


if __name__ == "__main__":
    main()
