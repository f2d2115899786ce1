"""Which namespace gets a pass when: at once for what an event concerns, later for the rest.

A pass over the whole namespace, with statuses and deletions, comes once no event has come for a
second, and at the latest after ten: neither may a stream of events put it off for ever, nor may
each event cause one. Of one namespace, a prompt pass over some Pods and a final one may overlap:
the server takes no write that is based on an older version. Two of a kind never do. Passes that
take more than their share of CPU time make the next of their kind wait, so that no tenant takes the
time of others.
"""

import heapq
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.runtime import backoff
from podcm_sync.watch.namespace import Touched

QUIET_SECONDS: Final = 1.0
"""Without an event for so long, a namespace is quiet."""
LATEST_SECONDS: Final = 10.0
"""The pass over the whole namespace comes at the latest so long after the first event."""
CPU_SHARE: Final = 0.2
"""The CPU seconds that a namespace's passes of one kind may take each second, on average."""
CPU_BURST_SECONDS: Final = 0.5
"""The CPU seconds that they may take at once. What is beyond it must be waited for."""
REFUSED_SECONDS: Final = 0.005
"""A write that the server refuses counts as so much CPU time: the next pass tries it again."""
MAX_REST_SECONDS: Final = 300.0
POD_WRITES: Final = 10
"""So many passes that write for one Pod come at once. Beyond it, there is one each second: somebody
may write the opposite after each of them, or the garbage collector deletes what they create."""
MANY_PODS: Final = 1_000
RETRY_SECONDS: Final = 0.5
"""The pause after a pass that failed; it doubles with each failure, up to LONGEST_RETRY_SECONDS."""
LONGEST_RETRY_SECONDS: Final = 30.0


class Work(Struct, frozen=True, kw_only=True):
    """One pass. Times are when the first event came that it answers, in monotonic seconds."""

    namespace: str
    term: int = 0
    """In which time of the queue's activity it began."""
    pods: Mapping[str, float] = {}
    """The Pods to plan for at once, and when the event came."""
    whole_since: float | None = None
    """Since when every Pod must be planned for at once; None if only `pods` must."""
    is_final: bool = False
    """Whether it is the pass over the quiet namespace, with statuses and deletions."""

    @property
    def focus(self) -> frozenset[str] | None:
        """The only Pods to plan for; None for all."""
        is_focused = not self.is_final and self.whole_since is None
        return frozenset(self.pods) if is_focused else None

    def since(self, pod: str) -> float | None:
        """When the event came that concerns a Pod's ConfigMaps; None if none did."""
        times = [time for time in (self.pods.get(pod), self.whole_since) if time is not None]
        return min(times, default=None)


class _Turn:
    """The passes of one kind in one namespace: when the next may begin."""

    def __init__(self) -> None:
        self.is_running = False
        self.is_whole = False
        """Whether the pass that runs is over the whole namespace."""
        self.not_before = 0.0
        self.failures = 0
        self._credit = CPU_BURST_SECONDS
        self._spent_at = 0.0

    def is_rested(self, now: float) -> bool:
        """Whether the next pass may take all of CPU_BURST_SECONDS."""
        return self._credit + (now - self._spent_at) * CPU_SHARE >= CPU_BURST_SECONDS

    def rest(self, cpu_seconds: float, now: float) -> float:
        """The seconds to wait after a pass that took so much CPU time and ended now."""
        earned = (now - self._spent_at) * CPU_SHARE
        self._credit = min(CPU_BURST_SECONDS, self._credit + earned) - cpu_seconds
        self._spent_at = now
        return min(MAX_REST_SECONDS, max(0.0, -self._credit / CPU_SHARE))


class _Waiting:
    """What is due in one namespace."""

    def __init__(self) -> None:
        self.prompt, self.final = _Turn(), _Turn()
        self.held: dict[str, tuple[float, float]] = {}
        """Pods with too many writes: when they are due, and when the event came."""
        self._writes: dict[str, tuple[float, float]] = {}
        """How many passes may still write for each Pod at once, and when the last one did."""
        self._most_writes = MANY_PODS
        """With more Pods than this in `_writes`, it is time to forget some."""
        self.pods: dict[str, float] = {}
        self.whole_since: float | None = None
        self.first: float | None = None
        """When the first event came that no pass over the quiet namespace has answered."""
        self.last = 0.0
        self.queued = math.inf
        """The time of its next entry in the heap."""

    @property
    def is_prompt(self) -> bool:
        """Whether something is due that no final pass need wait for."""
        return bool(self.pods or self.held) or self.whole_since is not None

    def note_write(self, pod: str, now: float) -> None:
        """A pass wrote ConfigMaps of the Pod."""
        left, at = self._writes.get(pod, (float(POD_WRITES), now))
        self._writes[pod] = min(float(POD_WRITES), left + now - at) - 1, now
        if len(self._writes) > self._most_writes:
            self._forget_writes(now)
            self._most_writes = max(MANY_PODS, 2 * len(self._writes))

    def _forget_writes(self, now: float) -> None:
        """Forget Pods that may have as many writes as any."""
        writes = self._writes.items()
        self._writes = {pod: (n, at) for pod, (n, at) in writes if n + now - at < POD_WRITES}

    def touch_pod(self, pod: str, received: float, now: float) -> None:
        """An event concerns the Pod. It is due at once, unless it had too many writes."""
        left, at = self._writes.get(pod, (float(POD_WRITES), now))
        pause = 1 - (left + now - at)
        if pause <= 0:
            self.pods.setdefault(pod, received)
        else:
            self.held.setdefault(pod, (now + pause, received))

    def release(self, now: float) -> None:
        """Make the held Pods due whose time has come."""
        for pod, (due, received) in tuple(self.held.items()):
            if due <= now:
                del self.held[pod]
                self.pods.setdefault(pod, received)

    def is_rested(self, now: float) -> bool:
        """Whether nothing need be remembered."""
        self._forget_writes(now)
        return not self._writes and self.prompt.is_rested(now) and self.final.is_rested(now)

    @property
    def is_running(self) -> bool:
        """Whether a pass is under way."""
        return self.prompt.is_running or self.final.is_running


class Queue:
    """The namespaces that wait for a pass; callable from any thread. It begins inactive."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._waiting: dict[str, _Waiting] = {}
        self._heap: list[tuple[float, str]] = []
        """When to look at each namespace; an entry that came too early is put back."""
        self._is_active = False
        self._holds_final = False
        self.is_one_final_at_a_time = False
        """Whether a limit on deletions holds over all namespaces."""
        self._finals = 0
        """How many passes are under way that can delete."""
        self._term = 0
        """Counts how often the queue became inactive."""
        self.running = 0
        """How many passes are under way."""

    @property
    def is_final_running(self) -> bool:
        """Whether a pass that can delete is under way."""
        return bool(self._finals)

    @property
    def is_final_held(self) -> bool:
        """Whether a full run is under way, and no pass must delete."""
        return self._holds_final

    def due(self) -> int:
        """How many namespaces have a pass that is due and hasn't begun."""
        with self._changed:
            now = self._now()
            times = map(self._due, self._waiting.values())
            return sum(time is not None and time <= now for time in times)

    def is_idle(self) -> bool:
        """Whether no pass is due, now or later, or under way."""
        with self._changed:
            return all(
                self._due(each) is None and not each.is_running for each in self._waiting.values()
            )

    def activate(self, *, is_active: bool) -> None:
        """Take events, or drop all that wait: a process that doesn't lead makes no passes."""
        with self._changed:
            self._is_active = is_active
            if not is_active:
                self._term += 1
                self._waiting.clear()
                self._heap.clear()

    def hold_final(self, *, is_held: bool) -> None:
        """Hold the passes that delete, as long as a full run is under way."""
        with self._changed:
            self._holds_final = is_held
            self._push_all()

    def settle(self, before: float) -> None:
        """A full run has done all that the events before this time asked for."""
        with self._changed:
            for namespace, waiting in tuple(self._waiting.items()):
                if waiting.last < before and not waiting.is_prompt and not waiting.is_running:
                    waiting.first = None
                    if waiting.is_rested(self._now()):
                        del self._waiting[namespace]

    def touch(self, namespace: str, touched: Touched, received: float) -> None:
        """An event concerns this namespace."""
        with self._changed:
            if not self._is_active:
                return
            waiting = self._waiting.setdefault(namespace, _Waiting())
            if touched.is_whole and waiting.whole_since is None:
                waiting.whole_since = received
            for pod in touched.pods:
                waiting.touch_pod(pod, received, self._now())
            waiting.first = received if waiting.first is None else waiting.first
            # An event that waited for the store comes late.
            waiting.last = max(waiting.last, received)
            self._push(namespace, waiting)

    def wrote(self, namespace: str, pods: Iterable[str]) -> None:
        """A pass wrote ConfigMaps of these Pods."""
        with self._changed:
            waiting = self._waiting.get(namespace)
            if waiting is not None:
                for pod in pods:
                    waiting.note_write(pod, self._now())

    def next(self, timeout: float) -> Work | None:
        """The next pass, which must be `done` later; None if none is due within the time."""
        with self._changed:
            ends = self._now() + timeout
            while True:
                now = self._now()
                work = self._pop(now)
                if work is not None or now >= ends:
                    return work
                due = min(self._heap[0][0], ends) if self._heap else ends
                self._changed.wait(max(0.0, due - now))

    def done(
        self, work: Work, *, cpu_seconds: float, refused: int = 0, has_failed: bool = False
    ) -> None:
        """The pass has ended, with so many refused writes.

        One that failed comes again, later each time.
        """
        with self._changed:
            self.running -= 1
            if work.is_final:
                self._finals -= 1
                if self.is_one_final_at_a_time:
                    self._push_all()
            waiting = self._waiting.get(work.namespace)
            if waiting is None or work.term != self._term:
                return
            turn = waiting.final if work.is_final else waiting.prompt
            turn.is_running = False
            now = self._now()
            rest = turn.rest(cpu_seconds + refused * REFUSED_SECONDS, now)
            if has_failed:
                turn.failures += 1
                delay = backoff.delay(turn.failures, RETRY_SECONDS, RETRY_SECONDS)
                rest = max(rest, min(delay, LONGEST_RETRY_SECONDS))
                self._put_back(waiting, work, now)
            else:
                turn.failures = 0
            turn.not_before = now + rest
            self._push(work.namespace, waiting)

    def _put_back(self, waiting: _Waiting, work: Work, now: float) -> None:
        waiting.pods = {**waiting.pods, **work.pods}
        if work.whole_since is not None:
            waiting.whole_since = work.whole_since
        if work.is_final and waiting.first is None:
            waiting.first = waiting.last = now

    def _pop(self, now: float) -> Work | None:
        """Under the lock: the pass that has been due the longest, if one is due."""
        while self._heap and self._heap[0][0] <= now:
            _, namespace = heapq.heappop(self._heap)
            waiting = self._waiting.get(namespace)
            if waiting is None:
                continue
            waiting.queued = math.inf
            due = self._due(waiting)
            if due is not None and due <= now:
                work = self._begin(namespace, waiting, now)
                self._push(namespace, waiting)
                return work
            self._push(namespace, waiting)
        return None

    def _begin(self, namespace: str, waiting: _Waiting, now: float) -> Work:
        self.running += 1
        if self._prompt_due(waiting) <= now:
            waiting.release(now)
            waiting.prompt.is_running = True
            waiting.prompt.is_whole = waiting.whole_since is not None
            work = Work(
                namespace=namespace,
                term=self._term,
                pods=waiting.pods,
                whole_since=waiting.whole_since,
            )
            waiting.pods, waiting.whole_since = {}, None
            return work
        waiting.final.is_running = True
        waiting.first = None
        self._finals += 1
        return Work(namespace=namespace, term=self._term, is_final=True)

    def _due(self, waiting: _Waiting) -> float | None:
        """When the namespace's next pass is due; None if it must wait for another one."""
        due = min(self._prompt_due(waiting), self._final_due(waiting))
        return None if math.isinf(due) else due

    def _prompt_due(self, waiting: _Waiting) -> float:
        if waiting.prompt.is_running or not waiting.is_prompt:
            return math.inf
        due = -math.inf
        if not waiting.pods and waiting.whole_since is None:
            due = min(due for due, _ in waiting.held.values())
        return max(due, waiting.prompt.not_before)

    def _final_due(self, waiting: _Waiting) -> float:
        """After all prompt passes: what they do is part of the status."""
        prompt = waiting.prompt
        # Two passes over the same Pods would do the same writes.
        is_in_its_way = waiting.final.is_running or (prompt.is_running and prompt.is_whole)
        if waiting.first is None or is_in_its_way or self._holds_final:
            return math.inf
        if self.is_one_final_at_a_time and self._finals:
            return math.inf
        quiet = min(waiting.last + QUIET_SECONDS, waiting.first + LATEST_SECONDS)
        return max(quiet, waiting.final.not_before)

    def _push_all(self) -> None:
        for namespace, waiting in self._waiting.items():
            self._push(namespace, waiting)

    def _push(self, namespace: str, waiting: _Waiting) -> None:
        due = self._due(waiting)
        if due is None or due >= waiting.queued:
            return
        waiting.queued = due
        heapq.heappush(self._heap, (due, namespace))
        self._changed.notify()
