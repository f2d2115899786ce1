"""Two replicas that watch: a standby knows all and writes nothing, and takes over within a second.

Who asked what, and when, is what the API server's audit log says of each one's own account.
"""

import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from tests.chaos.replicas import (
    LEASE_SECONDS,
    NAMES,
    Replicas,
    drift,
    give_up,
    is_done,
    is_of_lease,
    is_write,
    name_of,
    other_than,
    seconds_between,
)
from tests.command import until
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit, AuditEvent
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import make_config

ROUNDS = 20
RESOURCES = ("configmaps", "podconfigmapconfigs", "pods")
WATCHING = ("--loop", "--watch", "--interval", "10m")
LONG = ("--lease-duration", "60s", "--renew-deadline", "40s", "--retry-period", "300ms")


@pytest.fixture
def replicas(
    control_plane: ControlPlane, api: Api, audit: Audit, namespace: str, tmp_path: Path
) -> Iterator[Replicas]:
    """Two that watch four Pods, and somebody who spoils what is made for them."""
    for number in range(4):
        api.make_pod(namespace, f"web-{number}")
    make_config(api, namespace)
    give_up(api, namespace)
    with ExitStack() as stack:
        made = Replicas(control_plane, api, audit, namespace, tmp_path, stack, loop=WATCHING)
        stack.enter_context(drift(api, namespace))
        yield made


def asked(replicas: Replicas, name: str, verb: str) -> Counter[str]:
    """How often it has asked this of each resource since it was started."""
    return Counter(
        each.resource
        for each in replicas.events()
        if name_of(each) == name
        and each.verb == verb
        # A watch of the one before it can be logged later, when it ends.
        and each.received > replicas.started[name]
    )


def is_warm(replicas: Replicas, name: str) -> bool:
    """Whether all its watches are open, as far as the log tells."""
    return asked(replicas, name, "watch").keys() == set(RESOURCES)


def first_writes(replicas: Replicas) -> list[float]:
    """The seconds from taking the Lease to the first write after it, each time."""
    events = [each for each in replicas.events() if is_write(each)]
    takes: list[AuditEvent] = []
    for one, other in pairwise(each for each in events if is_of_lease(each) and is_done(each)):
        if one.user != other.user:
            takes.append(other)
    return [
        min(
            seconds_between(take.answered, each.received)
            for each in events
            if each.user == take.user and not is_of_lease(each) and each.received > take.received
        )
        for take in takes
    ]


def test_when_the_leader_is_killed_the_standby_writes_within_a_second_of_taking_the_lease(
    replicas: Replicas,
) -> None:
    """SIGKILL, twenty times over. The standby listed once, when it was started."""
    replicas.both()
    for _ in range(ROUNDS):
        leader = replicas.leader()
        standby = other_than(leader)
        until(partial(is_warm, replicas, standby), f"{standby} watches")
        assert asked(replicas, standby, "list") == dict.fromkeys(RESOURCES, 1)
        mark = replicas.audit.mark()
        replicas.running[leader].signal(signal.SIGKILL)
        replicas.running[leader].end()
        time.sleep(LEASE_SECONDS / 2)  # the standby is to be the first to see the Lease run out
        replicas.start(leader)
        replicas.await_writes(standby, mark)
    assert replicas.check_one_at_a_time() == ROUNDS
    seconds = first_writes(replicas)
    print("seconds to the first write:", ", ".join(f"{each:.3f}" for each in sorted(seconds)))
    assert len(seconds) >= ROUNDS
    assert max(seconds) < 1.0
    assert "Traceback" not in replicas.logs()


def test_a_leader_that_is_asked_to_end_releases_the_lease_after_its_last_write(
    replicas: Replicas,
) -> None:
    """SIGTERM, with a lease of a minute: no pass is under way any more when it gives it up."""
    replicas.options = LONG
    replicas.both()
    for _ in range(3):
        leader = replicas.leader()
        standby = other_than(leader)
        until(partial(is_warm, replicas, standby), f"{standby} watches")
        mark = replicas.audit.mark()
        replicas.running[leader].signal(signal.SIGTERM)
        assert replicas.running[leader].end(LEASE_SECONDS + 3).code == 128 + signal.SIGTERM
        replicas.await_writes(standby, mark)
        events = [e for e in replicas.events(mark) if name_of(e) == leader and is_write(e)]
        *_, release = [each for each in events if is_of_lease(each)]
        late = [each for each in events if each is not release and each.answered > release.received]
        assert late == []
        replicas.start(leader)
    assert replicas.check_one_at_a_time() == 3
    assert set(NAMES) == replicas.writers()
