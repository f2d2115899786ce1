"""The templates of one config on all its Pods, in an instance of the engine.

Each Pod has a bound. One that goes beyond it fails by itself: the engine hands over its answers one
by one, so it is known at which Pod it was stopped. Verdicts don't depend on the Pods before: a Pod
that is stopped among others is tried again alone, in a new instance, and only that trial counts.
"""

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from podcm_sync.core import bounds
from podcm_sync.core.rendering import Rendered, Rendering, Request, TemplateFinding
from podcm_sync.model.reasons import Reason
from podcm_sync.template import messages
from podcm_sync.template.fuel import BATCH_POD_FUEL, INSTANCE_FUEL, Account
from podcm_sync.template.instance import Instance, Slot, Stop, StoppedError

BATCH_PODS: Final = 200
BATCH_BYTES: Final = 1 << 20
PARSE_FUEL: Final = bounds.TEMPLATE_CONFIG - INSTANCE_FUEL
"""The densest source within the CRD's bounds takes 1.6e9."""

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
NOT_BEGUN: Final = "not rendered: the run was cut short"


class _PausedError(Exception):
    """Nothing more can be spent in this turn, or time is up: the instance is given up."""


class Job:
    """One Request while it is being worked on, over as many turns as it takes."""

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
        self._left = bounds.TEMPLATE_CONFIG
        self._is_loaded = False
        self._is_alone = False
        """Whether nothing but these templates was ever loaded, and no Pod rendered, in there."""
        self._parse_needs_alone = False
        self._is_parsed = False
        self._is_given_up = False
        self._findings: tuple[TemplateFinding, ...] = ()
        self._rendered: list[Rendered | None] = [None] * len(request.pods)
        # By name, so that the order of the list decides nothing if a bound ends the work.
        order = sorted(range(len(request.pods)), key=lambda n: request.pods[n].namespaced_name)
        self._due = deque(order)
        self._suspects: deque[int] = deque()

    @property
    def result(self) -> Rendering:
        """What came of it, once a turn has finished it."""
        pods = [rendered for rendered in self._rendered if rendered is not None]
        assert self._findings or len(pods) == len(self._rendered)
        if self._findings:
            return Rendering(findings=self._findings)
        return Rendering(pods=pods, is_parsed=self._is_parsed)

    def advance(self) -> bool:
        """Work until it is finished or its namespace may spend no more in this round.

        Returns whether it is finished. Raises UnavailableError.
        """
        self._is_loaded = False
        while not self._is_finished():
            if self._is_over():
                self.give_up(NOT_BEGUN, Reason.INTERRUPTED)
            elif closed := self._why_closed():
                self.give_up(closed, Reason.TEMPLATE_BUDGET_EXCEEDED)
            elif not (self._fuel.left_in_round and self._data.left_in_round):
                return False
            else:
                self._step()
        return True

    def give_up(self, message: str, reason: Reason) -> None:
        """Fail all that is not rendered so far."""
        failure = Rendered(failure=message, reason=reason)
        self._rendered = [rendered or failure for rendered in self._rendered]
        self._due.clear()
        self._suspects.clear()
        self._is_given_up = True

    def _is_finished(self) -> bool:
        if self._findings or self._is_given_up:
            return True
        return self._is_parsed and not (self._due or self._suspects)

    def _why_closed(self) -> str:
        """The bound that ends this config, in words; "" if it may go on."""
        if self._left <= 0:
            return CONFIG_SPENT
        if not self._fuel.left:
            return NAMESPACE_SPENT if self._fuel.is_past_its_bound else RUN_SPENT
        if not self._data.left:
            return NAMESPACE_FULL if self._data.is_past_its_bound else RUN_FULL
        return ""

    def _step(self) -> None:
        """One call of the engine: start, parse, render a batch, or try one Pod by itself."""
        needs_alone = self._parse_needs_alone if not self._is_parsed else not self._due
        instance = self._slot.instance
        if instance is None:
            self._start()
        elif not self._is_loaded:
            if needs_alone and not self._slot.is_new:
                self._start()
            else:
                self._load(instance)
        elif self._due:
            indices, pods = self._batch()
            self._render(instance, indices, pods, BATCH_POD_FUEL)
        elif self._is_alone:
            index = self._suspects[0]
            pods = [messages.encode_pod(self._request.pods[index])]
            self._render(instance, [index], pods, bounds.TEMPLATE_POD)
        else:
            self._start()

    def _start(self) -> None:
        fee = self._allowed(INSTANCE_FUEL)
        self._charge(fee)
        self._discard()
        if fee == INSTANCE_FUEL:
            self._slot.renew()

    def _allowed(self, most: int) -> int:
        return max(0, min(most, self._left, self._fuel.left_in_round))

    def _charge(self, fuel: int) -> None:
        self._left -= fuel
        self._fuel.charge(fuel)

    def _charge_stopped(self, instance: Instance, stop: Stop, given: int, most: int) -> bool:
        """Charge a call that was stopped; whether a bound of its own stopped it.

        If a round ended, the work is done again in the next one, at the namespace's cost alone: the
        config's verdict must not depend on its neighbors.
        """
        used = given if stop is Stop.CPU else given - instance.fuel
        if stop is Stop.CPU and given < min(most, self._left):
            self._fuel.charge(used)
            return False
        self._charge(used)
        return stop is not Stop.CPU or given == most

    def _load(self, instance: Instance) -> None:
        """Parse. A source that is stopped in a used instance has a right to a new one, too."""
        self._is_alone, self._slot.is_new = self._slot.is_new, False
        most = PARSE_FUEL if self._is_alone else PARSE_FUEL // 5
        given = self._allowed(most)
        answers: list[bytes] = []
        try:
            payload = messages.encode_templates(self._request.templates)
            instance.call("load", payload, given, answers.append)
        except StoppedError as error:
            is_its_own = self._charge_stopped(instance, error.stop, given, most)
            self._discard()
            if is_its_own and not self._is_alone:
                self._parse_needs_alone = True
            elif is_its_own:
                # The engine takes the keys in their order, and was stopped at the next one.
                key = sorted(self._request.templates)[len(answers)]
                finding = TemplateFinding(path=messages.path(key), message=str(error))
                self._findings = (*_findings(answers), finding)
            return
        self._charge(given - instance.fuel)
        self._findings = tuple(_findings(answers))
        self._is_loaded = self._is_parsed = not self._findings

    def _batch(self) -> tuple[list[int], list[bytes]]:
        """The next Pods, as many as one call takes; one at least, however large it is."""
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
        self, instance: Instance, indices: Sequence[int], pods: Sequence[bytes], most: int
    ) -> None:
        """Render these Pods, the first ones that are due, or those up to one that is stopped."""
        queue = self._due or self._suspects
        is_trial = queue is self._suspects
        self._is_alone = False
        given = self._allowed(most)
        waiting = iter(indices)
        index = next(waiting)

        def answered(answer: bytes) -> None:
            nonlocal given, index
            self._charge(given - instance.fuel)
            rendered = _rendered(answer)
            size = _size(rendered)
            given = 0
            if size > self._data.left:
                # What does not fit is not held. The next look at the bounds ends the work.
                self._data.charge(self._data.left)
                raise _PausedError
            self._data.charge(size)
            self._rendered[index] = rendered
            queue.popleft()
            if not rendered.failure:
                self._left += bounds.TEMPLATE_PER_OBJECT
                self._fuel.earn()
                self._data.earn()
            following = next(waiting, None)
            if following is None:
                return
            index = following
            given = self._allowed(most)
            if not (given and self._data.left_in_round) or self._is_over():
                given = 0
                raise _PausedError
            instance.refill(given)

        payload = messages.encode_batch(self._request.config.name, pods)
        try:
            instance.call("render", payload, given, answered)
        except _PausedError:
            self._discard()
        except StoppedError as error:
            is_its_own = self._charge_stopped(instance, error.stop, given, most)
            key = sorted(self._request.templates)[instance.at]
            self._discard()
            if not is_its_own:
                return
            queue.popleft()
            if is_trial:
                failure = f"{messages.template(key)}: {error}"
                self._rendered[index] = Rendered(failure=failure)
            else:
                self._suspects.append(index)

    def _discard(self) -> None:
        self._slot.discard()
        self._is_loaded = False


def _findings(answers: Sequence[bytes]) -> Iterator[TemplateFinding]:
    for failure in map(messages.decode_failure, answers):
        if failure is not None:
            yield messages.finding(failure)


def _rendered(answer: bytes) -> Rendered:
    decoded = messages.decode_answer(answer)
    if decoded.failure is None:
        return Rendered(data=decoded.data or {})
    reason = Reason.TOO_LARGE if decoded.failure.is_too_large else Reason.TEMPLATE_FAILED
    return Rendered(failure=messages.failed(decoded.failure), reason=reason)


def _size(rendered: Rendered) -> int:
    """How much memory it holds: one character beyond U+FFFF makes a text four times as large."""
    return sum(map(sys.getsizeof, (rendered.failure, *rendered.data.values())))
