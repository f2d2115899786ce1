"""The judge of deletions tells one that was allowed from one that never was."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.builders import NAMESPACE, config_map, manifest, pcmc, pod
from tests.chaos.rules import Observed
from tests.chaos.timeline import Timeline, known_since

POD = manifest(pod(labels={"app": "web"}))
OTHER = manifest(pod(labels={"app": "db"}))
CONFIG = manifest(pcmc(match_labels={"app": "web"}))
CONFIG_MAP = manifest(config_map())


def entry(verb: str, obj: dict[str, Any], second: int, agent: str = "users") -> str:
    """A line of the audit log."""
    metadata, plural = obj["metadata"], f"{obj['kind'].lower()}s"
    status = {"kind": "Status", "details": {"uid": metadata["uid"]}}
    at = f"2026-11-26T20:00:{second:02}.000000Z"
    line = {
        "kind": "Event",
        "level": "RequestResponse",
        "stage": "ResponseComplete",
        "verb": verb,
        "userAgent": agent,
        "requestURI": "/",
        "objectRef": {"resource": plural, "namespace": NAMESPACE, "name": metadata["name"]},
        "responseStatus": {"code": 200},
        "responseObject": status if verb == "delete" else obj,
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
    }
    return json.dumps(line, separators=(",", ":"))


def wrong(folder: Path, since: float, *later: str) -> list[str]:
    """What is wrong with a deletion at 40 s, after these lines."""
    log = folder / "audit.jsonl"
    made = [entry("create", each, 1) for each in (POD, CONFIG, CONFIG_MAP)]
    lines = [*made, *later, entry("delete", CONFIG_MAP, 40, "podcm-sync/1")]
    log.write_text("".join(f"{line}\n" for line in lines))
    timeline = Timeline(log, 0, {NAMESPACE})
    return timeline.wrong(lambda write, _: write.received - since)


def test_what_was_wanted_all_the_time_is_wrong(tmp_path: Path) -> None:
    (found,) = wrong(tmp_path, 30.0)
    assert "config web desires it" in found


def test_what_nothing_wants_any_more_is_right(tmp_path: Path) -> None:
    assert wrong(tmp_path, 1.0, entry("delete", CONFIG, 30)) == []
    assert wrong(tmp_path, 1.0, entry("patch", OTHER, 30)) == []


@pytest.mark.parametrize(("since", "is_wrong"), [(20.0, False), (8.0, True)])
def test_what_was_not_wanted_for_a_while_is_right_if_that_can_be_all_that_was_known(
    tmp_path: Path, since: float, is_wrong: bool
) -> None:
    lines = entry("patch", OTHER, 25), entry("patch", POD, 30)
    assert bool(wrong(tmp_path, since, *lines)) == is_wrong


def test_a_pass_knows_what_it_looked_at(tmp_path: Path) -> None:
    """By the proxy's record."""
    wrong(tmp_path, 0.0)
    write = Timeline(tmp_path / "audit.jsonl", 0, {NAMESPACE}).deletions()[0]
    at = write.received - (time.time() - time.monotonic())
    look = Observed("GET", f"/api/v1/namespaces/{NAMESPACE}/pods/web-0", {}, b"")
    look.began, look.ended = at - 0.2, at - 0.1
    for kind in ("Pod", "PodConfigMapConfig"):
        since = known_since([look])(write, kind)
        assert since == pytest.approx(write.received - 0.2, abs=0.1)
