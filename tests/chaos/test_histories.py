"""Two hundred histories of a watching loop, behind a proxy that breaks what it can, by seed.

`python -m tests.chaos.histories` plays new seeds; README.md shows how to play a group again.
"""

from pathlib import Path

import pytest

from tests.chaos.histories import COUNT, SEED, groups, play
from tests.chaos.rules import OF_STREAMS
from tests.controlplane import own
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane

# A loop that watches everything must not meet other tests' namespaces.
control_plane, api, deletions = own.control_plane, own.api, own.deletions


@pytest.fixture(autouse=True)
def only_allowed_deletions() -> None:
    """timeline.py judges them, by what a loop could know whose watches are held back."""


def test_after_quiet_everything_is_what_a_run_makes_and_nothing_wanted_was_deleted(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    """Full runs are ten minutes apart, but for those that a watch which can't go on asks for.

    A ConfigMap of which nobody knows whose it is waits for a full run before it is deleted, and so
    does a name that somebody gave back. After a full run, nothing waits.
    """
    results = play(control_plane, api, tmp_path, groups(SEED, COUNT))
    print(results)
    assert results.failures == [], "\n\n".join(results.failures)
    assert results.count == COUNT
    assert sum(played.deletions for played in results.played) > COUNT
    met = {fault for played in results.played for fault in played.faults}
    assert met >= OF_STREAMS
