"""Whatever happens to candidates, requests and the Lease: no two write at once, and one does again.

Candidates have clocks of other origins and paces; requests and answers are lost, late, or carried
out after they were given up; candidates are killed, ended and started; hands edit the Lease.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.laws.elections import TIMING, World

FAULTS = 12
BETWEEN = 2 * TIMING.lease_duration
"""Seconds between two faults of processes or hands; requests fail all the time."""


def play(seed: int, candidates: int) -> World:
    """Faults, and then none for a while; AssertionError where two write at once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(seed, candidates)
        world.patch(monkeypatch)
        try:
            for _ in range(FAULTS):
                world.simulation.run(world.simulation.now + world.rng.uniform(0.5, 1) * BETWEEN)
                world.disturb()
            world.is_faulty = False
            calm = world.simulation.now
            # The last to hold it, a hand's doing, and a candidate's pause.
            wait = 2 * TIMING.lease_duration + 3 * TIMING.retry_period
            world.simulation.run(calm + 2 * wait)
            assert max(each.last_write for each in world.processes) > calm + wait, "nobody leads"
        finally:
            world.end()
    return world


@given(seed=st.integers(0, 2**32), candidates=st.integers(1, 4))
def test_never_two_write_at_once_and_in_the_end_one_does(seed: int, candidates: int) -> None:
    play(seed, candidates)


def test_the_simulation_is_worth_its_name() -> None:
    """Leaders do change in it, again and again."""
    assert sum(play(seed, 3).terms for seed in range(20)) > 40
