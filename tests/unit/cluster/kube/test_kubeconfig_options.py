"""--as and --as-group stand in for the kubeconfig's own, as kubectl has it."""

from pathlib import Path

import pytest

from podcm_sync.cluster.kube.client_config import context_names, load
from podcm_sync.errors import InputError

KUBECONFIG = """\
apiVersion: v1
kind: Config
clusters: [{{name: a, cluster: {{server: "https://127.0.0.1:6443"}}}}]
users: [{{name: b, user: {user}}}]
contexts:
- {{name: one, context: {{cluster: a, user: b}}}}
- {{name: two, context: {{cluster: a, user: b}}}}
current-context: one
"""


def kubeconfig(folder: Path, user: str = "{}") -> str:
    path = folder / "config"
    path.write_text(KUBECONFIG.format(user=user))
    return str(path)


def test_groups_are_a_header_each(tmp_path: Path) -> None:
    target = load(kubeconfig(tmp_path), None, "ann", ("dev", "ops"))
    assert target.headers == (
        "Impersonate-User: ann",
        "Impersonate-Group: dev",
        "Impersonate-Group: ops",
    )


def test_groups_stand_in_for_those_of_the_kubeconfig(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, "{as: bob, as-groups: [old]}")
    assert load(path, None).headers == ("Impersonate-User: bob", "Impersonate-Group: old")
    assert load(path, None, None, ("new",)).headers == (
        "Impersonate-User: bob",
        "Impersonate-Group: new",
    )


def test_groups_without_a_user_are_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--as-group requires --as") as raised:
        load(kubeconfig(tmp_path), None, None, ("dev",))
    assert raised.value.hint == "add --as USER"


def test_the_contexts_are_those_of_the_file(tmp_path: Path) -> None:
    assert list(context_names(kubeconfig(tmp_path))) == ["one", "two"]
