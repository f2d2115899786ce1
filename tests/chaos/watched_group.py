"""Histories that share one watching loop: users act in every namespace while faults happen.

After quiet, the namespaces are what a one-shot run makes of them, except for what waits for a full
run by design; after a full run, without exception. The loop never deleted what was wanted.
"""

import re
import signal
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from podcm_sync.api.meta import NamespacedName
from podcm_sync.reconcile.changes import Result
from podcm_sync.reconcile.report import Report
from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Observed, Rule
from tests.chaos.running import run_once
from tests.chaos.timeline import Timeline, known_since
from tests.chaos.users import Users
from tests.chaos.watch_rules import request_rules, watch_rules
from tests.chaos.world import Intent, World
from tests.command import Running, started, until
from tests.controlplane.api import Api
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import POD_UID

T = TypeVar("T")
ACTS = 18
LONGEST_PAUSE = 0.8
CONVERGES = 90.0
"""Seconds: a watch that failed often waits half a minute, and early full runs wait too."""
SETTLES = 30.0
MISSED = re.compile(r"the watch missed a change of ([a-z]+)\S* ([^/ ]+)/")
EXPIRE = Rule(Fault.ANSWER, query="watch=1", status=410, times=1)


class Watches(StrEnum):
    """What the loops of a group watch."""

    NAMESPACES = "namespaces"
    ALL = "all"
    SHARDS = "shards"


@dataclass(frozen=True)
class Group:
    """Some histories of a seed; each has a namespace of its own."""

    seed: str
    number: int
    size: int
    watches: Watches

    def random(self, what: str) -> Random:
        """Chance that can be had again."""
        return Random(f"{self.seed}/{self.number}/{what}")  # noqa: S311 - not a secret


@dataclass
class Loop:
    """One process, and the proxy that it goes through."""

    proxy: Proxy
    running: Running
    seen: list[Observed] = field(default_factory=list)
    """The requests before the proxy began again."""

    def begin(self, *rules: Rule) -> None:
        self.seen += self.proxy.requests
        self.proxy.begin(*rules)

    @property
    def requests(self) -> list[Observed]:
        """All of them."""
        return [*self.seen, *self.proxy.requests]

    def had_silence(self, resource: str, namespace: str) -> bool:
        """Whether a watch was held back until the end: it missed what came."""
        place = re.compile(rf"(/namespaces/{namespace}|/v1(alpha1)?)/{resource}$")
        return any(
            each.fault is Fault.STREAM_SILENT and place.search(each.path) for each in self.requests
        )


@dataclass
class Played:
    """What came of a group."""

    count: int
    faults: list[Fault]
    deletions: int
    seconds: float
    awaited: int
    """How many changes waited for a full run."""


class Stage:
    """Plays one group on a control plane."""

    def __init__(self, plane: ControlPlane, api: Api, folder: Path, group: Group) -> None:
        self._plane = plane
        self._api = api
        self._group = group
        self._admin = plane.kubeconfig(folder / f"admin-{group.number}")
        self._folder = folder
        self._users: dict[str, Users] = {}
        self._loops: list[Loop] = []

    def play(self) -> Played:
        """Play it. An AssertionError says what is wrong, and what happened there."""
        began, mark = time.monotonic(), self._plane.audit_log.stat().st_size
        each_at_once(range(self._group.size), self._make_world)
        self._names = tuple(sorted(self._users))
        with ExitStack() as stack:
            self._start(stack)
            each_at_once(self._users.values(), lambda users: users.act(ACTS, LONGEST_PAUSE))
            for loop in self._loops:
                loop.begin()
            awaited = self._await_truth("after quiet", CONVERGES, is_listed=False)
            for loop in self._loops:
                loop.begin(EXPIRE)
                loop.proxy.cut_streams()
            self._await_truth("after a full run", CONVERGES, is_listed=True)
            self._check_log()
            self._end()
            timeline = Timeline(self._plane.audit_log, mark, self._names)
            wrong = timeline.wrong(known_since(self._requests()))
            assert wrong == [], self._account("deleted though wanted", wrong)
            for users in self._users.values():
                users.world.check_foreign(users.world.config_maps())
        return Played(
            self._group.size,
            [each.fault for each in self._requests() if each.fault is not Fault.NONE],
            len(timeline.deletions()),
            time.monotonic() - began,
            awaited,
        )

    def _make_world(self, index: int) -> None:
        rng = self._group.random(f"world/{index}")
        world = World.make(self._api, new_namespace(self._api))
        world.ask(Intent.random(rng))
        self._users[world.namespace] = Users(world, rng)

    def _start(self, stack: ExitStack) -> None:
        options = ["--loop", "--watch", "--interval", "10m", "--request-timeout", "1s"]
        options += ["-o", "json"]
        for index, scope in enumerate(self._scopes()):
            proxy = stack.enter_context(Proxy(self._plane, *self._rules(index)))
            kubeconfig = self._plane.kubeconfig(
                self._folder / f"proxy-{self._group.number}-{index}", server=proxy.url
            )
            running = stack.enter_context(started(kubeconfig, *scope, *options))
            self._loops.append(Loop(proxy, running))
        for loop in self._loops:
            until(partial(loop.proxy.sent, "GET"), "the first request")

    def _scopes(self) -> list[list[str]]:
        match self._group.watches:
            case Watches.NAMESPACES:
                return [[word for name in self._names for word in ("-n", name)]]
            case Watches.ALL:
                return [["-A"]]
            case Watches.SHARDS:
                return [["-A", "--shard", "0/2"], ["-A", "--shard", "1/2"]]

    def _rules(self, index: int) -> list[Rule]:
        rng = self._group.random(f"rules/{index}")
        rules: list[Rule] = []
        if self._group.watches is not Watches.NAMESPACES:
            rules += watch_rules(rng, "")
        for name in self._names:
            if self._group.watches is Watches.NAMESPACES:
                rules += watch_rules(rng, name)
            rules += request_rules(rng, name, rng.choice(self._names))
        return rules

    def _await_truth(self, when: str, seconds: float, *, is_listed: bool) -> int:
        """Wait until a one-shot run would change nothing; how much waits for a full run."""
        deadline = time.monotonic() + seconds
        while True:
            begun = time.monotonic()
            writes = self._count_writes()
            ran = run_once(self._admin, namespaces=self._names, is_dry_run=True)
            assert ran.report is not None, ran
            wrong, awaited = self._compare(ran.report, is_listed=is_listed)
            is_quiet = not wrong and writes == self._count_writes()
            if is_quiet and (not is_listed or self._have_listed()):
                return awaited
            assert all(loop.running.process.poll() is None for loop in self._loops), self._account(
                f"{when}: a loop ended", []
            )
            assert begun < deadline, self._account(f"{when}, not what a run makes", wrong)
            time.sleep(1.0)

    def _requests(self) -> list[Observed]:
        """All that the loops sent."""
        return [request for loop in self._loops for request in loop.requests]

    def _count_writes(self) -> int:
        return sum(len(loop.proxy.writes()) for loop in self._loops)

    def _have_listed(self) -> bool:
        return all(any(request.is_list for request in loop.proxy.requests) for loop in self._loops)

    def _compare(self, report: Report, *, is_listed: bool) -> tuple[list[str], int]:
        """What a run would change although nothing has to wait, and how much waits."""
        wrong, awaited, excused = [], 0, set()
        for outcome in report.outcomes:
            name = outcome.change.namespaced_name
            if outcome.result in {Result.UNCHANGED, Result.SKIPPED, Result.FAILED}:
                continue
            if not is_listed and self._may_wait(name, outcome.result):
                awaited += 1
                excused.add(name.namespace)
            else:
                wrong.append(f"{name}: {outcome.result} {outcome.reason} {outcome.message}")
        for status in report.statuses:
            where = status.update.namespaced_name
            if status.update.is_needed and where.namespace not in excused:
                wrong.append(f"the status of {where}: {status.update}")
        return wrong, awaited

    def _may_wait(self, name: NamespacedName, result: Result) -> bool:
        if result is Result.CREATED:
            return name.name in self._users[name.namespace].others
        return result is Result.DELETED and self._is_in_doubt(name)

    def _is_in_doubt(self, name: NamespacedName) -> bool:
        """Whether neither an owner nor a Pod has the uid of a ConfigMap's label."""
        found = self._api.get("ConfigMap", *name)
        if found is None:
            return True
        metadata = found["metadata"]
        uids = {owner["uid"] for owner in metadata.get("ownerReferences") or []}
        uids |= {pod["metadata"]["uid"] for pod in self._api.list("Pod", name.namespace)}
        return metadata["labels"].get(POD_UID) not in uids

    def _check_log(self) -> None:
        for loop in self._loops:
            log = loop.running.stderr
            lines = log.partition("Traceback")[2].splitlines()[:40]
            assert lines == [], self._account("the log has a traceback", lines)
            missed = [
                f"{resource} in {namespace}"
                for resource, namespace in MISSED.findall(log)
                if not loop.had_silence(resource, namespace)
            ]
            assert missed == [], self._account("the full run found what the watches missed", missed)

    def _end(self) -> None:
        for loop in self._loops:
            loop.running.signal(signal.SIGTERM)
        for loop in self._loops:
            assert loop.running.end(SETTLES).code == 128 + signal.SIGTERM

    def _account(self, claim: str, lines: Sequence[str]) -> str:
        """What is wrong, what was done in those namespaces, and what the loop did there."""
        where = [name for name in self._names if any(name in line for line in lines)]
        text = [claim, *lines]
        for name in where:
            text += [f"{name}: users", *(f"  {line}" for line in self._users[name].did)]
            for loop in self._loops:
                text += [f"{name}: requests"]
                text += [
                    f"  {each.began:.3f} to {each.ended:.3f} {each} {each.passed or ''}"
                    for each in loop.requests
                    if f"/{name}/" in each.target or "/namespaces/" not in each.target
                ]
        for loop in self._loops:
            text += ["the log:", *loop.running.stderr.splitlines()[-60:]]
        return "\n".join(text)


def each_at_once(items: Collection[T], action: Callable[[T], object]) -> None:
    """Do it with each, all at once. Raises what one raised."""
    with ThreadPoolExecutor(len(items)) as pool:
        list(pool.map(action, items))
