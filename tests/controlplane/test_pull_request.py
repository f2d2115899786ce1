"""The workflow of docs/ci.md for a pull request, job by job, as its shell runs the steps.

The preview has a ServiceAccount that may list; the deploy job is an administrator's.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.controlplane.accounts import LEAST, account, kubeconfig_of
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import names
from tests.shape.readme import ROOT

EXAMPLE = ROOT / "examples" / "pull-request.yaml"
PAGE = ROOT / "docs" / "ci.md"
LIST_ONLY = {"pods": ["list"], "podconfigmapconfigs": ["list"], "configmaps": ["list"]}
CHECK = "Check that the plan is still the approved one"


def test_the_page_shows_the_very_file() -> None:
    comment, _, workflow = EXAMPLE.read_text(encoding="utf-8").partition("\n")
    assert comment.startswith("# ")
    assert f"```yaml\n{workflow}```\n" in PAGE.read_text(encoding="utf-8")


@dataclass(frozen=True)
class Job:
    """A job that ran: the step that failed ("" if none), its exit code, and the whole log."""

    failed: str
    code: int
    printed: str


@dataclass
class Checkout:
    """A repository's checkout, on a runner with podcm-sync and kubectl."""

    folder: Path
    temp: Path
    namespace: str
    kubectl: Path

    def config(self, name: str, place: str = "", **match_labels: str) -> Path:
        """Write pcmc/NAME.yaml, or another file below pcmc/, and return its path."""
        path = self.folder / "pcmc" / (place or f"{name}.yaml")
        path.parent.mkdir(exist_ok=True, parents=True)
        content = {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"name": name},
            "spec": {"podSelector": {"matchLabels": match_labels}, "labelsToInclude": ["app"]},
        }
        path.write_text(yaml.safe_dump(content))
        return path

    def job(self, name: str, kubeconfig: Path, **env: str) -> Job:
        """Run the steps of a job that are shell, in this test's namespace, as GitHub runs them."""
        workflow: Any = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        failed, code, printed = "", 0, ""
        for step in workflow["jobs"][name]["steps"]:
            condition = step.get("if", "")
            if "run" not in step or step["name"] in {"Install", "Comment"}:
                continue
            if failed and "always()" not in condition:
                continue
            is_login = step["name"].startswith("Log in")
            given = {"CONTENT": kubeconfig.read_text()} if is_login else env
            done = self._run(step, given)
            printed += done.stdout
            if done.returncode and not failed:
                failed, code = step["name"], done.returncode
        sys.stdout.write(printed)
        return Job(failed, code, printed)

    def _run(self, step: Any, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
        script = step["run"].replace("-n shop", f"-n {self.namespace}")
        path = f"{Path(sys.executable).parent}:{self.kubectl.parent}:{os.environ['PATH']}"
        env = {
            key: value.replace("${{ runner.temp }}", str(self.temp))
            for key, value in step.get("env", {}).items()
        }
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script],
            cwd=self.folder,
            env={
                "PATH": path,
                "HOME": str(self.folder),
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
                **env,
                **given,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

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
    folder, temp = tmp_path / "checkout", tmp_path / "runner"
    folder.mkdir()
    temp.mkdir()
    return Checkout(folder, temp, namespace, control_plane.binaries / "kubectl")


@pytest.fixture
def lister(api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """The preview's kubeconfig."""
    return kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, LIST_ONLY))


def deploy(checkout: Checkout, lister: Path, kubeconfig: Path) -> Job:
    """Preview and, as somebody approved it, deploy."""
    previewed = checkout.job("preview", lister)
    assert previewed.code == 0, previewed.printed
    return checkout.job("deploy", kubeconfig, DIGEST=checkout.digest)


def configs(api: Api, namespace: str) -> set[str]:
    return {each["metadata"]["name"] for each in api.list(KIND, namespace)}


def test_a_mistake_in_a_config_ends_the_job_before_it_logs_in(
    checkout: Checkout, lister: Path
) -> None:
    file = checkout.config("web", app="web")
    file.write_text(file.read_text().replace("labelsToInclude", "labelToInclude"))
    previewed = checkout.job("preview", lister)
    assert (previewed.failed, previewed.code) == ("Validate", 3)
    assert "did you mean spec.labelsToInclude?" in previewed.printed


def test_what_was_reviewed_is_what_is_deployed(  # noqa: PLR0917 - fixtures
    api: Api, audit: Audit, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """One config is new, another is taken away: its ConfigMap goes, and only that."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    api.make_pod(namespace, "db-0", labels={"app": "db"})
    file = checkout.config("db", app="db")
    assert deploy(checkout, lister, kubeconfig).code == 0
    assert set(names(api, namespace)) == {"pod-db-0-from-db-cfg"}

    file.unlink()
    checkout.config("web", app="web")
    mark = audit.mark()
    assert checkout.job("preview", lister).code == 0
    assert {event.verb for event in audit.since(mark, namespace=namespace)} == {"list"}
    assert "would delete 1 and create 1" in checkout.summary
    assert "pod-db-0-from-db-cfg" in checkout.summary
    assert checkout.job("deploy", kubeconfig, DIGEST=checkout.digest).code == 0
    assert set(names(api, namespace)) == {"pod-web-0-from-web-cfg"}


def test_deletions_over_the_budget_fail_the_preview_and_are_shown(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    for number in range(11):
        api.make_pod(namespace, f"web-{number}", labels={"app": "web"})
    file = checkout.config("web", app="web")
    assert deploy(checkout, lister, kubeconfig).code == 0
    assert len(names(api, namespace)) == 11
    file.unlink()
    checkout.config("none", app="none")
    assert checkout.job("preview", lister).code == 4
    assert "holds back 11 deletions" in checkout.summary
    assert len(names(api, namespace)) == 11


def test_if_the_cluster_has_moved_not_even_a_config_is_written(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """Once a config is in the cluster, any CronJob acts on it, approved or not."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    file = checkout.config("old", app="web")
    assert deploy(checkout, lister, kubeconfig).code == 0
    file.unlink()
    checkout.config("new", app="web")
    assert checkout.job("preview", lister).code == 0
    api.make_pod(namespace, "web-1", labels={"app": "web"})
    deployed = checkout.job("deploy", kubeconfig, DIGEST=checkout.digest)
    assert (deployed.failed, deployed.code) == (CHECK, 4)
    assert configs(api, namespace) == {"old"}
    assert set(names(api, namespace)) == {"pod-web-0-from-old-cfg"}


def test_no_step_of_either_job_prints_a_value(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """Whoever can read the repository can read its logs and comments."""
    secret = "value-of-a-tenant"  # noqa: S105 - planted, to look for
    api.make_pod(namespace, "web-0", labels={"app": secret})
    checkout.config("web")
    previewed = checkout.job("preview", lister)
    assert previewed.code == 0
    digest = checkout.digest
    api.make_pod(namespace, "web-1", labels={"app": secret})
    mismatched = checkout.job("deploy", kubeconfig, DIGEST=digest)
    assert (mismatched.failed, mismatched.code) == (CHECK, 4)
    assert "pod-web-1-from-web-cfg" in mismatched.printed
    deployed = deploy(checkout, lister, kubeconfig)
    assert deployed.code == 0
    assert "pod-web-1-from-web-cfg" in deployed.printed
    printed = (previewed, mismatched, deployed)
    assert secret not in "".join(job.printed for job in printed) + checkout.summary
    files = [path for path in checkout.folder.iterdir() if path.is_file()]
    assert [path.name for path in files if secret in path.read_text()] == []


def test_a_config_in_a_subfolder_is_deployed_and_stays(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    checkout.config("web", place="team/deep/web.yaml", app="web")
    for number in range(2):
        checkout.config(f"none-{number}", app="none")
        assert deploy(checkout, lister, kubeconfig).code == 0
        assert set(names(api, namespace)) == {"pod-web-0-from-web-cfg"}


def test_the_last_file_can_be_removed(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """With it, git removes the folder, which then neither command would find."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    file = checkout.config("web", app="web")
    assert deploy(checkout, lister, kubeconfig).code == 0
    file.unlink()
    file.parent.rmdir()
    assert checkout.job("preview", lister).code == 0
    assert "would delete 1 ConfigMap" in checkout.summary
    assert checkout.job("deploy", kubeconfig, DIGEST=checkout.digest).code == 0
    assert (configs(api, namespace), names(api, namespace)) == (set(), [])


@pytest.mark.parametrize("place", [".hidden.yaml", ".hidden/web.yaml"])
def test_a_file_is_deployed_only_if_the_plan_shows_it(  # noqa: PLR0917 - fixtures
    place: str, api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    """The check reads the files as kubectl does, hidden ones too."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    checkout.config("none", app="none")
    checkout.config("web", place=place, app="web")
    deployed = deploy(checkout, lister, kubeconfig)
    is_shown = "pod-web-0-from-web-cfg" in checkout.summary
    assert ("web" in configs(api, namespace)) == is_shown
    assert (deployed.failed, deployed.code) == (("", 0) if is_shown else (CHECK, 4))


def test_another_kind_beside_the_configs_is_not_deployed(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    file = checkout.config("web", app="web")
    planted = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "planted"}}
    file.write_text(yaml.safe_dump_all([yaml.safe_load(file.read_text()), planted]))
    deployed = deploy(checkout, lister, kubeconfig)
    assert (deployed.failed, deployed.code) == (CHECK, 1)
    assert configs(api, namespace) == set()
    assert api.get("ConfigMap", namespace, "planted") is None


def test_the_deploy_job_needs_the_permissions_that_the_page_names(
    api: Api, control_plane: ControlPlane, kubeconfig: Path, checkout: Checkout, tmp_path: Path
) -> None:
    """Those of `podcm-sync rbac`, and these five on configs; also to remove the last one."""
    verbs = ["get", "list", "create", "patch", "delete"]
    words = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))
    assert "and `get`, `list`, `create`, `patch` and `delete` on podconfigmapconfigs" in words
    token = account(api, checkout.namespace, {**LEAST, "podconfigmapconfigs": verbs})
    deployer = kubeconfig_of(control_plane, tmp_path, checkout.namespace, token)
    api.make_pod(checkout.namespace, "web-0", labels={"app": "web"})
    file = checkout.config("web", app="web")
    assert deploy(checkout, kubeconfig, deployer).code == 0
    assert set(names(api, checkout.namespace)) == {"pod-web-0-from-web-cfg"}
    checkout.config("none", app="none")
    file.unlink()
    assert deploy(checkout, kubeconfig, deployer).code == 0
    assert configs(api, checkout.namespace) == {"none"}
    (checkout.folder / "pcmc" / "none.yaml").unlink()
    deployed = deploy(checkout, kubeconfig, deployer)
    assert deployed.code == 0
    assert configs(api, checkout.namespace) == set()
    assert "forbidden" not in deployed.printed.lower()


def test_without_a_digest_nothing_is_deployed(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout
) -> None:
    """An output that was lost on the way is no leave to write."""
    api.make_pod(namespace, "web-0", labels={"app": "web"})
    checkout.config("web", app="web")
    deployed = checkout.job("deploy", kubeconfig, DIGEST="")
    assert (deployed.failed, deployed.code) == (CHECK, 2)
    assert (configs(api, namespace), names(api, namespace)) == (set(), [])


def test_the_kubeconfig_is_only_in_the_runners_folder_and_only_during_the_job(
    api: Api, namespace: str, kubeconfig: Path, checkout: Checkout, lister: Path
) -> None:
    checkout.config("web", app="web")
    assert deploy(checkout, lister, kubeconfig).code == 0
    failed = checkout.job("deploy", kubeconfig, DIGEST="sha256:" + "0" * 64)
    assert failed.code == 4
    assert list(checkout.temp.iterdir()) == []
    token = "token:"  # noqa: S105 - what a kubeconfig has
    assert token in lister.read_text()
    files = [path for path in checkout.folder.iterdir() if path.is_file()]
    assert [path.name for path in files if token in path.read_text()] == []
