"""The plan file: where it can be written, its content, and refusals (tests/laws has the rest)."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from podcm_sync.cluster.interfaces import Origin
from podcm_sync.errors import InputError, OutputError, PlanMismatchError
from podcm_sync.plans import plan_file
from podcm_sync.plans.plan_file import SavedPlan
from podcm_sync.reconcile.report import exit_code
from podcm_sync.sync import Policy, run
from tests.builders import NOW, config_map, pcmc, pod, problem
from tests.fakes import FakeCluster
from tests.laws.worlds import EVERYWHERE

HERE = Origin(server="https://one:6443", certificate="sha256:aa")


@pytest.fixture
def plan() -> SavedPlan:
    """One ConfigMap to create, and one in sync."""
    cluster = FakeCluster(pod(), pod("web-1"), pcmc(), config_map())
    report = run(EVERYWHERE, cluster, None, Policy(), now=NOW)
    return SavedPlan(
        created=NOW, origin=HERE, run_id="1", exit_code=exit_code(report), report=report
    )


def test_it_says_what_it_was_made_from_in_its_first_line_and_has_a_change_a_line(
    plan: SavedPlan, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    plan_file.write(path, plan)
    head, unchanged, created, _, end = path.read_text().splitlines()
    fields = json.loads(head + "]}")
    assert (fields["version"], fields["created"]) == ("podcm-sync/plan/v2", NOW)
    assert fields["tool"].startswith("podcm-sync ")
    assert fields["origin"]["server"] == "https://one:6443"
    assert fields["report"]["scope"]["namespaces"] is None
    assert fields["digest"] == plan.report.digest
    assert json.loads(unchanged.removesuffix(","))["change"]["existing"] is None
    assert json.loads(created)["change"]["desired"]["pod_name"] == "web-1"
    assert end.startswith('"checksum":"sha256:')
    json.loads(path.read_text())


def test_it_replaces_an_older_one_whole(plan: SavedPlan, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text("old" * 10_000)
    path.chmod(0o644)
    plan_file.write(path, plan)
    assert plan_file.load(path).created == NOW
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_written_leaves_nothing_behind(plan: SavedPlan, tmp_path: Path) -> None:
    folder = tmp_path / "plan.json"
    folder.mkdir()
    with pytest.raises(OutputError, match=r"plan\.json: cannot be written: Is a directory"):
        plan_file.write(folder, plan)
    with pytest.raises(OutputError, match="No such file"):
        plan_file.write(tmp_path / "none" / "plan.json", plan)
    assert [file.name for file in tmp_path.iterdir()] == ["plan.json"]


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("folder", "is a directory"),
        ("none/plan.json", "the directory .* doesn't exist"),
        ("file/plan.json", "the directory .* doesn't exist"),
        ("/dev/null", "isn't a regular file"),
        ("x" * 300, "cannot be written: File name too long"),
    ],
)
def test_a_place_that_cannot_hold_it_is_said_beforehand(
    place: str, why: str, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=why):
        plan_file.check_target(tmp_path / place)
    plan_file.check_target(tmp_path / "file")
    plan_file.check_target(tmp_path / "new")


def test_a_forger_who_mends_the_checksum_must_mend_the_digest_too(
    plan: SavedPlan, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    plan_file.write(path, plan)
    body, _, _ = path.read_text().partition('"checksum"')
    forged = body.replace('"nodeName":"node-a"', '"nodeName":"node-b"')
    assert forged != body
    checksum = hashlib.sha256(forged.encode()).hexdigest()
    path.write_text(f'{forged}"checksum":"sha256:{checksum}"}}\n')
    with pytest.raises(InputError, match="the digest doesn't match the changes"):
        plan_file.load(path)


@pytest.mark.parametrize(
    "forged",
    [
        {"expected_digest": "sha256:\x1b[31m"},
        {"problems": (problem("<b>@everyone</b>"),)},
    ],
)
def test_a_forger_cannot_speak_in_our_own_words(
    plan: SavedPlan, tmp_path: Path, forged: dict[str, Any]
) -> None:
    """Terminals and comments of bots show digests and kinds without escapes."""
    path = tmp_path / "plan.json"
    plan_file.write(path, replace(plan, report=replace(plan.report, **forged)))
    with pytest.raises(InputError, match="isn't a valid plan"):
        plan_file.load(path)


def test_one_of_the_right_version_and_the_wrong_shape_is_refused(
    plan: SavedPlan, tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    plan_file.write(path, plan)
    body, _, _ = path.read_text().partition('"checksum"')
    strange = body.replace('"verb":"create"', '"verb":"destroy"')
    checksum = hashlib.sha256(strange.encode()).hexdigest()
    path.write_text(f'{strange}"checksum":"sha256:{checksum}"}}\n')
    with pytest.raises(InputError, match="destroy"):
        plan_file.load(path)


@pytest.mark.parametrize(
    ("here", "why"),
    [
        (Origin(server="https://two:6443", certificate="sha256:aa"), "not for https://two:6443"),
        (Origin(server="https://one:6443", certificate="sha256:bb"), "certificate authority"),
        (Origin(directory="shop"), "not for --from shop"),
    ],
)
def test_a_plan_of_another_place_no_longer_fits(plan: SavedPlan, here: Origin, why: str) -> None:
    with pytest.raises(PlanMismatchError, match=why) as caught:
        plan_file.check_origin(plan, here)
    assert caught.value.exit_code == 4


def test_a_checkout_at_another_path_is_the_same_place(plan: SavedPlan) -> None:
    made = replace(plan, origin=Origin(directory="a", files=("x.yaml",)))
    plan_file.check_origin(made, Origin(directory="b"))
    plan_file.check_origin(plan, HERE)


def test_a_plan_that_is_written_onto_a_link_replaces_the_link(
    plan: SavedPlan, tmp_path: Path
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    path = tmp_path / "plan.json"
    path.symlink_to(precious)
    plan_file.check_target(path)
    plan_file.write(path, plan)
    assert precious.read_text() == "precious"
    assert not path.is_symlink()
