"""Planning alone, in CPU seconds: `python -m tests.benchmarks.planning`. No cluster, no network.

10,000 Pods of one namespace, each selected by one config, with 1 config and with 1,000; all is in
step. The second is beside the loop over all pairs that it stands for.
"""

import statistics
import time
from collections.abc import Callable

from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.plan import diff
from podcm_sync.reconcile.report import predicted
from podcm_sync.reconcile.selector import compile_selector
from podcm_sync.reconcile.snapshot import Snapshot
from podcm_sync.reconcile.status import predicted_conditions
from tests.speed.worlds import config, existing, pod, snapshot

PODS = 10_000
ROUNDS = 5


def main() -> None:
    """Measure and print."""
    few, many, by_in = world(1), world(1_000), world(1_000, "In")
    works: dict[str, Callable[[], object]] = {
        "1 config": lambda: plan(few),
        "1,000 configs, matchLabels": lambda: plan(many),
        "1,000 configs, matchExpressions": lambda: plan(by_in),
        "the loop over all pairs alone, matchLabels": lambda: all_pairs(many),
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            started = time.process_time()
            work()
            times[name].append(time.process_time() - started)
    for name, each in times.items():
        print(f"| {name} | {statistics.median(each):.2f} |")


def world(configs: int, operator: str = "") -> Snapshot:
    """So many configs, each with its share of the Pods, and every ConfigMap in step."""
    pods = [
        pod(number, {"app": f"app-{number % 40}", "config": f"c{number % configs}", "tier": "a"})
        for number in range(PODS)
    ]
    asking = [config(number, {"config": f"c{number}"}, operator) for number in range(configs)]
    made = build(snapshot(pods, asking)).config_maps
    return snapshot(pods, asking, [existing(each) for each in made.values()])


def plan(seen: Snapshot) -> None:
    """From the lists to the statuses."""
    desired = build(seen)
    outcomes = predicted(diff(seen, desired, {}))
    assert len(outcomes) == PODS
    predicted_conditions(seen, desired, outcomes, "2026-01-01T00:00:00Z")


def all_pairs(seen: Snapshot) -> int:
    """Each Pod held against each config."""
    matchers = [compile_selector(each.spec.pod_selector) for each in seen.configs if each.spec]
    return sum(matches(each.labels) for matches in matchers for each in seen.pods)


if __name__ == "__main__":
    main()
