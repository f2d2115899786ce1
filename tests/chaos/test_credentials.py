"""Credentials that expire, hang or fail: renewed once for all threads, or the run ends in time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from podcm_sync.cluster.kube import exec_plugin
from tests.chaos.plugin import Plugin
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule
from tests.chaos.running import run_once
from tests.command import started
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config

PODS = 8
LIMIT = 1.5
"""Seconds that a plugin may take here; 30 outside of tests."""
SOON = 1.5


@pytest.fixture
def tokens(api: Api, namespace: str) -> tuple[str, str]:
    """Two tokens of one ServiceAccount that may do everything in the namespace."""
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    subject = {"kind": "ServiceAccount", "name": "default", "namespace": namespace}
    api.create(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "all", "namespace": namespace},
            "roleRef": ref,
            "subjects": [subject],
        }
    )
    first, second = (api.service_account_token(namespace, "default") for _ in range(2))
    assert first != second
    return first, second


@pytest.fixture
def plugin(tmp_path: Path, tokens: tuple[str, str], through: Path) -> Iterator[Plugin]:
    """The plugin of the kubeconfig through the proxy: one token at first, then the other."""
    made = Plugin(tmp_path / "plugin", first=tokens[0], later=tokens[1])
    made.into(through)
    yield made
    made.end()


@pytest.fixture(autouse=True)
def work(api: Api, namespace: str) -> None:
    for number in range(PODS):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)


def expired(token: str, method: str = ".*", nth: int = 1) -> Rule:
    """From some request on the server no longer accepts that token."""
    return Rule(Fault.ANSWER, status=401, token=token, method=method, nth=nth, times=None)


@pytest.mark.parametrize(("method", "nth"), [("GET", 1), ("GET", 3), ("POST", 1), ("POST", 5)])
def test_a_plugins_token_that_expires_is_renewed_once_for_all_threads(
    proxy: Proxy, through: Path, plugin: Plugin, method: str, nth: int
) -> None:
    proxy.begin(expired(plugin.first, method, nth))
    ran = run_once(through, concurrency=PODS)
    assert ran.code == 0, ran
    assert len([each for each in proxy.writes() if 201 in each.codes]) == PODS
    assert plugin.runs == 2


def test_a_kubeconfigs_token_that_was_replaced_is_read_anew(
    control_plane: ControlPlane,
    namespace: str,
    proxy: Proxy,
    through: Path,
    tokens: tuple[str, str],
) -> None:
    """A credential that another tool renews in the file, as cloud tools do."""

    def written(token: str) -> None:
        control_plane.kubeconfig(through, token=token, namespace=namespace, server=proxy.url)

    written(tokens[0])
    proxy.begin(expired(tokens[0], nth=2))
    ran = run_once(through, connected=lambda: written(tokens[1]))
    assert ran.code == 0, ran


@pytest.mark.parametrize("first", [1, 2])
def test_a_plugin_that_hangs_ends_the_run_in_its_time_limit(
    proxy: Proxy, through: Path, plugin: Plugin, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """At the start, or when the token expires while eight threads write: it is run once there."""
    monkeypatch.setattr(exec_plugin, "UNATTENDED_SECONDS", LIMIT)
    plugin.hang_from(first)
    proxy.begin(expired(plugin.first, "POST"))
    ran = run_once(through, concurrency=PODS)
    assert ran.code == 5
    assert plugin.runs == first
    assert ran.seconds < LIMIT + SOON


@pytest.mark.parametrize("first", [1, 2])
def test_a_plugin_that_fails_ends_the_run_with_exit_5_and_is_run_once(
    proxy: Proxy, through: Path, plugin: Plugin, first: int
) -> None:
    plugin.fail_from(first)
    proxy.begin(expired(plugin.first, "POST"))
    with started(through, "-o", "json") as running:
        ended = running.end()
    assert ended.code == 5
    assert plugin.runs == first
    assert "the identity provider is away" in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("first", [1, 2])
def test_a_plugin_that_hangs_does_not_outlast_the_deadline(
    proxy: Proxy, through: Path, plugin: Plugin, first: int
) -> None:
    """Nothing hangs past its deadline (§7), even if a plugin's own limit is longer."""
    plugin.hang_from(first)
    proxy.begin(expired(plugin.first, "POST"))
    with started(through, "--deadline", "2s") as running:
        ended = running.end(2.0 + 2.0)
    assert ended.code == 5


@pytest.mark.parametrize("content", [None, "users: ["], ids=["gone", "broken"])
def test_a_kubeconfig_that_cannot_be_read_again_mid_run_is_no_usage_error(
    proxy: Proxy, through: Path, tokens: tuple[str, str], content: str | None
) -> None:
    """Exit 2 says that nothing was changed; here writes were made, so it is 5, with a report."""
    proxy.begin(Rule(Fault.ANSWER, status=401, method="POST", nth=3, times=None))

    def spoilt() -> None:
        if content is None:
            through.unlink()
        else:
            through.write_text(content)

    ran = run_once(through, concurrency=2, connected=spoilt)
    assert ran.code == 5, ran
    assert ran.report is not None


def test_credentials_lost_in_a_later_pass_do_not_cost_the_report(
    proxy: Proxy, through: Path
) -> None:
    """sync.run: once something was written, nothing but a bug raises."""
    conflict = Rule(Fault.ANSWER, status=409, method="POST")
    # Lists of configmaps: ours, all names; in the second pass ours, and then all names.
    refused = Rule(Fault.ANSWER, status=401, method="GET", path="/configmaps$", nth=4, times=None)
    refused_too = Rule(Fault.ANSWER, status=401, method="POST", nth=PODS + 1, times=None)
    proxy.begin(conflict, refused, refused_too)
    ran = run_once(through, concurrency=1)
    assert ran.report is not None, ran.error
    assert ran.code == 5
    assert len([each for each in proxy.writes() if 201 in each.codes]) == PODS - 1
