"""README's workflow for a pull request, step by step, as its shell runs them (issue: plans).

The preview has a ServiceAccount that may list; the deploy job is an administrator's.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.accounts import account, kubeconfig_of
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import names
from tests.shape.readme import README, ROOT

EXAMPLE = ROOT / "examples" / "pull-request.yaml"
LIST_ONLY = {"pods": ["list"], "podconfigmapconfigs": ["list"], "configmaps": ["list"]}


def test_the_readme_shows_the_very_file() -> None:
    comment, _, workflow = EXAMPLE.read_text(encoding="utf-8").partition("\n")
    assert comment.startswith("# ")
    assert f"```yaml\n{workflow}```\n" in README.read_text(encoding="utf-8")


@dataclass
class Checkout:
    """A repository's checkout, on a runner with podcm-sync and kubectl."""

    folder: Path
    namespace: str
    kubectl: Path

    def config(self, name: str, **match_labels: str) -> None:
        """Write pcmc/NAME.yaml."""
        (self.folder / "pcmc").mkdir(exist_ok=True)
        content = {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"name": name},
            "spec": {"podSelector": {"matchLabels": match_labels}, "labelsToInclude": ["app"]},
        }
        (self.folder / "pcmc" / f"{name}.yaml").write_text(yaml.safe_dump(content))

    def step(self, job: str, name: str, kubeconfig: Path, **env: str) -> int:
        """Run a step of the workflow, in this test's namespace; its exit code."""
        workflow: Any = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        (step,) = [each for each in workflow["jobs"][job]["steps"] if each.get("name") == name]
        script = step["run"].replace("-n shop", f"-n {self.namespace}")
        path = f"{Path(sys.executable).parent}:{self.kubectl.parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={
                "PATH": path,
                "HOME": str(self.folder),
                "KUBECONFIG": str(kubeconfig),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                **env,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        sys.stdout.write(done.stdout + done.stderr)
        return done.returncode

    @property
    def digest(self) -> str:
        """The job's output."""
        return (self.folder / "output").read_text().split("digest=")[-1].strip()

    @property
    def summary(self) -> str:
        """The Markdown that the approver reads."""
        return (self.folder / "summary").read_text()


@pytest.fixture
def checkout(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Checkout:
    return Checkout(tmp_path, namespace, control_plane.binaries / "kubectl")


@pytest.fixture
def lister(api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """The preview's kubeconfig."""
    return kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, LIST_ONLY))


def test_what_was_reviewed_is_what_is_deployed(  # noqa: PLR0917 - fixtures
    api: Api, audit: Audit, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """One config is new, another is taken away: its ConfigMap goes, and only that."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    api.make_pod(namespace, "db-0", labels={"app": "db"})
    checkout.config("db", app="db")
    assert checkout.step("preview", "Plan", lister) == 0
    deployed = checkout.step(
        "deploy", "Apply exactly that plan", kubeconfig, DIGEST=checkout.digest
    )
    assert deployed == 0
    assert set(names(api, namespace)) == {"pod-db-0-from-db-cfg"}

    (checkout.folder / "pcmc" / "db.yaml").unlink()
    checkout.config("web", app="web")
    mark = audit.mark()
    assert checkout.step("preview", "Plan", lister) == 0
    asked = audit.since(mark, namespace=namespace)
    assert {event.verb for event in asked} == {"list"}
    assert "would delete 1 and create 1" in checkout.summary
    assert "pod-db-0-from-db-cfg" in checkout.summary
    deployed = checkout.step(
        "deploy", "Apply exactly that plan", kubeconfig, DIGEST=checkout.digest
    )
    assert deployed == 0
    assert set(names(api, namespace)) == {"pod-web-0-from-web-cfg"}


def test_deletions_over_the_budget_fail_the_preview_and_are_shown(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    for number in range(11):
        api.make_pod(namespace, f"web-{number}", labels={"app": "web"})
    checkout.config("web", app="web")
    assert checkout.step("preview", "Plan", lister) == 0
    assert (
        checkout.step("deploy", "Apply exactly that plan", kubeconfig, DIGEST=checkout.digest) == 0
    )
    assert len(names(api, namespace)) == 11
    (checkout.folder / "pcmc" / "web.yaml").unlink()
    checkout.config("none", app="none")
    assert checkout.step("preview", "Plan", lister) == 4
    assert "holds back 11 deletions" in checkout.summary
    assert len(names(api, namespace)) == 11


def test_where_the_cluster_has_moved_nothing_is_written(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """A Pod that nobody reviewed: the plan is another one, exit 4."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    checkout.config("web", app="web")
    assert checkout.step("preview", "Plan", lister) == 0
    api.make_pod(namespace, "web-1", labels={"app": "web"})
    deployed = checkout.step(
        "deploy", "Apply exactly that plan", kubeconfig, DIGEST=checkout.digest
    )
    assert deployed == 4
    assert list(names(api, namespace)) == []


def test_without_a_digest_nothing_is_deployed(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout
) -> None:
    """An output that was lost on the way is no leave to write."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    checkout.config("web", app="web")
    assert checkout.step("deploy", "Apply exactly that plan", kubeconfig, DIGEST="") == 2
    assert list(names(api, namespace)) == []
