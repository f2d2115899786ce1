"""Any applied part of a plan converges: whatever a run came to, the next one ends where one would.

Writes are refused, or carried out while their answers are lost, or the run is cut short.
"""

import threading
from collections.abc import Callable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.objects import ConfigMap
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.interfaces import Confirm, needs_no_look
from podcm_sync.reconcile.changes import Answer, DesiredConfigMap, Result, StatusUpdate
from podcm_sync.sync import Observer, Policy, run
from tests import builders
from tests.builders import EARLIER, NOW
from tests.fakes import FakeCluster
from tests.laws.worlds import EVERYWHERE, World, outline, worlds

REFUSED = Answer(result=Result.FAILED, reason=Reason.SERVER_ERROR, code=500)
LOST = Answer(result=Result.FAILED, reason=Reason.UNREACHABLE)
FATES = ("done", "refused", "lost")


class Troubled:
    """A Writer some of whose writes are refused, or are carried out without an answer."""

    def __init__(self, cluster: FakeCluster, fates: Sequence[str]) -> None:
        self._cluster = cluster
        self._fates = iter(fates)
        self._lock = threading.Lock()

    def create(self, desired: DesiredConfigMap) -> Answer:
        return self._meet(lambda: self._cluster.create(desired))

    def update(self, existing: ConfigMap, desired: DesiredConfigMap) -> Answer:
        return self._meet(lambda: self._cluster.update(existing, desired))

    def delete(self, existing: ConfigMap, confirm: Confirm = needs_no_look) -> Answer:
        return self._meet(lambda: self._cluster.delete(existing, confirm))

    def update_status(self, update: StatusUpdate) -> Answer:
        return self._meet(lambda: self._cluster.update_status(update))

    def _meet(self, write: Callable[[], Answer]) -> Answer:
        with self._lock:
            fate = next(self._fates, "done")
        if fate == "refused":
            return REFUSED
        answer = write()
        return LOST if fate == "lost" else answer


@given(
    world=worlds(),
    fates=st.lists(st.sampled_from(FATES), max_size=12),
    stops_after=st.integers(0, 12),
)
def test_the_next_run_ends_where_one_run_alone_would(
    world: World, fates: list[str], stops_after: int
) -> None:
    alone = world.cluster()
    run(EVERYWHERE, alone, alone, Policy(concurrency=1), now=NOW)

    troubled = world.cluster()
    stopping = builders.stopping(is_stopping=lambda: len(troubled.writes) >= stops_after)
    writer = Troubled(troubled, fates)
    run(
        EVERYWHERE,
        troubled,
        writer,
        Policy(concurrency=1),
        now=EARLIER,
        observer=Observer(stopping=stopping),
    )
    run(EVERYWHERE, troubled, troubled, Policy(concurrency=1), now=NOW)
    assert outline(troubled) == outline(alone)

    troubled.writes.clear()
    run(EVERYWHERE, troubled, troubled, Policy(concurrency=1), now=NOW)
    assert troubled.writes == []
