"""Plans on the command line, without a cluster: previewed, digested, saved, shown, applied."""

import json
import logging
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from podcm_sync.__main__ import run
from podcm_sync.cli.output import next_step
from podcm_sync.cluster.interfaces import Origin
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime.signals import SIGNALS
from tests.documents import valid

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: shop, labels: {app: web}}
status: {phase: Running}
"""
CONFIG = """\
apiVersion: podconfig.example.com/v1alpha1
kind: PodConfigMapConfig
metadata: {name: %s, namespace: shop}
spec: %s
"""
DIGEST = re.compile(r"^Plan (sha256:[0-9a-f]{64})$", re.MULTILINE)


class Shop:
    """A directory of manifests, a plan file beside it, and the command over both."""

    def __init__(self, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = place / "shop"
        self.plan = place / "plan.json"
        self.file = place / "file.yaml"
        self.directory.mkdir()
        (self.directory / "pod.yaml").write_text(POD)
        self.config("web")
        self._capsys = capsys
        self.out = self.err = ""

    def config(self, name: str, spec: str = "{}") -> None:
        (self.directory / f"{name}.yaml").write_text(CONFIG % (name, spec))

    def __call__(self, *arguments: object) -> int:
        code = run(list(map(str, arguments)))
        self.out, self.err = self._capsys.readouterr()
        return code

    def dry(self, *arguments: object) -> int:
        return self("--from", self.directory, "--dry-run", *arguments)

    def generated(self) -> list[str]:
        return sorted(each.stem for each in (self.directory / "generated").rglob("*.yaml"))

    @property
    def digest(self) -> str:
        (found,) = DIGEST.findall(self.out)
        return str(found)


@pytest.fixture
def shop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shop]:
    monkeypatch.delenv("PODCM_SYNC_DRY_RUN", raising=False)
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    root, ours = logging.getLogger(), logging.getLogger("podcm_sync")
    before = root.handlers[:], root.level, ours.level
    yield Shop(tmp_path, capsys)
    root.handlers[:], root.level, ours.level = before
    for number, handler in handlers.items():
        signal.signal(number, handler)


WEB, NEW = "pod-web-0-from-web-cfg", "pod-web-0-from-new-cfg"


@pytest.mark.parametrize(
    "options",
    [(), ("-v",), ("--color", "always"), ("-o", "json"), ("-o", "yaml"), ("--exit-code",)],
)
def test_show_prints_what_the_dry_run_printed(shop: Shop, options: tuple[str, ...]) -> None:
    code = shop.dry("--plan-out", shop.plan, *options)
    assert code == (1 if options == ("--exit-code",) else 0)
    printed = shop.out
    assert shop("show", shop.plan, *(each for each in options if each != "--exit-code")) == 0
    assert shop.out == printed


def test_a_plan_is_applied_to_the_directory_and_a_second_time_finds_it_done(shop: Shop) -> None:
    shop.dry("--plan-out", shop.plan)
    digest = shop.digest
    assert shop("apply", shop.plan, "--from", shop.directory) == 0
    assert (shop.generated(), shop.digest) == ([WEB], digest)
    assert shop("apply", shop.plan, "--from", shop.directory, "-o", "json") == 0
    document = valid(json.loads(shop.out))
    assert (document["dryRun"], document["digest"]) == (False, digest)
    assert [each["reason"] for each in document["changes"]] == ["InSync"]


def test_a_plan_of_a_directory_needs_from(shop: Shop) -> None:
    shop.dry("--plan-out", shop.plan)
    assert shop("apply", shop.plan) == 4
    assert "the plan was made for --from" in shop.err
    assert shop.generated() == []


def test_apply_does_not_run_where_the_environment_says_to_only_look(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A CI job that sets it for every step means it."""
    shop.dry("--plan-out", shop.plan)
    monkeypatch.setenv("PODCM_SYNC_DRY_RUN", "1")
    assert shop("apply", shop.plan, "--from", shop.directory) == 2
    assert "PODCM_SYNC_DRY_RUN" in shop.err
    assert shop.generated() == []
    assert shop("show", shop.plan) == 0


def test_apply_does_only_the_expected_plan(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.dry("--plan-out", shop.plan)
    digest, other = shop.digest, f"sha256:{'0' * 64}"
    apply = ("apply", shop.plan, "--from", shop.directory)
    assert shop(*apply, "--expect-plan", other) == 4
    assert f"the plan is {digest}, not the expected {other}: nothing was changed" in shop.err
    monkeypatch.setenv("PODCM_SYNC_EXPECT_PLAN", other)
    assert shop(*apply) == 4
    monkeypatch.setenv("PODCM_SYNC_EXPECT_PLAN", "")  # a step of a pipeline that failed
    assert shop(*apply) == 2
    assert shop.generated() == []
    monkeypatch.delenv("PODCM_SYNC_EXPECT_PLAN")
    assert shop(*apply, "--expect-plan", digest) == 0
    assert shop.generated() == [WEB]


def test_apply_does_only_the_part_of_the_namespaces_given(shop: Shop) -> None:
    for kind in ("pod", "web"):
        text = (shop.directory / f"{kind}.yaml").read_text().replace("shop", "team")
        (shop.directory / f"{kind}-team.yaml").write_text(text)
    shop.dry("--plan-out", shop.plan)
    apply = ("apply", shop.plan, "--from", shop.directory)
    assert shop(*apply, "-n", "elsewhere") == 4
    assert "the plan has no ConfigMap in namespace elsewhere; nothing was changed" in shop.err
    assert shop(*apply, "-n", "shop", "-n", "elsewhere") == 4
    assert shop.generated() == []
    assert shop(*apply, "-n", "team", "-o", "json") == 0
    document = valid(json.loads(shop.out))
    assert document["namespaces"] == ["team"]
    assert {each["namespace"] for each in document["changes"]} == {"team"}
    assert shop(*apply, "-n", "Not a name") == 2


def test_apply_counts_what_it_would_delete_now(shop: Shop) -> None:
    assert shop("--from", shop.directory) == 0
    (shop.directory / "web.yaml").unlink()
    shop.dry("--plan-out", shop.plan)
    apply = ("apply", shop.plan, "--from", shop.directory)
    assert shop(*apply, "--max-prune", "0") == 4
    assert shop(*apply, "--max-prune", "0", "--tolerate-object-failures") == 0
    assert shop(*apply, "--policy", "upsert-only", "-o", "json") == 0
    assert valid(json.loads(shop.out))["policy"] == "upsert-only"
    total = ("-n", "shop", "--max-prune-total", "0")
    assert shop(*apply, *total, "--tolerate-object-failures") == 4
    assert shop.generated() == [WEB]
    assert shop(*apply, "--max-prune", "1", "--max-prune-total", "1") == 0
    assert shop.generated() == []


def test_a_plan_made_under_upsert_only_stays_so(shop: Shop) -> None:
    assert shop("--from", shop.directory) == 0
    (shop.directory / "web.yaml").unlink()
    shop.dry("--policy", "upsert-only", "--plan-out", shop.plan)
    assert shop("apply", shop.plan, "--from", shop.directory, "--exit-code") == 2  # no such option
    assert shop("apply", shop.plan, "--from", shop.directory, "--policy", "sync") == 0
    assert "--policy upsert-only" in shop.out
    assert shop.generated() == [WEB]
    assert shop("show", shop.plan, "-o", "json") == 0
    assert valid(json.loads(shop.out))["policy"] == "upsert-only"


def test_a_misspelt_variable_stops_a_subcommand_too(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.dry("--plan-out", shop.plan)
    monkeypatch.setenv("PODCM_SYNC_DRYRUN", "1")
    assert shop("apply", shop.plan, "--from", shop.directory) == 2
    assert "PODCM_SYNC_DRYRUN; did you mean PODCM_SYNC_DRY_RUN?" in shop.err
    assert shop.generated() == []


def test_files_lie_over_a_directory_and_their_digest_lets_the_merge_through(shop: Shop) -> None:
    shop.file.write_text(CONFIG % ("new", "{labelsToInclude: [app]}"))
    assert shop.dry("-f", shop.file) == 0
    assert f"  + {NEW}\n" in shop.out
    assert f"  + {WEB}\n" in shop.out
    reviewed = shop.digest
    assert shop("--from", shop.directory, "--expect-plan", reviewed) == 4
    assert shop.generated() == []
    shop.config("new", "{labelsToInclude: [app]}")
    assert shop("--from", shop.directory, "--expect-plan", reviewed) == 0
    assert shop.generated() == [NEW, WEB]
    assert (
        yaml.safe_load(next((shop.directory / "generated").rglob(f"{NEW}.yaml")).read_text())[
            "data"
        ]["label_app"]
        == "web"
    )


def test_the_next_step_of_files_is_to_put_them_in_place(shop: Shop) -> None:
    """Apply would hold back what only the files ask for."""
    shop.file.write_text(CONFIG % ("new", "{}"))
    shop.dry("-f", shop.file, "--plan-out", shop.plan)
    steps = (
        f"To apply this plan: copy the files of -f to {shop.directory}, then podcm-sync apply "
        f"--from {shop.directory} {shop.plan}\n"
    )
    assert shop.out.endswith(steps)
    shop("show", shop.plan)
    assert shop.out.endswith(steps)


def test_the_next_step_of_files_in_a_cluster_is_kubectl_apply(shop: Shop) -> None:
    origin = Origin(server="https://10.0.0.1", files=("a b.yaml", "-"))
    one, all_of_them = Scope(namespaces=("shop",)), Scope(namespaces=None)
    first = "kubectl apply -n shop -f 'a b.yaml' -f -, then "
    assert next_step(origin, one, Path("p.json")) == (
        f"To apply this plan: {first}podcm-sync apply p.json"
    )
    assert next_step(origin, one, None) == (
        f"To make these changes: {first}run without -f and --dry-run."
    )
    folder = Origin(server="https://10.0.0.1", files=(str(shop.directory),))
    assert "kubectl apply -R -f " in next_step(folder, all_of_them, None)


def test_only_files_of_nothing_shows_that_all_would_go_and_warns(shop: Shop) -> None:
    assert shop("--from", shop.directory) == 0
    shop.file.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
    assert shop.dry("-f", shop.file, "--only-files") == 0
    assert f"  - {WEB}  " in shop.out
    said = (
        f"there is no PodConfigMapConfig in {shop.file}: every one of the scope counts as removed"
    )
    assert said in shop.err


def test_a_mismatch_is_said_in_every_format_and_written_nowhere(shop: Shop) -> None:
    nothing = f"sha256:{'0' * 64}"
    assert shop("--from", shop.directory, "--expect-plan", nothing, "-o", "json") == 4
    document = valid(json.loads(shop.out))
    assert (document["dryRun"], document["exitCode"]) == (True, 4)
    assert document["expectedDigest"] == nothing
    assert document["digest"] != nothing
    assert document["changes"][0]["diff"]
    assert f"the plan is {document['digest']}, not the expected {nothing}: " in shop.err
    assert shop.generated() == []


def test_a_dry_run_with_a_digest_asks_whether_it_still_holds(shop: Shop) -> None:
    shop.dry()
    reviewed = shop.digest
    assert shop.dry("--expect-plan", reviewed) == 0
    shop.config("new")
    assert shop.dry("--expect-plan", reviewed) == 4


def test_a_plan_is_not_made_where_it_cannot_be_written(shop: Shop) -> None:
    assert shop.dry("--plan-out", shop.directory) == 2
    assert (shop.out, "is a directory" in shop.err) == ("", True)


@pytest.mark.parametrize("what", ["apply", "show"])
def test_what_is_no_plan_is_unreadable_input(shop: Shop, what: str) -> None:
    shop.plan.write_text("{}")
    assert shop(what, shop.plan) == 2
    assert f"{shop.plan}: isn't a complete plan" in shop.err


def test_a_mismatch_is_said_once_and_is_not_nothing_to_do(shop: Shop) -> None:
    shop("--from", shop.directory)
    nothing = f"sha256:{'0' * 64}"
    assert shop("--from", shop.directory, "--expect-plan", nothing) == 4
    assert (shop.out + shop.err).count(nothing) == 1
    assert "Not the expected plan, nothing was changed: 0 to create" in shop.out
