"""`podcm-sync status` over manifests: what is printed, and exit codes."""

import json
from pathlib import Path

from tests import command

SHOP = Path(__file__).parents[3] / "examples" / "shop"


def test_the_table_stands_on_stdout_and_exits_0() -> None:
    """A config that is not ready is an answer, not a failure."""
    done = command.run("status", "--from", str(SHOP), kubeconfig=None)
    assert done.code == 0
    heads, *lines = [line.split(maxsplit=6) for line in done.stdout.splitlines()]
    assert " ".join(heads).split() == [
        *("NAMESPACE", "CONFIG", "IN", "SYNC", "PODS", "CONFIGMAPS", "PENDING", "MESSAGE")
    ]
    assert [line[:2] for line in lines] == [
        ["shop", "backend"],
        ["shop", "web"],
        ["warehouse", "stock"],
    ]
    assert lines[1][2:] == ["No", "3", "0/3", "4", "2 to create, 1 to update, 1 to delete"]
    assert not (SHOP / "generated" / "shop" / "pod-web-1-from-web-cfg.yaml").exists()


def test_json_is_one_document() -> None:
    done = command.run("status", "-n", "shop", "-o", "json", "--from", str(SHOP), kubeconfig=None)
    content = json.loads(done.stdout)
    assert content["version"] == "podcm-sync/status/v1"
    assert [row["config"] for row in content["configs"]] == ["backend", "web"]


def test_an_empty_scope_says_so_on_stdout() -> None:
    done = command.run("status", "-n", "shpo", "--from", str(SHOP), kubeconfig=None)
    nothing = "No Pods and no PodConfigMapConfigs in namespace shpo"
    nothing += " (podcm-sync can't check whether it exists).\n"
    assert (done.code, done.stdout) == (0, nothing)


def test_a_limit_on_deletions_is_that_of_the_run() -> None:
    """A cluster's runs have limits: without them, status would show changes that no run makes."""

    def web(*limits: str) -> list[str]:
        done = command.run("status", "-n", "shop", "--from", str(SHOP), *limits, kubeconfig=None)
        return done.stdout.splitlines()[2].split(maxsplit=6)

    assert web("--max-prune", "1")[5:] == web()[5:]
    pending, message = web("--max-prune", "0")[5:]
    assert pending == "3"
    assert message.startswith("PruneBlocked: held back: the run would delete 1 ConfigMap in")
    assert web("--max-prune-total", "0")[5] == "3"
    assert web("--policy", "upsert-only")[5:] == ["3", "2 to create, 1 to update"]


def test_redact_hides_what_a_message_quotes() -> None:
    plain, hidden = (
        command.run("status", "--from", str(SHOP), *more, kubeconfig=None).stdout
        for more in ((), ("--redact",))
    )
    assert '"in"' in plain
    assert '"in"' not in hidden
    assert "withheld by --redact" in hidden
