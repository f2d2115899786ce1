"""Whatever happens to candidates, requests and the Lease: no two write at once, and one does again.

Candidates have clocks of other origins and paces; requests and answers are lost, late, or carried
out after they were given up; candidates are killed, ended and started; hands edit the Lease.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.leaderelection.rules import Timing
from tests.laws.elections import TIMINGS, World

FAULTS = 12


def play(seed: int, candidates: int, timing: Timing) -> World:
    """Faults, and then none for a while; AssertionError where two write at once."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        world = World(seed, candidates, timing)
        world.patch(monkeypatch)
        try:
            for _ in range(FAULTS):
                pause = world.rng.uniform(0.1, 2) * timing.lease_duration
                world.simulation.run(world.simulation.now + pause)
                world.disturb()
            world.is_faulty = False
            calm = world.simulation.now
            # The last to hold it, a hand's doing, and a candidate's pause.
            wait = 2 * timing.lease_duration + 3 * timing.retry_period
            world.simulation.run(calm + 2 * wait)
            assert max(each.last_write for each in world.processes) > calm + wait, "nobody leads"
        finally:
            world.end()
    return world


@given(seed=st.integers(0, 2**32), candidates=st.integers(1, 4), timing=st.sampled_from(TIMINGS))
def test_never_two_write_at_once_and_in_the_end_one_does(
    seed: int, candidates: int, timing: Timing
) -> None:
    play(seed, candidates, timing)


def test_the_simulation_is_worth_its_name() -> None:
    """Leaders do change in it, again and again."""
    assert sum(play(seed, 3, TIMINGS[0]).terms for seed in range(20)) > 30
