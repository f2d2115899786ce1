"""deploy/observability/: rules that promtool passes, and a dashboard that asks for what there is.

Each alert is told in docs/operations.md.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.metrics.table import METRICS, Type
from tests.observability.servers import Prometheus, promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "rules.yaml"
NAMES = {
    name
    for row in METRICS
    for name in (
        [f"{row.name}_{suffix}" for suffix in ("bucket", "count", "sum")]
        if row.type is Type.HISTOGRAM
        else [row.name]
    )
}


def alerts() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def queries() -> list[str]:
    """The dashboard's, as Grafana would send them."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    variables = {"$job": ".*", "$__rate_interval": "5m"}
    for name, value in variables.items():
        found = [each.replace(name, value) for each in found]
    assert not [each for each in found if "$" in each]
    return found


def test_promtool_passes_the_rules(programs: Path) -> None:
    said = promtool(programs, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert "7 rules found" in said


def test_promtool_passes_the_scrape_jobs(programs: Path, tmp_path: Path) -> None:
    """But for finding Pods, which Debian's promtool has not within it."""
    config = yaml.safe_load((FOLDER / "scrape.yaml").read_text(encoding="utf-8"))
    for job in config["scrape_configs"]:
        assert job["honor_labels"] is True
        job.pop("kubernetes_sd_configs", None)
    path = tmp_path / "prometheus.yml"
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    promtool(programs, "check", "config", str(path))


def test_the_rules_fire_once_for_each_failure_and_end_by_themselves(programs: Path) -> None:
    """Thirteen stories in rules_test.yaml: what fires, when, that it is alone, and that it ends."""
    said = promtool(programs, "test", "rules", str(FOLDER / "rules_test.yaml"))
    assert "SUCCESS" in said


def test_each_alert_has_a_story_that_fires_it() -> None:
    told = (FOLDER / "rules_test.yaml").read_text(encoding="utf-8")
    for alert in alerts():
        assert f'alertname="{alert["alert"]}"' in told


def test_each_alert_says_what_it_is_and_where_to_read_what_to_do() -> None:
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    _, _, troubleshooting = operations.partition("## Troubleshooting")
    for alert in alerts():
        name = alert["alert"]
        assert alert["annotations"].keys() == {"summary", "description", "runbook"}
        assert alert["annotations"]["runbook"] == f"docs/operations.md, Troubleshooting: {name}"
        assert f"`{name}`" in troubleshooting


@pytest.mark.parametrize("expression", [each["expr"] for each in alerts()] + queries())
def test_rules_and_dashboard_ask_only_for_metrics_that_there_are(expression: str) -> None:
    named = set(re.findall(r"podcm_sync_\w+", expression))
    assert named
    assert named <= NAMES


def test_prometheus_understands_every_query_of_the_dashboard(prometheus: Prometheus) -> None:
    for query in queries():
        prometheus.query(query)
