"""The options of the loop: what goes with `--watch`, and the interval that it implies."""

from collections.abc import Sequence

import pytest
import typer

from podcm_sync.cli import help_text
from podcm_sync.cli.option import parameters, takes_options
from podcm_sync.cli.sync_options import LoopOptions, SyncOptions
from tests import command

WATCH = ("--loop", "--watch")


def chosen(*arguments: str) -> LoopOptions:
    """What the options of the loop come to."""
    taken: list[SyncOptions] = []

    def verb(options: SyncOptions) -> int:
        taken.append(options)
        return 0

    app = typer.Typer()
    app.command()(takes_options(verb))
    app(list(arguments), standalone_mode=False)
    return taken[0].timing


@pytest.mark.parametrize(
    ("arguments", "seconds"),
    [
        ((), 60),
        (("--loop",), 60),
        (WATCH, 600),
        ((*WATCH, "--interval", "60s"), 60),
        ((*WATCH, "--interval=1h"), 3600),
        (("--loop", "--interval", "5m"), 300),
    ],
)
def test_without_an_interval_a_loop_runs_each_minute_and_a_watching_one_every_ten(
    arguments: Sequence[str], seconds: float
) -> None:
    options = chosen(*arguments)
    assert options.interval == seconds
    assert options.watch is ("--watch" in arguments)


def test_variables_count_as_the_options_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PODCM_SYNC_WATCH", "true")
    assert chosen("--loop") == LoopOptions(loop=True, watch=True, interval=600.0)
    monkeypatch.setenv("PODCM_SYNC_INTERVAL", "60s")
    assert chosen("--loop").interval == 60
    # typer takes a variable without a value for one that isn't set.
    monkeypatch.setenv("PODCM_SYNC_INTERVAL", "")
    assert chosen("--loop").interval == 600


@pytest.mark.parametrize(
    "arguments",
    [
        ("--watch",),
        ("--watch", "--dry-run"),
        (*WATCH, "--dry-run"),
        (*WATCH, "--from", "."),
        (*WATCH, "--dry-run", "-f", "-"),
    ],
)
def test_watching_is_for_a_loop_that_writes_to_a_cluster(arguments: Sequence[str]) -> None:
    done = command.run(*arguments, kubeconfig=None)
    assert (done.code, done.stdout) == (2, "")
    assert command.error_of(done) == (
        "--watch requires --loop, and can't be combined with --dry-run or --from"
    )


def test_watching_takes_no_files() -> None:
    done = command.run(*WATCH, "-f", "-", kubeconfig=None)
    assert (done.code, command.error_of(done)) == (2, "-f requires --dry-run")


def test_the_help_shows_both_intervals() -> None:
    (interval,) = [each for each in parameters(SyncOptions) if each.name == "interval"]
    assert help_text._default(interval) == "60s, or 10m with --watch"
    assert "(60s, or 10m with --watch)" in help_text.full()
