"""One scenario: a world is changed, a run over it meets faults, and then two runs do not.

All of it follows from a seed and a number, but for the timing. The world is used again for the
next scenario, which begins where this one must end: in what the last intent asks for.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any

from tests.chaos.proxy import Proxy
from tests.chaos.rules import Fault, Rule, Seen, random_rules
from tests.chaos.running import run_once
from tests.chaos.twin import difference
from tests.chaos.world import Intent, World
from tests.controlplane import command
from tests.controlplane.harness import ControlPlane

LATE = 2.0
"""Seconds that a run may end after its deadline: two cores are shared by many threads here."""
LATE_PROCESS = 5.0
"""A process also starts, and does so before its deadline counts."""
REQUEST_TIMEOUT = 0.4
ALLOWED = {0, 3, 5}


def intent_of(seed: str, number: int) -> Intent:
    return Intent.random(_random(f"{seed}/{number}/intent"))


def _random(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - chance that can be had again, not a secret


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

    world: World
    proxy: Proxy
    kubeconfig: Path
    expectations: Expectations

    @staticmethod
    def make(plane: ControlPlane, world: World, proxy: Proxy, expected: Expectations) -> "Stage":
        """A stage whose kubeconfig leads through the proxy."""
        path = plane.ca_file.parent.parent / f"{world.namespace}.kubeconfig"
        plane.kubeconfig(path, namespace=world.namespace, server=proxy.url)
        return Stage(world, proxy, path, expected)

    def play(self, seed: str, number: int, before: int, *, is_process: bool) -> Played:
        """One scenario, after the one numbered `before`; AssertionError where a claim fails."""
        rng = _random(f"{seed}/{number}")
        if self.world.intent != intent_of(seed, before):
            self._begin_with(intent_of(seed, before))
        intent = intent_of(seed, number)
        self.world.ask(intent)
        self.world.perturb(rng)
        rules = random_rules(rng)
        self.proxy.begin(*rules)
        try:
            if is_process:
                code = self._run_process()
            else:
                code = self._run(rng.choice((1.0, 2.0)), rng.choice((1, 2, 4)))
            self.proxy.settle()
            met = {each.fault for each in self.proxy.seen} - {Fault.NONE}
            self._check_disturbed(code, intent)
            self._check_convergence(intent)
        except AssertionError as error:
            raise AssertionError(_account(rules, self.proxy.seen, str(error))) from error
        return Played(code, frozenset(met))

    def _begin_with(self, intent: Intent) -> None:
        self.proxy.begin()
        self.world.ask(intent)
        assert run_once(self.kubeconfig).code in {0, 3}

    def _run(self, deadline: float, concurrency: int) -> int:
        ran = run_once(
            self.kubeconfig,
            deadline=deadline,
            request_timeout=REQUEST_TIMEOUT,
            concurrency=concurrency,
        )
        assert ran.seconds < deadline + LATE, f"{ran.seconds:.1f} s of a deadline of {deadline} s"
        assert ran.code in ALLOWED, f"exit code {ran.code}: {ran.error}"
        return ran.code

    def _run_process(self) -> int:
        timing = ("--request-timeout", f"{REQUEST_TIMEOUT * 1000:.0f}ms", "--deadline", "4s")
        done = command.run(*timing, "-o", "json", kubeconfig=self.kubeconfig)
        assert done.code in ALLOWED, f"exit code {done.code}: {done.stderr}"
        assert "Traceback" not in done.stderr
        if done.stdout:
            assert json.loads(done.stdout)["exitCode"] == done.code
        else:
            assert done.code == 5, "no report"
        return done.code

    def _check_disturbed(self, code: int, intent: Intent) -> None:
        """Nothing foreign touched, nothing wanted deleted, and no success that is none."""
        _, expected = self.expectations.of(intent)
        found = self.world.config_maps()
        self.world.check_foreign(found)
        for request in self.proxy.writes():
            assert request.name not in self.world.foreign, f"a foreign object was meant: {request}"
            is_delete = request.method == "DELETE"
            assert not (is_delete and request.name in expected["configMaps"]), str(request)
        if code == 0:
            state = self.world.state(found)["configMaps"]
            assert difference(expected["configMaps"], state) == [], "exit 0, but not done"

    def _check_convergence(self, intent: Intent) -> None:
        """Without faults one run is enough, and a second one writes nothing."""
        code, expected = self.expectations.of(intent)
        self._run_clean(code)
        found = self.world.config_maps()
        assert difference(expected, self.world.state(found)) == [], "not converged"
        self.world.check_foreign(found)
        self._run_clean(code)
        assert self.proxy.writes() == [], "the second run wrote"

    def _run_clean(self, code: int) -> None:
        self.proxy.begin()
        ran = run_once(self.kubeconfig)
        assert ran.code == code, f"without faults exit code {ran.code}: {ran.error or ran.report}"


def _account(rules: Sequence[Rule], seen: Sequence[Seen], claim: str) -> str:
    lines = [claim, *(f"  {rule}" for rule in rules), "the last run's requests:"]
    return "\n".join([*lines, *(f"  {request}" for request in seen)])
