"""An applied plan leaves an empty plan (behavior.md §2: a second run writes nothing at all)."""

from hypothesis import given

from podcm_sync.reconcile.report import summary
from podcm_sync.sync import Policy, run
from tests.builders import EARLIER, NOW
from tests.laws.worlds import EVERYWHERE, World, worlds


@given(world=worlds())
def test_a_second_run_writes_nothing(world: World) -> None:
    cluster = world.cluster()
    policy = Policy(concurrency=1)
    run(EVERYWHERE, cluster, cluster, policy, now=EARLIER, recorder=cluster)
    after_one = cluster.dump()
    cluster.writes.clear()
    report = run(EVERYWHERE, cluster, cluster, policy, now=NOW, recorder=cluster)
    assert cluster.writes == []
    assert cluster.dump() == after_one
    assert summary(report).changed == 0
