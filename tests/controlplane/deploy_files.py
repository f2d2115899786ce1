"""deploy/ as a person uses it: its documents, and the very commands that its comments give."""

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import yaml

from podcm_sync.cli.option import parse_duration
from podcm_sync.cluster.kube.retry import ATTEMPTS, BACKOFF_SECONDS
from tests.controlplane.api import Api, Object, Objects
from tests.controlplane.harness import ControlPlane

REPOSITORY = Path(__file__).resolve().parents[2]
DEPLOY = REPOSITORY / "deploy"

TEAM = "kustomize/namespaced/team/kustomization.yaml"
DEPLOYMENT = "kustomize/deployment/deployment.yaml"
SHARDED = "kustomize/sharded/cronjob.yaml"

# What deploy/cronjob.yaml runs, written down a second time: it is a promise.
SHIPPED = [
    "-A",
    *("--deadline", "200s", "--request-timeout", "20s"),
    *("--max-prune", "100", "--max-prune", "50%"),
    *("--max-prune-total", "50", "--max-prune-total", "20%"),
    "--tolerate-object-failures",
]

BACKOFFS: float = sum(BACKOFF_SECONDS * 2.0**number for number in range(ATTEMPTS - 1))
"""The seconds between the attempts of one read, at most."""


def seconds(arguments: list[str], option: str) -> float:
    """A duration among the arguments."""
    return parse_duration(arguments[arguments.index(option) + 1]) or 0.0


def longest_read(arguments: list[str]) -> float:
    """The seconds after which a read that is never answered has failed for good."""
    return ATTEMPTS * seconds(arguments, "--request-timeout") + BACKOFFS


def apply_rights(api: Api) -> Objects:
    """The namespace podcm-sync, and in it the ServiceAccount with the permissions of rbac.yaml."""
    files = ("00-namespace.yaml", "rbac.yaml")
    return [obj for file in files for obj in api.apply_yaml(DEPLOY / file)]


def document(file: str, kind: str) -> Object:
    """The file's one document of that kind."""
    (found,) = [d for d in yaml.safe_load_all((DEPLOY / file).read_text()) if d["kind"] == kind]
    assert isinstance(found, dict)
    return found


def cronjob_container() -> Object:
    """The CronJob's one container."""
    job = document("cronjob.yaml", "CronJob")["spec"]["jobTemplate"]["spec"]
    (container,) = job["template"]["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def documented(file: str, words: str) -> str:
    """The one command in the file's comments that has these words in it, lines joined."""
    comments = re.findall(r"^#(.*)$", (DEPLOY / file).read_text(), re.MULTILINE)
    text = re.sub(r"\|\n +", "| ", "\n".join(comments))
    # A command is a line of its own, set in, sometimes behind a word on what it does.
    (found,) = [line for line in text.splitlines() if words in line]
    return re.sub(r"^ (\w[^:]*:)? *", "", found)


def shell(
    plane: ControlPlane, kubeconfig: Path, command: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs it from the repository's top, with kubectl on PATH, as the kubeconfig's user."""
    path = f"{plane.binaries}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", command],
        cwd=REPOSITORY,
        env={"PATH": path, "HOME": str(kubeconfig.parent), "KUBECONFIG": str(kubeconfig)}
        | dict(env or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
