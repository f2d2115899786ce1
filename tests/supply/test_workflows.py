"""The workflows run pinned code with the least permissions; the example's comment finds its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from podcm_sync.template.engine.hatch_build import GO_PACKAGE
from tests.shape.readme import ROOT
from tests.supply import lock

EXAMPLE = ROOT / "examples" / "pull-request.yaml"
AUDIT = ROOT / ".github" / "workflows" / "audit.yaml"
CHECK = ROOT / ".github" / "workflows" / "check.yaml"
RELEASE = ROOT / ".github" / "workflows" / "release.yaml"
WORKFLOWS = [EXAMPLE, *sorted((ROOT / ".github" / "workflows").iterdir())]
PERMISSIONS = {
    "check": {"contents": "read"},
    "coverage": {"contents": "read"},
    "python": {"contents": "read"},
    "go": {"contents": "read"},
    "preview": {"contents": "read", "pull-requests": "write"},
    "deploy": {"contents": "read"},
    "build": {"contents": "read"},
    "image": {"contents": "read"},
    "publish": {"contents": "write", "id-token": "write", "attestations": "write"},
    "index": {"contents": "read", "id-token": "write"},
}

# Answers `gh api` from comments.json, and notes what it is asked to write.
GH = """#!{python}
import json, sys
arguments = sys.argv[1:]
assert arguments.pop(0) == "api"
if "--paginate" in arguments:
    assert arguments[1:] == ["repos/o/r/issues/7/comments", "--jq", {jq!r}], arguments
    escapes = {{"\\\\": "\\\\\\\\", "\\t": "\\\\t", "\\r": "\\\\r"}}
    for number, author, body in json.load(open("comments.json")):
        first = "".join(escapes.get(letter, letter) for letter in body.split("\\n")[0])
        print(number, author, first, sep="\\t")
else:
    body = open(arguments[-1].removeprefix("body=@")).read()
    json.dump([arguments[:-2], body], open("written.json", "w"))
"""
JQ = '.[] | [.id, .user.login, (.body | split("\\n")[0])] | @tsv'
MARKER = "<!-- podcm-sync: shop -->"
BOT = "github-actions[bot]"


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps(path: Path) -> list[Any]:
    return [step for job in load(path)["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    """A tag can move to other code."""
    used = re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))
    assert used
    for action in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}  # v\d+\.\d+\.\d+", action), action


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_each_job_has_permissions_of_its_own_and_no_more(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]["group"]
    for name, job in workflow["jobs"].items():
        assert job["permissions"] == PERMISSIONS[name]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_no_checkout_leaves_a_token_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if "actions/checkout@" in step.get("uses", "")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_pip_takes_no_name_from_an_index_without_its_hash(path: Path) -> None:
    """Anybody can register a name that nobody has published."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))
    installs = re.findall(r"\bpip install .*", text)
    # `make` installs the pinned test extra, on a machine that has no secrets.
    assert bool(installs) == (path != CHECK)
    for command in installs:
        locked = re.fullmatch(
            r"pip install --require-hashes --only-binary :all:( -r (\.podcm-sync/)?"
            r"requirements/\w+\.txt)+",
            command,
        )
        own = command == "pip install --no-index --no-deps --no-build-isolation ./.podcm-sync"
        assert locked or own, command


def test_build_tools_and_packages_can_be_installed_together() -> None:
    """The example does: pip refuses a package that is pinned twice."""
    build, runtime = lock.pins("build.txt"), lock.pins("runtime.txt")
    both = build.keys() & runtime.keys()
    assert {name: build[name] for name in both} == {name: runtime[name] for name in both}


@pytest.mark.parametrize("path", [AUDIT, CHECK, RELEASE], ids=lambda path: path.name)
def test_workflows_use_the_go_that_builds_the_engine(path: Path) -> None:
    setups = [step for step in steps(path) if "setup-go@" in step.get("uses", "")]
    assert {step["with"]["go-version"] for step in setups} == {GO_PACKAGE.partition("==")[2]}


def test_the_audit_covers_every_lock_file() -> None:
    text = AUDIT.read_text(encoding="utf-8")
    audit = text[text.index("pip-audit --strict") :]
    assert [name for name in lock.wanted() if f"-r requirements/{name}" not in audit] == []


def test_what_decides_in_ci_is_what_everybody_can_run() -> None:
    assert [step["run"] for step in steps(CHECK) if "run" in step] == [".ci/run", "make coverage"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "secrets." not in CHECK.read_text(encoding="utf-8")


def test_a_release_is_checked_and_built_where_nothing_can_be_signed_or_written() -> None:
    """`make` installs packages that are pinned without hashes."""
    jobs = load(RELEASE)["jobs"]
    for name, job in jobs.items():
        runs = [step["run"] for step in job["steps"] if "run" in step]
        is_trusted = "environment" in job or "write" in json.dumps(job["permissions"])
        assert is_trusted == (name in {"image", "publish", "index"})
        assert not (is_trusted and any("make " in run or ".ci/" in run for run in runs)), name
        assert is_trusted or "secrets." not in json.dumps(job), name
    assert {"check", "build"} <= set(jobs["publish"]["needs"])
    assert ".ci/run" in [step.get("run") for step in jobs["check"]["steps"]]


def test_each_file_of_a_release_is_checked_before_it_is_signed_or_published() -> None:
    jobs = load(RELEASE)["jobs"]
    for name in ("publish", "index"):
        runs = "\n".join(step.get("run", "") for step in jobs[name]["steps"])
        checked = runs.index("sha256sum --check --strict SHA256SUMS")
        for word in ("sign-blob", "uv publish", "gh release create"):
            assert word not in runs or checked < runs.index(word)


def test_the_secret_that_can_write_is_used_only_in_the_protected_environment() -> None:
    """A pull request may change the workflow, and a secret of the repository is its to read."""
    jobs = load(EXAMPLE)["jobs"]
    users = [name for name, job in jobs.items() if "secrets.KUBECONFIG_DEPLOY" in json.dumps(job)]
    assert users == ["deploy"]
    assert jobs["deploy"]["environment"]
    assert "github.event_name == 'push'" in jobs["deploy"]["if"]


@pytest.mark.parametrize("name", ["preview", "deploy"])
def test_the_kubeconfig_is_removed_at_the_end_whatever_happens(name: str) -> None:
    last = load(EXAMPLE)["jobs"][name]["steps"][-1]
    assert last["if"] == "${{ always() }}"
    assert last["run"] == 'rm -f "$RUNNER_TEMP/kubeconfig"'


@pytest.mark.parametrize(
    ("comments", "written"),
    [
        ([], ["--silent", "-X", "POST", "repos/o/r/issues/7/comments"]),
        (
            # The bot has other comments, a newer one too, and somebody quotes the marker.
            [
                (1, "somebody", f"{MARKER}\nmine"),
                (2, BOT, "lint: fine"),
                (3, BOT, f"> {MARKER}\nquoted"),
                (4, BOT, f"{MARKER}\nthe last preview"),
                (5, BOT, f"{MARKER}\na second one"),
                (6, BOT, "coverage\tfine"),
            ],
            ["--silent", "-X", "PATCH", "repos/o/r/issues/comments/4"],
        ),
        (
            [(1, "somebody", f"{MARKER}\nmine"), (2, BOT, "lint: fine")],
            ["--silent", "-X", "POST", "repos/o/r/issues/7/comments"],
        ),
    ],
    ids=["first", "again", "others"],
)
def test_a_preview_edits_its_own_comment_and_nobody_elses(
    comments: list[Any], written: list[str], tmp_path: Path
) -> None:
    (step,) = [step for step in steps(EXAMPLE) if step.get("name") == "Comment"]
    (tmp_path / "gh").write_text(GH.format(python=sys.executable, jq=JQ))
    (tmp_path / "gh").chmod(0o755)
    (tmp_path / "comments.json").write_text(json.dumps(comments))
    (tmp_path / "plan.md").write_text("## podcm-sync would change nothing\n")
    subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env={
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
            "COMMENTS": "repos/o/r/issues/7/comments",
            "COMMENT": "repos/o/r/issues/comments",
        },
        check=True,
    )
    assert json.loads((tmp_path / "written.json").read_text()) == [
        [*written],
        f"{MARKER}\n## podcm-sync would change nothing\n",
    ]
