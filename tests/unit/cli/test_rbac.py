"""`podcm-sync rbac`: its options, and the command that it says made the output."""

import shlex

import pytest

from podcm_sync.cli import invoke
from podcm_sync.cli.rbac import command
from podcm_sync.errors import InputError
from podcm_sync.rbac.rights import RunProfile, Subject, subject_of


@pytest.mark.parametrize(
    "arguments",
    [
        ["rbac", "-A"],
        ["rbac", "-n", "shop", "-n", "billing", "--no-events"],
        ["rbac", "--dry-run"],
        ["rbac", "-A", "--leader-elect", "--lease-namespace=ops", "--bind=ops:sync", "--name=mine"],
        ["rbac", "--leader-elect", "--lease-name=another"],
        ["rbac", "-n", "shop", "--watch", "--leader-elect", "--bind=ops:sync"],
    ],
)
def test_what_it_prints_says_how_to_print_it_again(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert invoke(arguments) == 0
    printed = capsys.readouterr().out
    said = printed.partition("Made by: ")[2].partition("\n")[0]
    assert shlex.split(said) == ["podcm-sync", *arguments]


@pytest.mark.parametrize(
    "arguments",
    [
        ["--bind", "ops"],
        ["--bind", "Ops:sync"],
        ["--bind", "ops:"],
        ["--name", "No Name"],
        ["--lease-namespace", "a.b"],
        ["--lease-name", "A"],
        ["--shard", "0/4"],
        ["-A", "-n", "shop"],
        ["-n", "Shop"],
    ],
)
def test_what_cannot_be_is_refused(arguments: list[str]) -> None:
    with pytest.raises(InputError):
        invoke(["rbac", *arguments])


@pytest.mark.parametrize("variable", ["PODCM_SYNC_EVENTS", "PODCM_SYNC_DRY_RUN"])
def test_the_variables_of_a_run_count(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(variable, "false" if "EVENTS" in variable else "true")
    assert invoke(["rbac"]) == 0
    assert "events.k8s.io" not in capsys.readouterr().out


def test_the_lease_is_only_spoken_of_where_it_is_needed() -> None:
    words = command(RunProfile(lease_namespace="ops", lease_name="x"), (), is_all=True)
    assert words == ["podcm-sync", "rbac", "-A"]


def test_a_shard_has_a_lease_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """As `--leader-elect` has it: with one Lease all shards but one would wait for ever."""
    assert invoke(["rbac", "-A", "--shard", "1/4", "--leader-elect"]) == 0
    printed = capsys.readouterr().out
    assert "resourceNames: [podcm-sync-shard-1-of-4]" in printed
    assert "--lease-name=podcm-sync-shard-1-of-4" in printed.splitlines()[0]


@pytest.mark.parametrize(
    ("username", "subject"),
    [
        ("system:serviceaccount:ops:sync", Subject(namespace="ops", name="sync")),
        ("jane", None),
        ("system:admin", None),
        ("", None),
        (None, None),
    ],
)
def test_a_service_account_is_known_by_its_user_name(
    username: str | None, subject: Subject | None
) -> None:
    assert subject_of(username) == subject
