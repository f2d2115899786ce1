"""Two replicas before a real API server: one writes at a time, whatever befalls the other.

Who wrote, and when, is what the API server's audit log says of each one's own account.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.chaos.relay import Relay
from tests.chaos.replicas import (
    LEASE,
    LEASE_SECONDS,
    NAMES,
    Replicas,
    drift,
    give_up,
    is_done,
    is_of_lease,
    is_write,
    lease_of,
    name_of,
    other_than,
    rules,
    seconds_between,
)
from tests.command import until
from tests.controlplane.api import Api, path_of
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import GENERATED_BY, make_config

ROUNDS = 20
CUTS = 3
MANY = 200
LONG = ("--lease-duration", "60s", "--renew-deadline", "40s", "--retry-period", "300ms")


@pytest.fixture
def work(api: Api, namespace: str) -> Iterator[None]:
    """Four Pods, and somebody who spoils what is made for them."""
    for number in range(4):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)
    with drift(api, namespace):
        yield


@pytest.fixture
def replicas(
    control_plane: ControlPlane, api: Api, audit: Audit, namespace: str, tmp_path: Path
) -> Iterator[Replicas]:
    with ExitStack() as stack:
        yield Replicas(control_plane, api, audit, namespace, tmp_path, stack)


@pytest.mark.usefixtures("work")
def test_when_the_leader_is_killed_the_other_leads_after_the_lease_and_never_do_two_write(
    api: Api, namespace: str, replicas: Replicas
) -> None:
    """SIGKILL, twenty times over; the killed one is started again and waits its turn."""
    give_up(api, namespace)
    replicas.both()
    for _ in range(ROUNDS):
        leader = replicas.leader()
        mark = replicas.audit.mark()
        replicas.running[leader].signal(signal.SIGKILL)
        replicas.running[leader].end()
        replicas.await_writes(other_than(leader), mark)
        replicas.start(leader)
    assert replicas.check_one_at_a_time() == ROUNDS
    waits = takeovers(replicas)
    assert len(waits) == ROUNDS
    # Not before the lease ran out, and no minutes later: two cores are shared by many here.
    assert min(waits) >= LEASE_SECONDS
    assert max(waits) < LEASE_SECONDS + 5


def takeovers(replicas: Replicas) -> list[float]:
    """The seconds from one's last renewal to the other's taking the Lease, each time."""
    waits: list[float] = []
    last: AuditEvent | None = None
    for each in replicas.events():
        if is_of_lease(each) and is_write(each) and is_done(each):
            if last is not None and last.user != each.user:
                waits.append(seconds_between(last.received, each.received))
            last = each
    return waits


@pytest.mark.parametrize("answers_too", [True, False], ids=["both-ways", "one-way"])
def test_a_leader_whose_network_is_cut_stops_in_time_and_nothing_of_it_arrives_later(
    api: Api, namespace: str, replicas: Replicas, control_plane: ControlPlane, answers_too: bool
) -> None:
    """Cut among two hundred creates, with many on their way; whole again once the other writes."""
    for number in range(MANY):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)
    give_up(api, namespace)
    relays = {name: replicas.stack.enter_context(Relay(control_plane)) for name in NAMES}
    replicas.servers = {name: relay.url for name, relay in relays.items()}
    replicas.both()
    until(replicas.writers, "somebody writes")
    collection = path_of("ConfigMap", namespace)
    for _ in range(CUTS):
        until(lambda: made(api, namespace) == MANY, "all are made")
        leader = name_of(replicas.writes()[-1])
        mark = replicas.audit.mark()
        api.request("DELETE", collection, query={"labelSelector": GENERATED_BY})
        replicas.await_writes(leader, mark, count=20)
        relays[leader].cut(answers_too=answers_too)
        mark = replicas.audit.mark()
        replicas.await_writes(other_than(leader), mark)
        relays[leader].restore()
        mark = replicas.audit.mark()
        until(partial(has_looked, replicas, leader, mark), "the deposed one waits")
        assert replicas.running[leader].process.poll() is None
    assert replicas.check_one_at_a_time() == CUTS
    assert sum(relay.reset for relay in relays.values()) >= CUTS


def made(api: Api, namespace: str) -> int:
    return len(api.list("ConfigMap", namespace, GENERATED_BY))


def has_looked(replicas: Replicas, name: str, mark: int) -> bool:
    return (name, "get") in {(name_of(each), each.verb) for each in replicas.events(mark)}


def holders(replicas: Replicas, mark: int) -> set[str]:
    """Who wrote the Lease since the mark."""
    return {name_of(e) for e in replicas.events(mark) if is_of_lease(e) and is_write(e)}


@pytest.mark.usefixtures("work")
def test_a_leader_that_is_asked_to_end_gives_the_lease_up_and_the_other_leads_at_once(
    api: Api, namespace: str, replicas: Replicas
) -> None:
    """SIGTERM, with a lease of a minute; until then the other has only looked at the Lease."""
    give_up(api, namespace)
    replicas.options = LONG
    for name in NAMES:
        replicas.join(name)
    ann = replicas.start("ann")
    assert replicas.leader() == "ann"
    replicas.start("ben")
    until(lambda: "waiting to lead" in replicas.running["ben"].stderr, "ben waits")
    until(lambda: ann.stdout.count("\n") > 20, "twenty runs more")
    asked = {(each.verb, each.resource) for each in replicas.events() if name_of(each) == "ben"}
    assert asked == {("get", "leases")}

    mark = replicas.audit.mark()
    ann.signal(signal.SIGTERM)
    assert ann.end().code == 128 + signal.SIGTERM
    assert f"released the lease {namespace}/{LEASE}" in ann.stderr
    replicas.await_writes("ben", mark)
    assert replicas.check_one_at_a_time() == 1
    spec = lease_of(api, namespace)
    assert spec["leaseTransitions"] == 2
    assert spec["leaseDurationSeconds"] == 60
    assert spec["acquireTime"] <= spec["renewTime"]


@pytest.mark.usefixtures("work")
def test_a_waiting_one_ends_at_once_and_leaves_the_lease_alone(
    api: Api, namespace: str, replicas: Replicas
) -> None:
    give_up(api, namespace)
    replicas.options = LONG
    for name in NAMES:
        replicas.join(name)
    replicas.start("ann")
    assert replicas.leader() == "ann"
    ben = replicas.start("ben")
    until(lambda: "waiting to lead" in ben.stderr, "ben waits")
    ben.signal(signal.SIGTERM)
    assert ben.end(5).code == 128 + signal.SIGTERM
    assert replicas.writers() == {"ann"}
    assert holders(replicas, replicas.began) == {"ann"}


@pytest.mark.usefixtures("work")
def test_of_two_that_start_at_once_without_a_lease_exactly_one_leads(
    api: Api, namespace: str, replicas: Replicas
) -> None:
    replicas.both()
    leader = replicas.leader()
    created = [e for e in replicas.events() if e.resource == "leases" and e.verb == "create"]
    assert [name_of(each) for each in created if each.code == 201] == [leader]
    until(lambda: "waiting to lead" in replicas.running[other_than(leader)].stderr, "one waits")
    assert replicas.check_one_at_a_time() == 0
    # The rights that deploy/kustomize/deployment gives, each of them.
    assert {e.verb for e in replicas.events() if is_of_lease(e)} == {"create", "get", "patch"}


@pytest.mark.usefixtures("work")
@pytest.mark.parametrize(
    "patch",
    [
        {"spec": {"holderIdentity": ""}},
        {"spec": {"holderIdentity": None, "leaseDurationSeconds": None}},
        {"spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 1}},
        {"metadata": {"labels": {"by": "hand"}}},
        None,
    ],
    ids=["emptied", "blank", "somebody's", "labelled", "deleted"],
)
def test_a_hand_on_the_lease_makes_no_two_write(
    api: Api, namespace: str, replicas: Replicas, patch: dict[str, object] | None
) -> None:
    """The others wait as long as its holder may not know; then one leads, as before."""
    give_up(api, namespace)
    replicas.both()
    for _ in range(3):
        replicas.leader()
        if patch is None:
            api.delete("Lease", namespace, LEASE)
        else:
            api.patch("Lease", namespace, LEASE, patch)
        mark = replicas.audit.mark()
        until(partial(holders, replicas, mark), "the lease is held again")
        replicas.leader()
    replicas.check_one_at_a_time()
    assert "Traceback" not in replicas.logs()


@pytest.mark.usefixtures("work")
def test_a_missing_right_is_said_once_and_waited_for(
    api: Api, namespace: str, replicas: Replicas
) -> None:
    """What to grant, and where; once it is granted, it leads."""
    work_alone = [each for each in rules() if "leases" not in each["resources"]]
    replicas.join("ann", work_alone)
    ann = replicas.start("ann")
    until(lambda: sum(e.code == 403 for e in replicas.events()) >= 4, "it tries again")
    wanted = f"get, create and patch on leases.coordination.k8s.io in namespace {namespace}"
    assert ann.stderr.count(f"grant {wanted}") == 1
    assert replicas.writers() == set()
    api.patch("Role", namespace, "ann", {"rules": rules()})
    assert replicas.leader() == "ann"
