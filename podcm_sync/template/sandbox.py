"""Renders the templates of configs for Pods, each config in an instance of the engine of its own.

Authors are untrusted. Each Pod has a budget, and one that goes beyond it fails alone: the engine
hands over its answers one by one, so that it is known at which Pod it was stopped. Whatever its
templates do, a config costs CPU time in proportion to its size and Pods, plus about a second, and
all configs of a namespace together a few seconds more.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from podcm_sync.core.rendering import Rendered
from podcm_sync.model.objects import Pod
from podcm_sync.template import messages
from podcm_sync.template.fuel import LOAD_FUEL, Account, Fuel, Meter
from podcm_sync.template.instance import Instance, Machine, Stop, StoppedError

BATCH_PODS: Final = 200
BATCH_BYTES: Final = 1 << 20

NOT_TRIED: Final = (
    "templates not tried: too many other Pods of the config or namespace were stopped"
)


@cache
def machine() -> Machine:
    """The process's one machine: it outlives the runs of a loop. May take seconds to compile."""
    return Machine()


class Sandbox:
    """Implements `core.rendering.Renderer` for one run, through which it keeps its accounts."""

    def __init__(self) -> None:
        self._machine = machine()
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        self._loaded: tuple[Mapping[str, str], Instance] | None = None

    def findings(self, templates: Mapping[str, str]) -> tuple[str, ...]:
        """What does not parse, by Go's own parser, the keys in their order."""
        if not templates:
            return ()
        self.close()
        with self._machine.ticking():
            instance, findings = _load(self._machine, templates)
        if findings:
            instance.close()
        else:
            # The render that follows finds it ready.
            self._loaded = dict(templates), instance
        return findings

    def render(
        self, templates: Mapping[str, str], pcmc_name: str, pods: Sequence[Pod]
    ) -> Sequence[Rendered]:
        """What the templates, which parse, make of each Pod, in the order of the Pods."""
        instance = None
        if self._loaded is not None and self._loaded[0] == templates:
            instance, self._loaded = self._loaded[1], None
        fuel = Fuel(templates, self._accounts[pods[0].namespaced_name.namespace if pods else ""])
        with self._machine.ticking():
            return _Job(self._machine, templates, pcmc_name, instance, fuel).run(pods)

    def table(self) -> bytes:
        """The table of functions, as JSON: docs/templates.md is made from it."""
        instance = Instance(self._machine)
        try:
            (table,) = instance.call("table", b"{}", LOAD_FUEL)
        finally:
            instance.close()
        return table

    def close(self) -> None:
        """Give the memory of a loaded instance back."""
        if self._loaded is not None:
            self._loaded[1].close()
            self._loaded = None


def _load(machine: Machine, templates: Mapping[str, str]) -> tuple[Instance, tuple[str, ...]]:
    """An instance that has parsed the templates, and what did not parse."""
    instance = Instance(machine)
    payload = messages.encode_templates(templates)
    try:
        answers = instance.call("load", payload, LOAD_FUEL)
        stopped: tuple[str, ...] = ()
    except StoppedError as error:
        answers = error.answers
        # The engine takes the keys in their order; it was stopped at the first without an answer.
        stopped = (f"{messages.path(sorted(templates)[len(answers)])}: {error}",)
    failures = filter(None, map(messages.decode_failure, answers))
    return instance, (*map(messages.finding, failures), *stopped)


class _Job:
    """The templates of one config on all its Pods."""

    def __init__(
        self,
        machine: Machine,
        templates: Mapping[str, str],
        pcmc_name: str,
        instance: Instance | None,
        fuel: Fuel,
    ) -> None:
        self._machine = machine
        self._templates = templates
        self._pcmc_name = pcmc_name
        self._instance = instance
        self._is_fresh = True
        self._rendered: list[Rendered] = []
        self._fuel = fuel

    def run(self, pods: Sequence[Pod]) -> list[Rendered]:
        """Render batch by batch; a stop ends its batch, and the rest begins the next."""
        try:
            while len(self._rendered) < len(pods):
                if self._fuel.is_spent:
                    rest = len(pods) - len(self._rendered)
                    self._rendered += [Rendered(failure=NOT_TRIED)] * rest
                else:
                    self._try(_batch(pods, len(self._rendered)))
        finally:
            self._discard()
        return self._rendered

    def _try(self, batch: list[bytes]) -> None:
        """Render the Pods of a batch, or those up to the one that was stopped."""
        if self._instance is None:
            self._instance, _ = _load(self._machine, self._templates)
            self._fuel.charge(LOAD_FUEL - self._instance.fuel)
            self._is_fresh = True
        instance, was_fresh = self._instance, self._is_fresh
        self._is_fresh = False
        payload = messages.encode_batch(self._pcmc_name, batch)
        meter = Meter(self._fuel, instance, batch)
        try:
            self._take(instance.call("render", payload, meter.given, meter.answered))
        except StoppedError as error:
            meter.settle()
            self._take(error.answers)
            key = sorted(self._templates)[instance.at]
            self._discard()
            if error.stop is Stop.MEMORY and (error.answers or not was_fresh):
                # The rubbish of others may be to blame: a new instance is its fair trial.
                return
            self._fuel.stopped()
            self._rendered.append(Rendered(failure=f"{messages.template(key)}: {error}"))

    def _take(self, answers: list[bytes]) -> None:
        for answer in map(messages.decode_answer, answers):
            if answer.failure is not None:
                self._rendered.append(Rendered(failure=messages.failed(answer.failure)))
            else:
                self._rendered.append(Rendered(data=answer.data or {}))

    def _discard(self) -> None:
        if self._instance is not None:
            self._instance.close()
            self._instance = None


def _batch(pods: Sequence[Pod], start: int) -> list[bytes]:
    """The next Pods, as many as one call takes; one at least, however large it is."""
    batch: list[bytes] = []
    size = 0
    for pod in pods[start : start + BATCH_PODS]:
        encoded = messages.encode_pod(pod)
        size += len(encoded)
        if batch and size > BATCH_BYTES:
            break
        batch.append(encoded)
    return batch
