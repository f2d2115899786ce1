"""Renders the templates of one config for all its Pods, in instances of the engine.

Each Pod has a bound, and only a Pod past it fails: the engine gives its answers one by one, which
shows at which Pod it was stopped. Verdicts don't depend on earlier Pods: a Pod that is stopped in a
batch is tried again alone, in a new instance, and only that trial counts.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import structs

from podcm_sync.api.finding import Finding
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile import bounds
from podcm_sync.reconcile.renderer import Rendered, Rendering, Request
from podcm_sync.template import messages
from podcm_sync.template.fuel import BATCH_POD_FUEL, INSTANCE_FUEL, Account
from podcm_sync.template.instance import Instance, Slot, Stop, StoppedError
from podcm_sync.template.messages import Answer, Failure
from podcm_sync.template.parsed import Parsed, parse

BATCH_PODS: Final = 200
"""The most Pods in one call."""
BATCH_BYTES: Final = 1 << 20
"""The most bytes of encoded Pods in one call, unless one Pod is larger."""
PARSE_FUEL: Final = bounds.TEMPLATE_CONFIG - INSTANCE_FUEL
"""The fuel to parse a config. The densest source within the CRD's bounds takes 1.6e9."""

CONFIG_SPENT: Final = "the templates of this config use more than 0.4 s of CPU for all its Pods"
NAMESPACE_SPENT: Final = "the templates of this namespace use more than 2 s of CPU"
RUN_SPENT: Final = (
    "the templates of all namespaces use too much CPU, and those of this one are among the most "
    "expensive"
)
NAMESPACE_FULL: Final = "the templates of this namespace give more than 32 MiB of data"
RUN_FULL: Final = (
    "the templates of all namespaces give too much data, and those of this one are among the "
    "largest"
)
NOT_BEGUN: Final = "not rendered: the run ended early"


class _PausedError(Exception):
    """The budget of this turn is spent, or time is up, so the instance is discarded."""


class Job:
    """The work on one Request, over as many turns as it takes."""

    def __init__(
        self,
        request: Request,
        slot: Slot,
        fuel: Account,
        data: Account,
        is_over: Callable[[], bool],
    ) -> None:
        self._request = request
        self._slot = slot
        self._fuel = fuel
        self._data = data
        self._is_over = is_over
        self._config_fuel = bounds.TEMPLATE_CONFIG
        """The fuel that the config can still spend in this run."""
        self._parsed: Parsed | None = None
        """The templates as the instance of this turn has parsed them."""
        self._is_alone = False
        """Whether the instance has loaded nothing but these templates, and rendered no Pod."""
        self._parse_needs_alone = False
        self._is_parsed = False
        self._is_given_up = False
        self._is_deferred = False
        self._findings: tuple[Finding, ...] = ()
        self._rendered: list[Rendered | None] = [None] * len(request.pods)
        # Sorted by name, so that the order of the lists has no effect if a bound ends the work.
        by_name = sorted(range(len(request.pods)), key=lambda n: request.pods[n].namespaced_name)
        self._due = deque(by_name)
        self._suspects: deque[int] = deque()
        """Pods that were stopped in a batch, and must be tried alone."""

    @property
    def result(self) -> Rendering:
        """The result, once a turn has finished the work."""
        pods = [rendered for rendered in self._rendered if rendered is not None]
        assert self._findings or len(pods) == len(self._rendered)
        if self._findings:
            return Rendering(findings=self._findings)
        return Rendering(pods=pods, is_parsed=self._is_parsed, is_deferred=self._is_deferred)

    def advance(self) -> bool:
        """Work until the Request is done, or until its namespace has spent this round.

        Returns whether it is done. Raises UnavailableError.
        """
        self._parsed = None
        while not self._is_finished():
            if self._is_over():
                self.give_up(NOT_BEGUN, Reason.INTERRUPTED)
            elif message := self._bound_reached():
                self.give_up(message, Reason.TEMPLATE_BUDGET_EXCEEDED)
            elif not (self._fuel.remaining_in_round and self._data.remaining_in_round):
                return False
            else:
                self._step()
        return True

    def give_up(self, message: str, reason: Reason) -> None:
        """Fail every Pod that isn't rendered yet, for this reason."""
        failure = Rendered(failure=message, reason=reason, quoted=())
        self._rendered = [rendered or failure for rendered in self._rendered]
        self._due.clear()
        self._suspects.clear()
        self._is_given_up = True

    def defer(self) -> None:
        """Leave the Pods that aren't rendered yet to a later pass; they fail if none comes."""
        self.give_up(NOT_BEGUN, Reason.INTERRUPTED)
        self._is_deferred = True

    def _is_finished(self) -> bool:
        if self._findings or self._is_given_up:
            return True
        return self._is_parsed and not (self._due or self._suspects)

    def _bound_reached(self) -> str:
        """The message of the bound that ends this config; "" if it can go on."""
        if self._config_fuel <= 0:
            return CONFIG_SPENT
        if not self._fuel.remaining:
            return NAMESPACE_SPENT if self._fuel.is_past_own_bound else RUN_SPENT
        if not self._data.remaining:
            return NAMESPACE_FULL if self._data.is_past_own_bound else RUN_FULL
        return ""

    def _step(self) -> None:
        """Make one call of the engine: start, parse, render a batch, or try one Pod alone.

        A trial alone needs an instance in which nothing else ran, so it starts and parses first.
        """
        # After parsing, only Pods that must be tried alone remain if none is due.
        needs_alone = self._parse_needs_alone if not self._is_parsed else not self._due
        instance = self._slot.instance
        if instance is None:
            self._start()
        elif self._parsed is None:
            if needs_alone and not self._slot.is_new:
                self._start()
            else:
                self._load(instance)
        elif self._due:
            indices, pods = self._batch()
            self._render(self._parsed, indices, pods, BATCH_POD_FUEL)
        elif self._is_alone:
            index = self._suspects[0]
            pods = [messages.encode_pod(self._request.pods[index])]
            self._render(self._parsed, [index], pods, bounds.TEMPLATE_POD)
        else:
            self._start()

    def _start(self) -> None:
        """Start an instance. If the budget is too small for it, charge the rest of the budget."""
        fee = self._affordable(INSTANCE_FUEL)
        self._charge(fee)
        self._discard()
        if fee == INSTANCE_FUEL:
            self._slot.renew()

    def _affordable(self, limit: int) -> int:
        """The fuel for a call: `limit`, or what the config and this round still allow."""
        return max(0, min(limit, self._config_fuel, self._fuel.remaining_in_round))

    def _charge(self, fuel: int) -> None:
        self._config_fuel -= fuel
        self._fuel.charge(fuel)

    def _charge_stopped(self, instance: Instance, stop: Stop, granted: int, limit: int) -> bool:
        """Charge a call that was stopped. Returns whether its own limit stopped it.

        If the end of a round stopped it, the next round repeats the work. Only the namespace pays
        for that, not the config, whose verdict must not depend on its neighbors.
        """
        used = granted if stop is Stop.CPU else granted - instance.fuel
        if stop is Stop.CPU and granted < min(limit, self._config_fuel):
            self._fuel.charge(used)
            return False
        self._charge(used)
        return stop is not Stop.CPU or granted == limit

    def _load(self, instance: Instance) -> None:
        """Parse the templates. If that is stopped in a used instance, a new one must confirm it."""
        self._is_alone, self._slot.is_new = self._slot.is_new, False
        limit = PARSE_FUEL if self._is_alone else PARSE_FUEL // 5
        granted = self._affordable(limit)
        verdicts: list[Failure | None] = []
        try:
            parsed = parse(instance, self._request.templates, granted, verdicts.append)
        except StoppedError as error:
            is_over_limit = self._charge_stopped(instance, error.stop, granted, limit)
            self._discard()
            if is_over_limit and not self._is_alone:
                self._parse_needs_alone = True
            elif is_over_limit:
                # The engine parses the keys in sorted order, so it was stopped at the first one
                # without a verdict.
                key = sorted(self._request.templates)[len(verdicts)]
                finding = structs.replace(messages.stopped(error), path=messages.path(key))
                self._findings = (*_findings(verdicts), finding)
            return
        self._charge(granted - instance.fuel)
        self._findings = tuple(_findings(verdicts))
        if not self._findings:
            self._parsed, self._is_parsed = parsed, True

    def _batch(self) -> tuple[list[int], list[bytes]]:
        """The indices and bytes of the Pods for one call; at least one, however large it is."""
        indices: list[int] = []
        pods: list[bytes] = []
        size = 0
        for index in self._due:
            encoded = messages.encode_pod(self._request.pods[index])
            size += len(encoded)
            if indices and (size > BATCH_BYTES or len(indices) == BATCH_PODS):
                break
            indices.append(index)
            pods.append(encoded)
        return indices, pods

    def _render(
        self, parsed: Parsed, indices: Sequence[int], pods: Sequence[bytes], limit: int
    ) -> None:
        """Render the first Pods of the queue, up to the first one that is stopped."""
        queue = self._due or self._suspects
        is_trial = queue is self._suspects
        self._is_alone = False
        instance = parsed.instance
        granted = self._affordable(limit)
        remaining = iter(indices)
        index = next(remaining)

        def on_answer(answer: Answer) -> None:
            nonlocal granted, index
            self._charge(granted - instance.fuel)
            rendered = _rendered(answer)
            size = _size(rendered)
            # All of it is charged. If the fuel ends after the last answer, that fails no Pod.
            granted = 0
            if size > self._data.remaining:
                # The answer doesn't fit, so it isn't kept. `advance` then ends the work.
                self._data.charge(self._data.remaining)
                raise _PausedError
            self._data.charge(size)
            self._rendered[index] = rendered
            queue.popleft()
            if not rendered.failure:
                self._config_fuel += bounds.TEMPLATE_PER_OBJECT
                self._fuel.earn()
                self._data.earn()
            following = next(remaining, None)
            if following is None:
                return
            index = following
            granted = self._affordable(limit)
            if not (granted and self._data.remaining_in_round) or self._is_over():
                granted = 0
                raise _PausedError
            instance.refill(granted)

        try:
            parsed.render(self._request.config.name, pods, granted, on_answer)
        except _PausedError:
            self._discard()
        except StoppedError as error:
            # If the current Pod has its verdict, it was the last one: nobody is over a limit.
            is_over_limit = self._rendered[index] is None and self._charge_stopped(
                instance, error.stop, granted, limit
            )
            key = sorted(self._request.templates)[instance.key_index]
            self._discard()
            if not is_over_limit:
                return
            queue.popleft()
            if is_trial:
                finding = structs.replace(messages.stopped(error), path=messages.template(key))
                self._rendered[index] = _failed(finding, Reason.TEMPLATE_FAILED)
            else:
                self._suspects.append(index)

    def _discard(self) -> None:
        self._slot.discard()
        self._parsed = None


def _findings(verdicts: Iterable[Failure | None]) -> Iterator[Finding]:
    return (messages.finding(failure) for failure in verdicts if failure is not None)


def _rendered(answer: Answer) -> Rendered:
    if answer.failure is None:
        return Rendered(data=answer.data or {})
    reason = Reason.TOO_LARGE if answer.failure.is_too_large else Reason.TEMPLATE_FAILED
    return _failed(messages.failed(answer.failure), reason)


def _failed(finding: Finding, reason: Reason) -> Rendered:
    return Rendered(failure=str(finding), reason=reason, quoted=finding.quotes)


def _size(rendered: Rendered) -> int:
    """The bytes of memory that it holds.

    That isn't the length of its texts: one character past U+FFFF makes Python store each character
    of a text in four bytes.
    """
    return sum(map(sys.getsizeof, (rendered.failure, *rendered.data.values())))
