"""One scenario: a world is changed, a run over it meets faults, and then two runs do not.

All of it follows from a seed and a number, except for timing. The world is used again for the
next scenario, which begins where this one must end: in what the last intent asks for.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

from tests import command
from tests.chaos.facts import Facts, Reported
from tests.chaos.proxy import Proxy
from tests.chaos.rules import WRITES, Fault, Observed, Rule, random_rules
from tests.chaos.running import Ran, run_once
from tests.chaos.twin import difference
from tests.chaos.world import Intent, World
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.plugin import new_namespace
from tests.documents import valid

LATE = 2.0
"""Seconds that a run may end after its deadline: two cores are shared by many threads here."""
REQUEST_TIMEOUT = 0.4
FROZEN_DEADLINE = 5.0
"""Enough for a healthy namespace, though the other one's writes hang until the end."""
PROCESS_EVERY = 33
"""Every so many scenarios the run is a process of its own."""
NEIGHBOR = Intent(variants=(1, 0, 0), is_flipped=False, is_name_taken=False)
"""What a stage's second namespace is always asked for."""


def intent_of(seed: str, number: int) -> Intent:
    return Intent.random(_random(f"{seed}/{number}/intent"))


def _random(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - chance that can be had again, not a secret


@dataclass(frozen=True)
class Setting:
    """How a scenario's run is started, apart from its faults."""

    deadline: float
    concurrency: int
    max_prune: str
    """"" for no limit."""
    expects_plan: bool
    page_limit: int | None
    is_json_only: bool
    has_neighbor: bool
    is_neighbor_frozen: bool
    is_process: bool

    @staticmethod
    def random(seed: str, number: int) -> "Setting":
        rng = _random(f"{seed}/{number}/setting")
        has_neighbor = rng.random() < 0.15
        is_frozen = has_neighbor and rng.random() < 0.2
        return Setting(
            deadline=FROZEN_DEADLINE if is_frozen else rng.choice((1.0, 2.0)),
            concurrency=rng.choice((1, 2, 4)),
            max_prune=rng.choice(("", "", "", "", "", "0", "1", "2")),
            expects_plan=not is_frozen and rng.random() < 0.2,
            page_limit=2 if rng.random() < 0.2 else None,
            is_json_only=rng.random() < 0.2,
            has_neighbor=has_neighbor,
            is_neighbor_frozen=is_frozen,
            is_process=not is_frozen and number % PROCESS_EVERY == PROCESS_EVERY - 1,
        )

    @property
    def may_hold_back(self) -> bool:
        """Whether the run has a reason to exit 4."""
        return bool(self.max_prune) or self.expects_plan


class Expectations:
    """What each intent ends in, from an undisturbed run on a twin namespace."""

    def __init__(self, twin: World, kubeconfig: Path) -> None:
        self._twin = twin
        self._kubeconfig = kubeconfig
        self._known: dict[Intent, tuple[int, dict[str, Any]]] = {}
        self._lock = Lock()

    def of(self, intent: Intent) -> tuple[int, dict[str, Any]]:
        """The exit code and the state."""
        with self._lock:
            if intent not in self._known:
                twin = self._twin
                twin.ask(intent)
                twin.remove(twin.config_maps().keys() - twin.foreign.keys())
                ran = run_once(self._kubeconfig)
                assert ran.code in {0, 3}, ran
                self._known[intent] = ran.code, twin.state(twin.config_maps())
            return self._known[intent]


@dataclass(frozen=True)
class Played:
    """What a disturbed run exited with, and the faults that it met."""

    code: int
    faults: frozenset[Fault]


@dataclass
class Stage:
    """Where scenarios are played one after the other."""

    plane: ControlPlane
    api: Api
    proxy: Proxy
    expectations: Expectations
    world: World = field(init=False)
    neighbor: World = field(init=False)
    kubeconfig: Path = field(init=False)

    def __post_init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin with new worlds: after a failure the old ones may be in any state."""
        self.world = World.make(self.api, new_namespace(self.api))
        self.neighbor = World.make(self.api, new_namespace(self.api))
        path = self.plane.ca_file.parent.parent / f"{self.world.namespace}.kubeconfig"
        server = self.proxy.url
        self.kubeconfig = self.plane.kubeconfig(path, namespace=self.world.namespace, server=server)

    def play(self, seed: str, number: int, before: int) -> Played:
        """One scenario, after the one numbered `before`; AssertionError if a claim fails."""
        rng = _random(f"{seed}/{number}/world")
        if self.world.intent != intent_of(seed, before):
            self._begin_with(intent_of(seed, before))
        setting = Setting.random(seed, number)
        self.world.ask(intent_of(seed, number))
        self.world.perturb(rng)
        if setting.is_neighbor_frozen:
            # So that there are many writes that hang.
            self.neighbor.remove(self.neighbor.config_maps().keys() - self.neighbor.foreign.keys())
        elif setting.has_neighbor:
            self.neighbor.perturb(rng)
        rules = self._rules(seed, number, setting)
        try:
            return self._play(setting, rules)
        except AssertionError as error:
            account = _account(setting, rules, self.proxy.requests, str(error))
            raise AssertionError(account) from error

    def _rules(self, seed: str, number: int, setting: Setting) -> tuple[Rule, ...]:
        if setting.is_neighbor_frozen:
            path = f"/namespaces/{self.neighbor.namespace}/"
            return (Rule(Fault.FREEZE, method=WRITES, path=path, times=None),)
        return random_rules(_random(f"{seed}/{number}/rules"), self.neighbor.namespace)

    def _play(self, setting: Setting, rules: Sequence[Rule]) -> Played:
        digest = self._digest(setting) if setting.expects_plan else ""
        audit = Audit(self.plane.audit_log)
        mark = audit.mark()
        self.proxy.page_limit = setting.page_limit
        self.proxy.is_json_only = setting.is_json_only
        self.proxy.begin(*rules)
        try:
            reported = (self._run_process if setting.is_process else self._run)(setting, digest)
            self.proxy.settle()
        finally:
            self.proxy.page_limit, self.proxy.is_json_only = None, False
        seen = self.proxy.requests
        namespaces = self._namespaces(setting)
        events = [event for event in audit.since(mark) if event.namespace in namespaces]
        facts = Facts(events, seen, reported)
        self._check(setting, facts)
        self._check_convergence(setting)
        return Played(reported.code, facts.faults)

    def _namespaces(self, setting: Setting) -> tuple[str, ...]:
        return tuple(world.namespace for world in self._worlds(setting))

    def _worlds(self, setting: Setting) -> list[World]:
        return [self.world, self.neighbor] if setting.has_neighbor else [self.world]

    def _begin_with(self, intent: Intent) -> None:
        self.proxy.begin()
        self.world.ask(intent)
        self.neighbor.ask(NEIGHBOR)
        both = (self.world.namespace, self.neighbor.namespace)
        assert run_once(self.kubeconfig, namespaces=both).code in {0, 3}

    def _digest(self, setting: Setting) -> str:
        self.proxy.begin()
        ran = run_once(
            self.kubeconfig,
            namespaces=self._namespaces(setting),
            max_prune=(setting.max_prune,) if setting.max_prune else (),
            is_dry_run=True,
        )
        assert ran.report, ran
        return ran.report.digest

    def _run(self, setting: Setting, digest: str) -> Reported:
        ran = run_once(
            self.kubeconfig,
            namespaces=self._namespaces(setting),
            max_prune=(setting.max_prune,) if setting.max_prune else (),
            expected_digest=digest,
            deadline=setting.deadline,
            # In a namespace that hangs, it must not be each request's own limit that ends it.
            request_timeout=30.0 if setting.is_neighbor_frozen else REQUEST_TIMEOUT,
            concurrency=setting.concurrency,
        )
        late = ran.seconds - setting.deadline
        assert late < LATE, f"{ran.seconds:.1f} s of a deadline of {setting.deadline} s"
        return Reported(ran.code, ran.document if ran.report else None, ran.error)

    def _run_process(self, setting: Setting, digest: str) -> Reported:
        options = ["--request-timeout", f"{REQUEST_TIMEOUT * 1000:.0f}ms", "--deadline", "4s"]
        options += ["-o", "json", "--concurrency", str(setting.concurrency)]
        for namespace in self._namespaces(setting):
            options += ["-n", namespace]
        options += ["--max-prune", setting.max_prune] if setting.max_prune else []
        options += ["--expect-plan", digest] if digest else []
        done = command.run(*options, kubeconfig=self.kubeconfig)
        assert "Traceback" not in done.stderr
        report = valid(json.loads(done.stdout)) if done.stdout else None
        assert report is None or report["exitCode"] == done.code
        return Reported(done.code, report, done.stderr)

    def _check(self, setting: Setting, facts: Facts) -> None:
        """Every claim about the disturbed run, from the audit log and from what is stored."""
        facts.check_codes(may_hold_back=setting.may_hold_back)
        facts.check_counts()
        codes = set()
        for world in self._worlds(setting):
            assert world.intent
            code, expected = self.expectations.of(world.intent)
            codes.add(code)
            stored = world.config_maps()
            world.check_foreign(stored)
            facts.check_foreign(world.namespace, world.foreign)
            facts.check_deletes(world.namespace, expected["configMaps"], setting.max_prune)
            state = world.state(stored)
            facts.check_statuses(world.namespace, expected, state)
            if facts.reported.code == 0:
                missing = difference(expected["configMaps"], state["configMaps"])
                assert missing == [], f"exit 0, but not done: {missing}"
            if setting.is_neighbor_frozen and world is self.world and not setting.max_prune:
                undone = difference(expected, facts.without_leftovers(state))
                assert undone == [], f"the other namespace's writes hang, and here: {undone}"
        facts.check_blame(codes)

    def _check_convergence(self, setting: Setting) -> None:
        """Without faults one run is enough, and a second one writes nothing."""
        intents = [world.intent for world in self._worlds(setting)]
        code = max(self.expectations.of(intent)[0] for intent in intents if intent)
        self._run_clean(setting, code)
        for world in self._worlds(setting):
            assert world.intent
            stored = world.config_maps()
            _, expected = self.expectations.of(world.intent)
            assert difference(expected, world.state(stored)) == [], "not converged"
            world.check_foreign(stored)
        self._run_clean(setting, code)
        assert self.proxy.writes() == [], "the second run wrote"

    def _run_clean(self, setting: Setting, code: int) -> Ran:
        self.proxy.begin()
        ran = run_once(self.kubeconfig, namespaces=self._namespaces(setting))
        assert ran.code == code, f"without faults exit code {ran.code}: {ran.error or ran.report}"
        return ran


def _account(setting: Setting, rules: Sequence[Rule], seen: Sequence[Observed], claim: str) -> str:
    lines = [claim, f"  {setting}", *(f"  {rule}" for rule in rules), "the run's requests:"]
    return "\n".join([*lines, *(f"  {request}" for request in seen)])
