"""Renders the templates of all configs of a run; no namespace can use up another one's time.

Authors are untrusted. All configs of a namespace share an account. The namespaces take turns, in
rounds that each allow about twice as much as the last. So cheap namespaces finish first, and if the
run reaches its bound, only the most expensive ones are left without results.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

import wasmtime

from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.renderer import Rendered, Rendering, Request
from podcm_sync.template.fuel import DATA, FUEL, ROUNDS, Account, Shared
from podcm_sync.template.instance import Instance, Machine, Slot, UnavailableError
from podcm_sync.template.job import Job

log = logging.getLogger(__name__)

TABLE_FUEL: Final = 1_000_000_000
"""The fuel for a call of `table`."""

_first: Final = threading.Lock()
"""Held while the Machine is made, so that no other thread makes another."""


def machine() -> Machine:
    """The only Machine of the process, which all runs of a loop use, and passes in other threads.

    The first call can compile, which takes seconds. Raises UnavailableError if the host has no
    memory for it.
    """
    with _first:
        return _machine()


@cache
def _machine() -> Machine:
    try:
        return Machine()
    except (wasmtime.WasmtimeError, MemoryError) as error:
        raise UnavailableError(next(iter(str(error).splitlines()), "")) from error


def prepare() -> None:
    """Get ready for the next rendering, if there was one before."""
    with _first:
        is_made = _machine.cache_info().currsize > 0
    if is_made:
        _machine().prepare()


class Sandbox:
    """Implements `reconcile.renderer.Renderer` for one run, whose accounts it keeps.

    Once `is_over` returns True, Pods that aren't rendered yet fail with the reason Interrupted.
    """

    def __init__(self, is_over: Callable[[], bool] = lambda: False) -> None:
        self.is_over = is_over
        self._fuel = Shared(FUEL)
        self._data = Shared(DATA)
        self._accounts: dict[str, tuple[Account, Account]] = {}

    def render(
        self, requests: Sequence[Request], *, may_defer: bool = False
    ) -> Sequence[Rendering]:
        """One Rendering for each Request, in their order.

        With `may_defer`, each namespace has one short turn. A namespace that doesn't finish is
        deferred as a whole. Its turn isn't charged, so that its verdicts equal those of a dry run,
        which defers nothing.
        """
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
                    _take_turns(turns.values(), may_defer=may_defer)
                for name in [name for name, turn in turns.items() if turn.is_deferred]:
                    del self._accounts[name]
        except UnavailableError as error:
            return self._unavailable(requests, error)
        return [job.result for job in jobs]

    def table(self) -> bytes:
        """The table of functions as JSON, from which docs/templates.md is made."""
        instance = Instance(machine())
        try:
            (table,) = instance.answers("table", b"{}", TABLE_FUEL)
        finally:
            instance.close()
        return table

    @staticmethod
    def _unavailable(requests: Sequence[Request], error: UnavailableError) -> list[Rendering]:
        """A failure for every Pod, so that configs without templates are synced all the same."""
        log.warning("templates are not rendered: the template engine cannot start: %s", error)
        failure = Rendered(
            failure=f"the template engine cannot start: {error}",
            reason=Reason.TEMPLATE_ENGINE_UNAVAILABLE,
        )
        return [
            Rendering(pods=[failure] * len(request.pods), is_parsed=False) for request in requests
        ]


class _Turns:
    """The turns of one namespace in one pass of the run; its jobs are done in the given order."""

    def __init__(self, fuel: Account, data: Account, is_over: Callable[[], bool]) -> None:
        self.objects = 0
        self.is_deferred = False
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

    def take_short_turn(self) -> None:
        """Work until the short round ends, and defer the rest."""
        self._fuel.begin_short_round()
        self._data.begin_short_round()
        self._work()
        self.is_deferred = bool(self._jobs)
        for job in self._jobs:
            job.defer()

    def take_turn(self, number: int) -> bool:
        """Work until the round ends. Returns whether jobs remain."""
        self._fuel.begin_round(number)
        self._data.begin_round(number)
        self._work()
        return bool(self._jobs)

    def _work(self) -> None:
        try:
            while self._jobs and self._jobs[0].advance():
                self._jobs.popleft()
        finally:
            self._slot.discard()


def _take_turns(namespaces: Iterable[_Turns], *, may_defer: bool) -> None:
    """Work round by round, the namespaces with few Pods first, because time can run out."""
    waiting = sorted(namespaces, key=lambda turns: turns.objects)
    for turns in waiting:
        turns.begin_pass()
    if may_defer:
        for turns in waiting:
            turns.take_short_turn()
        return
    for number in range(ROUNDS):
        waiting = [turns for turns in waiting if turns.take_turn(number)]
    assert not waiting, "the last round goes up to the bound, and past it nothing is left"
