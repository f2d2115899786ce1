"""Whatever befalls a world, its Events alternate: nothing is said twice in a row, nor untrue."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.changes import Answer, Result
from podcm_sync.reconcile.events import Event
from podcm_sync.sync import Policy, run
from tests.builders import NOW, Json
from tests.fakes import FakeCluster, Write
from tests.laws.worlds import EVERYWHERE, World, worlds

LOST = Answer(result=Result.FAILED, reason=Reason.UNREACHABLE, message="no answer")
FORBIDDEN = Answer(result=Result.FAILED, reason=Reason.FORBIDDEN, code=403, message="no right")
GOOD: Json = {"podSelector": {}, "labelsToInclude": []}
BAD: Json = {"podSelector": {"matchExpressions": [{"key": "a", "operator": "in"}]}}

# What is done to the world before a run, and to its writes.
STEPS = st.tuples(
    st.sampled_from(["nothing", "break", "mend"]),
    st.sampled_from(["nothing", "create refused", "status lost"]),
)


def failing(fault: str) -> Callable[[Write], Answer | None]:
    verbs = {"create refused": ("create", FORBIDDEN), "status lost": ("status", LOST)}
    verb, answer = verbs.get(fault, ("", LOST))
    return lambda write: answer if write.verb == verb else None


def change(cluster: FakeCluster, step: str, fault: str) -> None:
    spec = {"break": BAD, "mend": GOOD}.get(step)
    for (kind, name), raw in cluster.dump().items():
        is_config = kind == "PodConfigMapConfig" and isinstance(raw["metadata"]["generation"], int)
        if is_config and spec is not None:
            cluster.edit(kind, name, {"spec": spec})
    cluster.before_write = failing(fault)


def by_config(events: dict[NamespacedName, Event]) -> dict[NamespacedName, list[Event]]:
    found: dict[NamespacedName, list[Event]] = {}
    for event in events.values():
        found.setdefault(event.config, []).append(event)
    return found


def ready(cluster: FakeCluster, name: NamespacedName) -> Json:
    config = cluster.get("PodConfigMapConfig", name)
    assert config is not None
    found: Json = next(c for c in config["status"]["conditions"] if c["type"] == "Ready")
    return found


@given(world=worlds(), steps=st.lists(STEPS, max_size=6))
def test_events_alternate_and_end_with_the_truth(
    world: World, steps: list[tuple[str, str]]
) -> None:
    cluster = world.cluster()
    for step, fault in [*steps, ("nothing", "nothing")]:
        change(cluster, step, fault)
        before = len(cluster.events)
        report = run(EVERYWHERE, cluster, cluster, Policy(concurrency=1), now=NOW, recorder=cluster)
        stored = sum(each.result is Result.UPDATED for each in report.statuses)
        assert len(cluster.events) - before <= stored
    for name, said in by_config(cluster.events).items():
        kinds = [(event.type, event.reason) for event in said]
        assert all(first != second for first, second in pairwise(kinds))
        last = ready(cluster, name)
        is_failing = last["status"] == "False"
        assert kinds[-1] == (("Warning", last["reason"]) if is_failing else ("Normal", "Recovered"))


@given(world=worlds())
def test_a_dry_run_says_nothing(world: World) -> None:
    cluster = world.cluster()
    run(EVERYWHERE, cluster, None, Policy(concurrency=1), now=NOW, recorder=cluster)
    assert cluster.events == {}


@given(world=worlds())
def test_events_that_are_refused_change_nothing_else(world: World) -> None:
    """The report of a run that may not create Events is that of one that may."""

    def refusing(write: Write) -> Answer | None:
        return FORBIDDEN if write.verb == "event" else None

    free, bound = world.cluster(), world.cluster()
    bound.before_write = refusing
    reports = [
        run(EVERYWHERE, each, each, Policy(concurrency=1), now=NOW, recorder=each)
        for each in (free, bound)
    ]
    assert reports[0] == reports[1]
    assert bound.events == {}
