"""A watching loop that is killed or ended at any time, again and again, while users go on.

Whatever was under way, the next process finishes it, and nothing wanted was ever deleted.
"""

import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

import pytest

from tests.chaos.proxy import Proxy
from tests.chaos.rules import WRITES, Fault, Rule
from tests.chaos.running import run_once
from tests.chaos.timeline import Timeline, known_since
from tests.chaos.users import Users
from tests.chaos.watched_group import each_at_once
from tests.chaos.world import Intent, World
from tests.command import started, until
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.deletions import Deletions
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace

WORLDS = 4
KILLS = 6
"""In each world; every other one is a SIGTERM."""
AT_ONCE = 5.0
"""Seconds to finish what is under way, on a machine that others use too."""
SLOW_WRITES = Rule(Fault.DELAY, method=WRITES, times=None, seconds=0.1)
WATCHING = ("--loop", "--watch", "--interval", "10m")


def _are_more(proxy: Proxy, seen: int) -> bool:
    return len(proxy.requests) > seen


def killed_again_and_again(plane: ControlPlane, api: Api, folder: Path, number: int) -> None:
    rng = Random(f"kills/{number}")  # noqa: S311 - chance that can be had again
    audit = Audit(plane.audit_log)
    begun = audit.mark()
    world = World.make(api, new_namespace(api))
    world.ask(Intent.random(rng))
    users, is_over = Users(world, Random(f"users/{number}")), threading.Event()  # noqa: S311 - as above
    admin = plane.kubeconfig(folder / f"admin-{number}", namespace=world.namespace)

    def act() -> None:
        while not is_over.is_set():
            users.act(1, 0.5)

    with Proxy(plane, SLOW_WRITES) as proxy:
        kubeconfig = plane.kubeconfig(
            folder / f"proxy-{number}", namespace=world.namespace, server=proxy.url
        )
        acting = threading.Thread(target=act)
        acting.start()
        try:
            for kill in range(KILLS):
                seen = len(proxy.requests)
                with started(kubeconfig, *WATCHING) as running:
                    until(partial(_are_more, proxy, seen), "it begins")
                    time.sleep(rng.uniform(0.1, 3.0))
                    number_sent = signal.SIGTERM if kill % 2 else signal.SIGKILL
                    running.signal(number_sent)
                    ended = running.end(AT_ONCE)
                if number_sent is signal.SIGKILL:
                    assert ended.code == -signal.SIGKILL
                    continue
                mark = audit.mark()
                assert ended.code == 128 + signal.SIGTERM, ended.stderr
                assert "Traceback" not in ended.stderr
                time.sleep(0.3)
                asked = audit.since(mark, namespace=world.namespace, user_agent="podcm-sync/")
                late = [each for each in asked if each.verb not in {"get", "list", "watch"}]
                assert late == [], "a write after the end"
        finally:
            is_over.set()
            acting.join()
        with started(kubeconfig, *WATCHING) as running:

            def is_in_sync() -> bool:
                time.sleep(0.5)
                report = run_once(admin, is_dry_run=True).report
                assert report
                return not any(
                    outcome.result in {"created", "updated", "deleted"}
                    for outcome in report.outcomes
                ) and not any(status.update.is_needed for status in report.statuses)

            until(is_in_sync, "the last one converges", 60.0)
            assert "Traceback" not in running.stderr
        wrong = Timeline(plane.audit_log, begun, {world.namespace}).wrong(
            known_since(proxy.requests)
        )
        assert wrong == []
        world.check_foreign(world.config_maps())


@pytest.fixture(autouse=True)
def only_allowed_deletions(deletions: Deletions) -> Iterator[None]:
    """timeline.py judges them: users change their mind while a write is under way."""
    yield
    deletions.wrong()


def test_killed_at_any_time_it_goes_on_and_ended_it_writes_no_more(
    control_plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    """SIGKILL and SIGTERM by turns, during lists, passes, and full runs, with slow writes."""
    each_at_once(
        range(WORLDS),
        lambda number: killed_again_and_again(control_plane, api, tmp_path, number),
    )
