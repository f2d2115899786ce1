"""Renders the templates of all configs of a run, so that no namespace can take another one's time.

Authors are untrusted. The configs of a namespace draw on one account. The namespaces take turns, in
rounds in which each may spend twice as much as in the last: cheap namespaces are done first, and if
the run's bound is reached, it is the most expensive ones that go without.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

import wasmtime

from podcm_sync.core.rendering import Rendered, Rendering, Request
from podcm_sync.model.reasons import Reason
from podcm_sync.template.fuel import DATA, FUEL, ROUNDS, Account, Shared
from podcm_sync.template.instance import Instance, Machine, Slot, UnavailableError
from podcm_sync.template.job import Job

log = logging.getLogger(__name__)

TABLE_FUEL: Final = 1_000_000_000


@cache
def machine() -> Machine:
    """The process's one machine: it outlives the runs of a loop. May take seconds to compile.

    Raises UnavailableError if the host has no memory for it.
    """
    try:
        return Machine()
    except (wasmtime.WasmtimeError, MemoryError) as error:
        raise UnavailableError(next(iter(str(error).splitlines()), "")) from error


class Sandbox:
    """Implements `core.rendering.Renderer` for one run, through which it keeps its accounts.

    When `is_over` says so, what is not rendered is left out as interrupted.
    """

    def __init__(self, is_over: Callable[[], bool] = lambda: False) -> None:
        self.is_over = is_over
        self._fuel = Shared(FUEL)
        self._data = Shared(DATA)
        self._accounts: dict[str, tuple[Account, Account]] = {}

    def render(self, requests: Sequence[Request]) -> Sequence[Rendering]:
        """One Rendering for each Request, in their order."""
        turns: dict[str, _Turns] = {}
        jobs: list[Job] = []
        try:
            for request in requests:
                name = request.config.namespace
                if name not in turns:
                    accounts = self._accounts.setdefault(
                        name, (Account(self._fuel), Account(self._data))
                    )
                    turns[name] = _Turns(*accounts, self.is_over)
                jobs.append(turns[name].add(request))
            if jobs:
                with machine().ticking():
                    _take_turns(turns.values())
        except UnavailableError as error:
            return self._unavailable(requests, error)
        return [job.result for job in jobs]

    def table(self) -> bytes:
        """The table of functions, as JSON: docs/templates.md is made from it."""
        instance = Instance(machine())
        try:
            (table,) = instance.answers("table", b"{}", TABLE_FUEL)
        finally:
            instance.close()
        return table

    @staticmethod
    def _unavailable(requests: Sequence[Request], error: UnavailableError) -> list[Rendering]:
        """Templates fail, and the rest of the run goes on."""
        log.warning("no template is rendered: the template engine cannot start: %s", error)
        failure = Rendered(
            failure=f"the template engine cannot start: {error}",
            reason=Reason.TEMPLATE_ENGINE_UNAVAILABLE,
        )
        return [
            Rendering(pods=[failure] * len(request.pods), is_parsed=False) for request in requests
        ]


class _Turns:
    """The jobs of one namespace in one pass of the run, the oldest config first."""

    def __init__(self, fuel: Account, data: Account, is_over: Callable[[], bool]) -> None:
        self.objects = 0
        self._fuel = fuel
        self._data = data
        self._is_over = is_over
        self._slot = Slot(machine())
        self._jobs: deque[Job] = deque()

    def add(self, request: Request) -> Job:
        job = Job(request, self._slot, self._fuel, self._data, self._is_over)
        self._jobs.append(job)
        self.objects += len(request.pods)
        return job

    def begin_pass(self) -> None:
        self._fuel.begin_pass()
        self._data.begin_pass()

    def take_turn(self, number: int) -> bool:
        """Work until this namespace's round ends; whether anything is left."""
        self._fuel.begin_round(number)
        self._data.begin_round(number)
        try:
            while self._jobs and self._jobs[0].advance():
                self._jobs.popleft()
        finally:
            self._slot.discard()
        return bool(self._jobs)


def _take_turns(namespaces: Iterable[_Turns]) -> None:
    """Round by round, the small ones first: time may not suffice for all."""
    waiting = sorted(namespaces, key=lambda turns: turns.objects)
    for turns in waiting:
        turns.begin_pass()
    for number in range(ROUNDS):
        waiting = [turns for turns in waiting if turns.take_turn(number)]
    assert not waiting, "the last round goes up to the bound, and past it nothing is left"
