"""Answers that are none, or not only one."""

import gc
import weakref

import pytest

from podcm_sync.cluster.kube.answers import Incoming, NoAnswerError

FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


def test_a_success_without_a_length_is_no_answer() -> None:
    """Nobody would know whether it is whole; what a refusal says is for people."""
    incoming = Incoming()
    incoming.take(b"HTTP/1.0 200 OK\r\n\r\n{}")
    with pytest.raises(NoAnswerError, match="broke off"):
        incoming.take(b"")


def test_what_goes_before_the_answer_is_passed_over() -> None:
    incoming = Incoming()
    incoming.take(b"HTTP/1.1 103 Early Hints\r\nDate: then\r\n\r\n" + FINE)
    found = incoming.response()
    assert (found.status, found.body, found.date) == (200, b"{}", "")


def test_what_was_not_asked_for_is_no_answer() -> None:
    """We ask for `identity`; compressed bytes would only be a riddle further on."""
    incoming = Incoming()
    incoming.take(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx")
    with pytest.raises(NoAnswerError, match="compressed"):
        incoming.response()


def test_a_page_is_gone_once_nobody_has_it() -> None:
    """Runs collect garbage seldom: a cycle would keep page after page of a list."""
    incoming = Incoming()
    incoming.take(FINE)
    incoming.response()
    left = weakref.ref(incoming)
    gc.disable()
    try:
        del incoming
        assert left() is None
    finally:
        gc.enable()
