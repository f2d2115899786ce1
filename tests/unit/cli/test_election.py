"""The options of the election: what cannot be meant is said, and what they come to."""

from collections.abc import Sequence

import pytest
import typer

from podcm_sync.cli.option import takes_options
from podcm_sync.cli.profile_options import ElectionOptions
from podcm_sync.cli.sync_options import SyncOptions
from podcm_sync.errors import UsageError
from podcm_sync.leaderelection.rules import Timing
from podcm_sync.reconcile.snapshot import Shard
from tests import command

LOOP = ("--loop", "--leader-elect")
BAD: list[tuple[Sequence[str], Sequence[str]]] = [
    (["--leader-elect"], ["--leader-elect", "--loop"]),
    (["--leader-elect", "--dry-run"], ["--leader-elect", "--dry-run"]),
    ([*LOOP, "--dry-run"], ["--leader-elect", "--dry-run"]),
    ([*LOOP, "--from", "."], ["--leader-elect", "--from"]),
    ([*LOOP, "--lease-duration", "soon"], ["--lease-duration", "'soon'", "30s"]),
    ([*LOOP, "--lease-duration", "10s"], ["--lease-duration", "--renew-deadline, 10s"]),
    ([*LOOP, "--lease-duration", "0"], ["--lease-duration", "at least 1s"]),
    ([*LOOP, "--renew-deadline", "2s"], ["--renew-deadline", "1.2", "--retry-period, 2s"]),
    ([*LOOP, "--renew-deadline", "2400ms"], ["--renew-deadline", "1.2"]),
    ([*LOOP, "--retry-period", "0"], ["--retry-period", "more than 0"]),
    ([*LOOP, "--lease-name", "Not_One"], ["'Not_One'", "--lease-name"]),
    ([*LOOP, "--lease-namespace", "a.b"], ["'a.b'", "--lease-namespace"]),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=[" ".join(a)[:60] for a, _ in BAD])
def test_what_cannot_be_meant_is_one_line_and_exit_2(
    arguments: Sequence[str], words: Sequence[str]
) -> None:
    done = command.run(*arguments, kubeconfig=None)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 2
    for word in words:
        assert word in done.stderr


def chosen(*arguments: str) -> ElectionOptions:
    """What the options of an election come to."""
    taken: list[SyncOptions] = []

    def verb(options: SyncOptions) -> int:
        taken.append(options)
        return 0

    app = typer.Typer()
    app.command()(takes_options(verb))
    app([*LOOP, *arguments], standalone_mode=False)
    return taken[0].election


def times_of(options: ElectionOptions) -> tuple[float, float, float]:
    return options.lease_duration, options.renew_deadline, options.retry_period


def test_the_times_are_client_gos() -> None:
    assert chosen() == ElectionOptions(leader_elect=True)
    assert chosen().name_for(None) == "podcm-sync"
    assert times_of(chosen()) == (15, 10, 2)
    assert (Timing().lease_duration, Timing().renew_deadline, Timing().retry_period) == (15, 10, 2)


def test_each_shard_has_a_lease_of_its_own() -> None:
    """With one for all, all but one shard would wait for ever."""
    assert chosen().name_for(Shard(index=1, count=4)) == "podcm-sync-shard-1-of-4"
    assert chosen("--lease-name", "mine").name_for(Shard(index=1, count=4)) == "mine"


def test_times_at_the_limits_are_taken() -> None:
    times = ("--lease-duration", "1s", "--renew-deadline", "900ms", "--retry-period", "500ms")
    assert times_of(chosen(*times)) == (1.0, 0.9, 0.5)
    times = ("--lease-duration", "900ms", "--renew-deadline", "800ms", "--retry-period", "100ms")
    with pytest.raises(UsageError):
        chosen(*times)
