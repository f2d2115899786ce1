"""What takes too long is ended from outside; what does not is left alone."""

import math
import socket
import threading
import time

import pytest

from podcm_sync.cluster.kube.watchdog import Watchdog


def test_a_read_that_takes_too_long_comes_back_with_nothing() -> None:
    near, far = socket.socketpair()
    with near, far, Watchdog().watching(lambda: near, time.monotonic() + 0.1):
        assert near.recv(1) == b""


def test_so_does_a_write_that_nobody_reads() -> None:
    near, far = socket.socketpair()
    with (
        near,
        far,
        Watchdog().watching(lambda: near, time.monotonic() + 0.1),
        pytest.raises(BrokenPipeError),
    ):
        near.sendall(bytes(10_000_000))


@pytest.mark.parametrize("end", [0.3, math.inf])
def test_what_ends_in_time_is_left_alone(end: float) -> None:
    """The next to use the socket finds it as it was, past the end of the one before."""
    watchdog = Watchdog()
    near, far = socket.socketpair()
    with near, far:
        for _ in range(100):
            with watchdog.watching(lambda: near, time.monotonic() + end):
                far.sendall(b"x")
                assert near.recv(1) == b"x"
        time.sleep(0.4)
        far.sendall(b"x")
        assert near.recv(1) == b"x"


def test_many_at_once_have_each_their_own_end() -> None:
    """Of 40 readers the half has no end, and only the other half comes back with nothing."""
    watchdog = Watchdog()
    pairs = [socket.socketpair() for _ in range(40)]
    came: dict[int, bytes] = {}

    def read(number: int) -> None:
        end = time.monotonic() + 0.2 if number % 2 else math.inf
        with watchdog.watching(lambda: pairs[number][0], end):
            came[number] = pairs[number][0].recv(1)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(40)]
    for each in threads:
        each.start()
    for each in threads[1::2]:
        each.join(10)
    assert came == dict.fromkeys(range(1, 40, 2), b"")
    for _, far in pairs[::2]:
        far.sendall(b"x")
    for each in threads:
        each.join(10)
    assert [came[number] for number in range(0, 40, 2)] == [b"x"] * 20
    for near, far in pairs:
        near.close()
        far.close()


def test_it_sleeps_where_there_is_nothing_to_watch_and_wakes_up_again() -> None:
    """A loop that rests for a minute has no thread that runs fifty times a second."""
    watchdog = Watchdog()
    near, far = socket.socketpair()
    with near, far:
        for _ in range(2):
            with watchdog.watching(lambda: near, math.inf):
                assert watchdog._is_needed.is_set()
            until = time.monotonic() + 5
            while watchdog._is_needed.is_set() and time.monotonic() < until:
                time.sleep(0.01)
            assert not watchdog._is_needed.is_set()
        with watchdog.watching(lambda: near, time.monotonic() + 0.1):
            assert near.recv(1) == b""
