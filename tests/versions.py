"""Runs the tests that depend on the server's version on Kubernetes n to n-3: `make test-versions`.

`python -m tests.versions [MINOR...]` builds each control plane once, and then has it from the
cache. The end is a row for each version, for docs/versions.md, and names what was not run.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from tests.controlplane import binaries
from tests.supply import wheels

ROOT = Path(__file__).resolve().parents[1]
FOLDER = "tests/controlplane"

TESTS: Final = {
    "test_crd.py": "the server compiles the rules of the CRD, and has the last word on each spec",
    "test_crd_kubectl.py": "kubectl of that version explains, lists, and refuses",
    "test_crd_status.py": "the status subresource prunes and keeps as podcm-sync expects",
    "test_crd_stored.py": "what was stored before a rule stays readable",
    "test_sync_create.py": "a whole sync: names, owners, and what the server adds",
    "test_sync_change.py": "preconditions and strict field validation",
    "test_sync_delete.py": "preconditions of deletes",
    "test_sync_garbage.py": "the garbage collector of that version",
    "test_sync_lists.py": "pages of consistent lists, without a watch",
    "test_sync_status.py": "patches of the status",
    "test_lease.py": "the Lease",
    "test_admission_policy.py": "the server compiles the policy's CEL, and decides by it",
    "test_rbac.py": "the printed permissions are enough, and no more than is used",
    "test_events.py": "events.k8s.io",
    "test_doctor.py": "the schema that the server shows is the one that was applied",
    "test_deploy_cronjob.py": "PodSecurity, and the fields of the CronJob",
}
"""File → what the server's version decides there."""

LEFT_OUT = "the other tests of tests/controlplane don't depend on the server's version"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one version."""

    version: str
    passed: int
    failed: int
    skipped: int
    seconds: float

    @property
    def is_good(self) -> bool:
        return self.passed > 0 and not self.failed and not self.skipped

    @property
    def row(self) -> str:
        """The row of docs/versions.md."""
        today = datetime.now(UTC).date()
        bad = f", {self.failed} failed, {self.skipped} skipped"
        counts = f"{self.passed} passed{'' if self.is_good else bad}"
        return f"| Kubernetes {self.version} | {counts} | {self.seconds:.0f} s | {today} |"


def main() -> int:
    """0 if every test passed on each version."""
    known = minors()
    wanted = sys.argv[1:] or known
    if unknown := set(wanted) - set(known):
        sys.exit(f"{', '.join(sorted(unknown))}: there are {', '.join(known)}")
    results = [run(minor) for minor in wanted]
    wheels.main()
    print("| version | tests | time | date |", "|---|---|---|---|", sep="\n")
    print(*(result.row for result in results), sep="\n")
    print(f"not run: {LEFT_OUT}")
    if skipped := [minor for minor in known if minor not in wanted]:
        print(f"not run, as you left them out: {', '.join(skipped)}")
    return int(not all(result.is_good for result in results))


def minors() -> list[str]:
    """The minor versions that are pinned, the newest first: that of go.mod, then versions/."""
    newest = binaries.Build("", binaries.HERE, {}).version.removeprefix("v").rpartition(".")[0]
    older = [path.name for path in binaries.VERSIONS.iterdir() if path.is_dir()]
    return [newest, *sorted(older, key=lambda minor: int(minor.partition(".")[2]), reverse=True)]


def environment(minor: str) -> dict[str, str]:
    """Of tests that run against that version and never skip."""
    own = {name: value for name, value in os.environ.items() if name != "KUBEBUILDER_ASSETS"}
    chosen = {"CONTROLPLANE_KUBERNETES": minor} if (binaries.VERSIONS / minor).is_dir() else {}
    own.pop("CONTROLPLANE_KUBERNETES", None)
    return own | chosen | {"REQUIRE_CONTROLPLANE": "1"}


def run(minor: str) -> Result:
    """Builds that version if it isn't cached, and runs the tests against it."""
    env = environment(minor)
    command = [sys.executable, "-m", "tests.controlplane.binaries"]
    subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.DEVNULL)
    print(f"=== Kubernetes {minor}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        files = [f"{FOLDER}/{name}" for name in TESTS]
        command = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *files]
        began = time.monotonic()
        subprocess.run(command, cwd=ROOT, env=env, check=False)
        return result(minor, report, time.monotonic() - began)


def result(minor: str, report: Path, seconds: float) -> Result:
    """The counts of a pytest report."""
    suite = ET.parse(report).getroot().find("testsuite")  # noqa: S314 - pytest's own file
    assert suite is not None
    failed = int(suite.attrib["failures"]) + int(suite.attrib["errors"])
    skipped = int(suite.attrib["skipped"])
    folder = binaries.VERSIONS / minor
    modules = folder if folder.is_dir() else binaries.HERE
    return Result(
        version=binaries.Build("", modules, {}).version,
        passed=int(suite.attrib["tests"]) - failed - skipped,
        failed=failed,
        skipped=skipped,
        seconds=seconds,
    )


if __name__ == "__main__":
    sys.exit(main())
