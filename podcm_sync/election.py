"""One of many leads: campaign until the lease is taken, work while it is kept, and give it up.

The lease is taken in the caller's thread and kept by one in the background. It alone says for how
long this process may write; a term that has ended is not taken up again, another one begins.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from podcm_sync.clock import Clock
from podcm_sync.cluster.port import Lock, LockError
from podcm_sync.errors import Interrupted
from podcm_sync.leader import (
    Candidate,
    Move,
    Seen,
    Standing,
    Term,
    look,
    next_step,
    released,
    term_of,
)
from podcm_sync.model.lease import Lease

log = logging.getLogger(__name__)
JITTER: Final = 0.2
"""The part of the retry period by which a candidate's pause is longer at random, at most."""
TRIES: Final = 3
"""How often a lease that changes under our hands is read again, at once."""
Waits = Callable[[Standing], None]
"""Told before each pause of a process that does not lead."""
RELEASE_SECONDS: Final = 5.0
"""How long giving up may take: with a signal's grace it is less than a Pod's 30 s."""
RESIGN_SECONDS: Final = 0.3
"""How long giving up may take where a signal came before the first write of a run."""


class Election:
    """One candidate's part in it."""

    def __init__(
        self, lock: Lock, candidate: Candidate, clock: Clock, waits: Waits = lambda _: None
    ) -> None:
        """The clock is the work's: by it what works learns that it may not go on."""
        self._lock = lock
        self._candidate = candidate
        self._timing = candidate.timing
        self._clock = clock
        self._waits = waits
        self._seen: Seen | None = None
        self._term: Term | None = None
        self._heard: float | None = None
        self._leads_from = 0.0
        self._is_taking = False
        self._holder_said: str | None = None
        self._failure_said = ""
        clock.follow()

    @property
    def standing(self) -> Standing:
        """For whoever asks, from any thread."""
        seen, is_leading = self._seen, self._term is not None and self._clock.may_write()
        holder = (seen and seen.lease and seen.lease.spec.holder_identity) or ""
        return Standing(is_leading=is_leading, holder=holder, heard=self._heard)

    def lead(self, work: Callable[[], object]) -> int:
        """Do the work each time this process leads; 128 + n once signal n came.

        The work is to end when the clock says so, and may end before. What it raises is raised
        here, with the lease left to run out: something of it may still be under way. Interrupted
        says that nothing is, so then the lease is given up, in a moment or not at all.
        """
        try:
            while self._is_elected():
                is_kept = self._work(work)
                self._end_term(is_kept=is_kept)
        except Interrupted:
            self._resign()
            raise
        return 128 + (self._clock.signal_number or 0)

    def _work(self, work: Callable[[], object]) -> bool:
        """Do the work while the lease is renewed; whether all renewals have ended as well."""
        ended = threading.Event()
        keeper = threading.Thread(target=self._keep, args=(ended,), name="lease", daemon=True)
        keeper.start()
        patience = RELEASE_SECONDS
        try:
            work()
        except Interrupted:
            patience = RESIGN_SECONDS / 2
            raise
        finally:
            ended.set()
            # Each of its requests has an end; a signal leaves no time for a late one.
            keeper.join(patience if self._clock.signal_number is not None else None)
        return not keeper.is_alive()

    def _is_elected(self) -> bool:
        """Campaign until this process leads; False once a signal came."""
        self._clock.begin(None)  # no run's deadline is the campaign's
        while self._clock.signal_number is None:
            if self._attempt(time.monotonic() + self._timing.renew_deadline / 2):
                log.info("this process leads: it holds %s", self._lock)
                if self._clock.signal_number is None:
                    return True
                self._end_term(is_kept=True)
                return False
            self._waits(self.standing)
            share = random.uniform(0, JITTER)  # noqa: S311 - jitter, not a secret
            self._clock.wait_to_lead(self._timing.retry_period * (1 + share))
        return False

    def _keep(self, ended: threading.Event) -> None:
        """Renew the lease again and again until the work has ended or the term is over."""
        while self._term is not None:
            now = time.monotonic()
            due = min(now + self._timing.retry_period, self._term.stops_beginning)
            if ended.wait(due - now):
                return
            now = time.monotonic()
            if now >= self._term.stops_beginning:
                self._lose(f"not renewed within {self._timing.renew_deadline:g} s")
            else:
                half = now + self._timing.renew_deadline / 2
                self._attempt(min(half, self._term.stops_beginning))

    def _attempt(self, until: float) -> bool:
        """Try once to take the lease or to keep it; whether that was done.

        A term whose lease is another's is over.
        """
        try:
            if self._term is None or self._seen is None:
                self._look(until)
            for _ in range(TRIES):
                try:
                    is_held = self._carry_out(until)
                except LockError as error:
                    if not error.is_conflict:
                        raise
                    self._look(until)
                else:
                    self._failure_said = ""
                    return is_held
        except LockError as error:
            self._say_failure(str(error))
        return False

    def _look(self, until: float) -> None:
        lease = self._lock.read(_seconds(until))
        self._heed(look(self._seen, lease, time.monotonic()))
        if math.isinf(self._leads_from) and self._own() is not None:
            # Made by a request whose answer was lost, nobody knows when.
            self._leads_from = time.monotonic() + self._timing.lease_duration

    def _carry_out(self, until: float) -> bool:
        assert self._seen is not None, "a step follows a look"
        leads = self._term is not None
        began = time.monotonic()
        step = next_step(self._candidate, self._seen, now=began, stamp=_stamp(), leads=leads)
        if step.move is Move.WAIT:
            if leads:
                self._lose(f"{self._lock} was taken away")
            self._say_holder()
            return False
        if step.move is not Move.RENEW:
            self._leads_from = math.inf if step.move is Move.CREATE else 0.0
        self._is_taking = not leads
        lease = self._lock.write(step.spec, step.resource_version, _seconds(until))
        self._is_taking = False
        self._heed(Seen(lease=lease, since=time.monotonic()))
        if step.move is Move.CREATE:
            self._leads_from = 0.0 if leads else time.monotonic() + self._timing.lease_duration
        if time.monotonic() < self._leads_from:
            self._say_holder()
            return False
        term = term_of(self._timing, began)
        # Late: whatever works has stopped, or never began.
        before = self._term or term
        if time.monotonic() >= before.stops_beginning:
            self._lose(f"not renewed within {self._timing.renew_deadline:g} s")
            return False
        self._term = term
        self._clock.lead(until=term.stops_beginning, cut=term.cut)
        return True

    def _heed(self, seen: Seen) -> None:
        self._seen, self._heard = seen, time.monotonic()

    def _lose(self, why: str) -> None:
        """The term is over; what works is told so by the clock."""
        if self._term is not None:
            last = f" ({self._failure_said})" if self._failure_said else ""
            log.warning("this process does not lead any more: %s%s", why, last)
        self._term = None
        self._clock.follow()
        self._holder_said = None

    def _end_term(self, *, is_kept: bool) -> None:
        """The work has ended: give the lease up after a signal, else take part again.

        Not while a write may be under way, which a signal's grace was too short for.
        """
        is_over, left = self._term is None, self._clock.left()
        self._term = self._holder_said = None
        self._clock.follow()
        if is_over or self._clock.signal_number is None:
            return
        if not is_kept or left == 0:
            log.warning("%s is left to run out: a write may still be under way", self._lock)
            return
        try:
            self._release(time.monotonic() + RELEASE_SECONDS)
        except LockError as error:
            log.warning("%s is left to run out: %s", self._lock, error)

    def _resign(self) -> None:
        """Give up at once what this process holds, or may just have taken."""
        until = time.monotonic() + RESIGN_SECONDS / 2
        is_over, self._term = self._term is None, None
        self._clock.follow()
        try:
            if self._is_taking:
                self._look(until)
            elif is_over:
                return
            self._release(until)
        except LockError as error:
            log.warning("%s is left to run out: %s", self._lock, error)

    def _release(self, until: float) -> None:
        while (lease := self._own()) is not None:
            spec = released(lease.spec, _stamp())
            try:
                self._lock.write(spec, lease.resource_version, _seconds(until))
            except LockError as error:
                # A renewal whose answer was lost may have come first.
                if not error.is_conflict or time.monotonic() >= until:
                    raise
                self._look(until)
            else:
                log.info("gave up %s", self._lock)
                return

    def _own(self) -> Lease | None:
        """The lease as it was seen last, if it is this candidate's."""
        lease = self._seen.lease if self._seen is not None else None
        is_own = lease is not None and lease.spec.holder_identity == self._candidate.identity
        return lease if is_own else None

    def _say_holder(self) -> None:
        """For whom this process waits, once for each change."""
        lease = self._seen and self._seen.lease
        holder = (lease and lease.spec.holder_identity) or ""
        if holder != self._holder_said:
            self._holder_said = holder
            log.info("waiting to lead: %s holds %s", holder or "nobody", self._lock)

    def _say_failure(self, message: str) -> None:
        """What is wrong with the lease, once for each change."""
        if message != self._failure_said:
            self._failure_said = message
            log.warning("%s; trying again", message)


def _seconds(until: float) -> float:
    """What is left until then, and a moment at least: a request needs an end, not none at all."""
    return max(0.05, until - time.monotonic())


def _stamp() -> str:
    """A MicroTime."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
