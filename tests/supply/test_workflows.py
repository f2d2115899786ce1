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
WORKFLOWS = [EXAMPLE, *sorted((ROOT / ".github" / "workflows").iterdir())]
PERMISSIONS = {
    "python": {"contents": "read"},
    "go": {"contents": "read"},
    "preview": {"contents": "read", "pull-requests": "write"},
    "deploy": {"contents": "read"},
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
    assert installs
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


def test_govulncheck_judges_the_go_that_builds_the_engine() -> None:
    (setup,) = [step for step in steps(AUDIT) if "setup-go@" in step.get("uses", "")]
    assert setup["with"]["go-version"] == GO_PACKAGE.partition("==")[2]


def test_the_audit_covers_every_lock_file() -> None:
    text = AUDIT.read_text(encoding="utf-8")
    audit = text[text.index("pip-audit --strict") :]
    assert [name for name in lock.wanted() if f"-r requirements/{name}" not in audit] == []


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
