"""deploy/observability/: rules that promtool passes, and a dashboard that asks for what there is.

Each alert is told in docs/runbook.md.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.cli.option import parse_duration
from podcm_sync.metrics.table import METRICS, Type
from tests.controlplane import binaries
from tests.gobuild import built
from tests.observability.servers import Prometheus, promtool

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "observability"
RULES = FOLDER / "rules.yaml"
STORIES = sorted(FOLDER.glob("*_test.yaml"))
NAMES = {
    name
    for row in METRICS
    for name in (
        [f"{row.name}_{suffix}" for suffix in ("bucket", "count", "sum")]
        if row.type is Type.HISTOGRAM
        else [row.name]
    )
}


RECORDED = {"podcm_sync:scope_retired", "podcm_sync:watches_down"}


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    return list(group["rules"])


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def cron_jobs() -> list[dict[str, Any]]:
    """Those of deploy/."""
    documents = (
        document
        for path in sorted((ROOT / "deploy").glob("**/*cronjob*.yaml"))
        if "chart" not in path.parts  # templates, which no YAML parser reads
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8"))
    )
    found = [each for each in documents if each and each.get("kind") == "CronJob"]
    assert found
    return found


def expressions() -> list[str]:
    """The queries of the dashboard as they are written. A heading has none."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


def queries(**chosen: str) -> list[str]:
    """The dashboard's, as Grafana would send them; a variable is All, unless it is chosen."""
    found = expressions()
    everything = {"cluster": ".*", "job": ".*", "scope": ".*", "__rate_interval": "5m"}
    for name, value in (everything | chosen).items():
        found = [each.replace(f"${name}", value) for each in found]
    assert not [each for each in found if "$" in each]
    return found


def test_promtool_passes_the_rules(programs: Path) -> None:
    said = promtool(programs, "check", "rules", "--lint=all", "--lint-fatal", str(RULES))
    assert f"{len(rules())} rules found" in said


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
    """The stories: what fires, when, that it is alone, and that it ends."""
    said = promtool(programs, "test", "rules", *map(str, STORIES))
    assert said.count("SUCCESS") == len(STORIES) == 3


def test_each_alert_has_a_story_that_fires_it() -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in STORIES)
    for alert in alerts():
        assert f'alertname="{alert["alert"]}"' in told
        assert re.search(f"alertname: {alert['alert']}\n *exp_alerts:\n", told)


def test_each_alert_has_a_heading_in_the_runbook_and_its_url_leads_there() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    headings = re.findall(r"(?m)^## (\S+)$", runbook)
    assert headings == [alert["alert"] for alert in alerts()]
    for alert in alerts():
        assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
        base, _, anchor = alert["annotations"]["runbook_url"].partition("#")
        assert base.endswith("/docs/runbook.md")
        assert anchor == alert["alert"].lower()


def test_the_alerts_judge_each_cluster_and_scope_apart() -> None:
    """An aggregation that leaves one of them out hides a failure behind what is well."""
    shards = r"(max|count) by \(cluster, job\) \("
    for rule in rules():
        by = re.findall(r"by \(([^)]*)\)", re.sub(shards, "", rule["expr"]))
        assert by or rule["record"]
        assert all(labels.startswith("cluster, job, scope") for labels in by), rule


def test_reasons_that_a_team_can_fix_are_reasons_and_block() -> None:
    """All others are the platform's, so that a new reason has an alert."""
    (expression,) = [x["expr"] for x in alerts() if x["alert"] == "PodcmSyncFailuresPersist"]
    (names,) = re.findall(r'reason!~"([^"]*)"', expression)
    for name in names.split("|"):
        assert class_of(Reason(name)) is ReasonClass.BLOCKING


@pytest.mark.parametrize("expression", [each["expr"] for each in rules()] + queries())
def test_rules_and_dashboard_ask_only_for_metrics_that_there_are(expression: str) -> None:
    named = set(re.findall(r"podcm_sync[_:]\w+", expression))
    assert named
    assert named <= NAMES | RECORDED


def test_prometheus_understands_every_query_of_the_dashboard(prometheus: Prometheus) -> None:
    for query in queries():
        prometheus.query(query)


def judged(dashboard: str) -> str:
    """What is wrong with a dashboard by Grafana's own types; "" if nothing is."""
    program = built("dashboard-judge", Path(__file__).parent / "dashboard", binaries.go())
    done = subprocess.run([program], input=dashboard, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (done.stdout == ""), done.stderr
    return done.stdout


def test_the_dashboard_is_one_by_grafanas_types() -> None:
    """Fields, types, and bounds; of the words of an enumeration they know nothing."""
    assert judged((FOLDER / "dashboard.json").read_text(encoding="utf-8")) == ""


@pytest.mark.parametrize(
    ("word", "other"),
    [
        ('"schemaVersion"', '"schemaversion"'),
        ('"gridPos"', '"grid"'),
        ('"type": "timeseries"', '"type": "graph-of-mine"'),
        ('"colorMode": "background"', '"colourMode": "background"'),
        ('"expr"', '"query"'),
        ('"refresh": 2', '"refresh": "often"'),
        ('"w": 12', '"w": 30'),
        ('"collapsed": false', '"collapsed": "no"'),
    ],
)
def test_grafanas_types_refuse_a_slip(word: str, other: str) -> None:
    text = (FOLDER / "dashboard.json").read_text(encoding="utf-8")
    assert word in text
    assert judged(text.replace(word, other)) != ""


def test_the_dashboard_can_show_one_cluster_and_one_scope() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    names = [variable["name"] for variable in dashboard["templating"]["list"]]
    assert names == ["datasource", "cluster", "job", "scope"]
    for expression in expressions():
        selectors = re.findall(r"podcm_sync_\w+({[^}]*})?", expression)
        chosen = '{cluster=~"$cluster", job=~"$job", scope=~"$scope"'
        assert all(selector.startswith(chosen) for selector in selectors), expression


@pytest.mark.parametrize("job", cron_jobs(), ids=lambda job: job["metadata"]["name"])
def test_a_shipped_cron_job_ends_by_its_own_deadline_and_the_alert_knows_of_it(
    job: dict[str, Any],
) -> None:
    """Killed by the Job, a run would report no duration that PodcmSyncNearDeadline could see."""
    spec = job["spec"]["jobTemplate"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    deadline = container["args"][container["args"].index("--deadline") + 1]
    assert int(deadline.removesuffix("s")) < spec["activeDeadlineSeconds"] == 240
    (expression,) = [x["expr"] for x in alerts() if x["alert"] == "PodcmSyncNearDeadline"]
    assert "podcm_sync_run_deadline_seconds + 240" in expression


@pytest.mark.parametrize("name", ["PodcmSyncNoSuccess", "PodcmSyncNotRunning"])
def test_one_missed_run_of_the_shipped_loop_is_no_alert(name: str) -> None:
    """It lists every ten minutes. rules_test.yaml has the story."""
    path = ROOT / "deploy" / "kustomize" / "deployment" / "deployment.yaml"
    documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    (loop,) = [each for each in documents if each["kind"] == "Deployment"]
    (container,) = loop["spec"]["template"]["spec"]["containers"]
    interval = container["args"][container["args"].index("--interval") + 1]
    assert parse_duration(interval) == 600
    (expression,) = [alert["expr"] for alert in alerts() if alert["alert"] == name]
    assert re.findall(r"timestamp_seconds\)? > (\d+)", expression) == [str(2 * 600)]


def test_no_two_panels_overlap() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
