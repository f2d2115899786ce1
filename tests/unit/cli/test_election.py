"""The options of the election: what cannot be meant is said, and what they come to."""

from collections.abc import Sequence

import pytest
import typer

from podcm_sync.cli.options.election import leader_election
from podcm_sync.model.objects import Shard
from podcm_sync.settings import LeaderElection, Timing
from tests.controlplane import command

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
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def chosen(
    times: tuple[str, str, str] = ("15s", "10s", "2s"),
    name: str | None = None,
    shard: Shard | None = None,
) -> LeaderElection:
    return leader_election(None, name, *times, shard=shard)


def test_the_times_are_client_gos() -> None:
    assert chosen() == LeaderElection(name="podcm-sync", timing=Timing())
    assert (Timing().lease_duration, Timing().renew_deadline, Timing().retry_period) == (15, 10, 2)


def test_each_shard_has_a_lease_of_its_own() -> None:
    """With one for all, all but one shard would wait for ever."""
    assert chosen(shard=Shard(index=1, count=4)).name == "podcm-sync-shard-1-of-4"
    assert chosen(shard=Shard(index=1, count=4), name="mine").name == "mine"


def test_times_at_the_limits_are_taken() -> None:
    timing = chosen(("1s", "900ms", "500ms")).timing
    assert timing == Timing(lease_duration=1.0, renew_deadline=0.9, retry_period=0.5)
    with pytest.raises(typer.BadParameter):
        chosen(("900ms", "800ms", "100ms"))
