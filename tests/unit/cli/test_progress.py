"""Progress goes to stderr, on a terminal alone, and is no part of the result (behavior.md §7)."""

import io
import logging
import sys
import time

import pytest

from podcm_sync.cli import logs, sign_of_life
from podcm_sync.cli.output import WORTH_A_BAR, Progress
from podcm_sync.cli.sign_of_life import SignOfLife
from podcm_sync.reconcile.changes import Plan, Result
from tests.builders import change, outcome


def test_elsewhere_than_on_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    changes = tuple(change(name=f"pod-{number}-cfg") for number in range(WORTH_A_BAR))
    with Progress() as progress:
        progress.begin(Plan(changes=changes))
        for each in changes:
            progress.advance(outcome(Result.CREATED, of=each))
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


class Terminal(io.StringIO):
    """A terminal that keeps what was written to it."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal in place of stderr. No fixture: pytest puts stderr back before the test."""
    shown = Terminal()
    monkeypatch.setattr(sys, "stderr", shown)
    monkeypatch.setattr(sign_of_life, "FIRST_SECONDS", 0.01)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    return shown


def wait_for(terminal: Terminal, text: str) -> None:
    until = time.monotonic() + 10
    while text not in terminal.getvalue():
        assert time.monotonic() < until, f"{text!r} is not in {terminal.getvalue()!r}"
        time.sleep(0.005)


def test_a_wait_shows_a_sign_of_life_that_a_log_line_erases(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    handler = logs._Stderr(terminal)
    record = logging.LogRecord("podcm_sync", logging.WARNING, "", 0, "waiting", (), None)
    with SignOfLife("listing and planning"):
        wait_for(terminal, "\r\x1b[Kpodcm-sync: listing and planning (0 s)")
        handler.emit(record)
    assert terminal.getvalue().endswith("(0 s)\r\x1b[Kwaiting\n")


def test_after_a_stop_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    with SignOfLife("listing") as sign:
        wait_for(terminal, "listing (0 s)")
        sign.stop()
        assert terminal.getvalue().endswith("\r\x1b[K")
        logs.status_line.show("late", unless=sign._stopped.is_set)
    assert "late" not in terminal.getvalue()


def test_a_short_wait_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setattr(sign_of_life, "FIRST_SECONDS", 2.0)
    with SignOfLife("listing"):
        pass
    assert terminal.getvalue() == ""


def test_a_dumb_terminal_gets_no_line_that_must_be_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = on_terminal(monkeypatch)
    monkeypatch.setenv("TERM", "dumb")
    with SignOfLife("listing"):
        time.sleep(0.05)
    assert terminal.getvalue() == ""


def test_log_lines_fold_between_words_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_terminal(monkeypatch)
    record = logging.LogRecord("podcm_sync", logging.ERROR, "", 0, "word " * 30, (), None)
    lines = logs._Text(is_redacted=False).format(record).splitlines()
    assert len(lines) == 3
    assert max(map(len, lines)) <= 80
    assert all(line.startswith(("podcm-sync: error: word", "    word")) for line in lines)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert "\n" not in logs._Text(is_redacted=False).format(record)
