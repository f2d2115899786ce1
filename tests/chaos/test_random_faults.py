"""A thousand runs, each through a proxy that does something else to it, with fixed seeds.

`python -m tests.chaos.random_faults` plays new seeds; README.md shows how to replay one.
"""

from pathlib import Path

import pytest

from tests.chaos.random_faults import COUNT, fixed, play
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane

LEAST_DISTURBED = 0.8
"""The share of runs that meet a fault; the others had ended before one was due."""


@pytest.mark.usefixtures("quick_retries")
def test_after_any_faults_one_run_converges_and_every_report_was_true(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    """During faults, nothing wanted is deleted, nothing foreign touched, nothing untrue reported.

    Exit codes, counts, and statuses are those of the audit log (facts.py). Then, without faults:
    one run brings what an undisturbed run on a twin namespace brings, and a second writes nothing.
    """
    results = play(control_plane, api, tmp_path, fixed())
    print(results)
    assert results.failures == [], "\n\n".join(results.failures)
    assert len(results.played) == COUNT
    assert sum(bool(played.faults) for played in results.played) > LEAST_DISTURBED * COUNT
