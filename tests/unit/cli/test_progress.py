"""Progress goes to stderr, on a terminal alone, and is no part of the result (spec §7)."""

import pytest

from podcm_sync.cli.progress import WORTH_A_BAR, Progress
from podcm_sync.model.changes import Plan, Result
from tests.builders import change, outcome


def test_elsewhere_than_on_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    changes = tuple(change(name=f"pod-{number}-cfg") for number in range(WORTH_A_BAR))
    with Progress() as progress:
        progress.begin(Plan(changes=changes))
        for each in changes:
            progress.advance(outcome(Result.CREATED, of=each))
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")
