"""What the command line looks up on a real API server: where an object is, names, the state."""

import os
import subprocess
import sys
from pathlib import Path

from tests import command
from tests.controlplane.accounts import LISTS, account, kubeconfig_of
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config, selecting


def test_explain_says_where_an_object_is(api: Api, namespace: str, kubeconfig: Path) -> None:
    api.make_pod(namespace, "only-here", labels={"app": "web"})
    make_config(api, namespace, "only-this", spec=selecting(app="web"))
    for subject in ("pod/only-here", "pcmc/only-this"):
        done = command.run("explain", subject, "-n", "default", kubeconfig=kubeconfig)
        assert (done.code, done.stdout) == (3, "")
        assert "not found in namespace default" in command.error_of(done)
        assert command.hint_of(done) == f"add -n {namespace} (it exists in: {namespace})"


def test_without_the_permission_to_look_the_hint_is_the_option(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    path = kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, LISTS))
    done = command.run("explain", "pod/elsewhere", kubeconfig=path)
    assert done.code == 3
    assert command.hint_of(done) == "add -n NAMESPACE"


def test_status_shows_what_the_next_run_would_do(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace, spec=selecting(app="web"))
    row = command.run("status", "-n", namespace, kubeconfig=kubeconfig).stdout.splitlines()[1]
    assert row.split() == [namespace, "mine", "No", "1", "0/1", "1", "1", "to", "create"]
    assert command.run("-n", namespace, kubeconfig=kubeconfig).code == 0
    row = command.run("status", "-n", namespace, kubeconfig=kubeconfig).stdout.splitlines()[1]
    assert row.split() == [namespace, "mine", "Yes", "1", "1/1", "0"]


def test_a_group_is_impersonated_as_kubectl_does_it(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """Ann alone may do nothing; as one of the masters she may do all."""
    make_config(api, namespace)
    words = ["--as", "ann", "-n", namespace, "--dry-run"]
    assert command.run(*words, kubeconfig=kubeconfig).code == 5
    group = ["--as-group", "system:masters"]
    assert command.run(*words, *group, kubeconfig=kubeconfig).code == 0


def completed(kubeconfig: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "podcm_sync"],
        env={
            "PATH": os.environ["PATH"],
            "KUBECONFIG": str(kubeconfig),
            "_PODCM_SYNC_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(("podcm-sync", *words)),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_namespaces_and_names_complete(api: Api, namespace: str, kubeconfig: Path) -> None:
    api.make_pod(namespace, "web-0")
    api.make_pod(namespace, "web-1")
    api.make_pod(namespace, "db")
    make_config(api, namespace)
    assert completed(kubeconfig, "-n", namespace[:-1]) == [namespace]
    before = ("-n", namespace, "explain")
    assert completed(kubeconfig, *before, "pod/web") == ["pod/web-0", "pod/web-1"]
    assert completed(kubeconfig, "explain", "-n", namespace, "pcmc/") == ["pcmc/mine"]
