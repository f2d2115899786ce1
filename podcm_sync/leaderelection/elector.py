"""Leader election: acquire the lease, work while renewing it, and release it.

The caller's thread acquires the lease, and a background thread renews it. Only the lease decides
how long this process can write. A term that has ended never comes back; another one begins.
"""

import logging
import math
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple

from podcm_sync.api.objects import Lease
from podcm_sync.cluster.interfaces import Limit, Lock, LockError
from podcm_sync.errors import Interrupted
from podcm_sync.leaderelection.rules import (
    Candidate,
    LeaderStatus,
    Observed,
    Step,
    Term,
    next_step,
    observe,
    released,
    term_of,
)
from podcm_sync.runtime.context import RunContext, duration

log = logging.getLogger(__name__)
JITTER: Final = 0.2
"""A pause is the retry period plus a random share of it, at most this one."""
TRIES: Final = 3
"""How many writes to attempt in a row if each conflicts with a change of the lease."""
OnStandby = Callable[[LeaderStatus], None]
"""Called before each pause of a process that doesn't lead."""
RELEASE_SECONDS: Final = 5.0
"""Time to release the lease. With the grace after a signal, it is less than a Pod's 30 s."""
RESIGN_SECONDS: Final = 0.3
"""The same if a signal came before the first write of a run; less than signals.END_SECONDS."""


class Election:
    """One candidate. Until it acquires the lease, its RunContext allows no write."""

    def __init__(
        self,
        lock: Lock,
        candidate: Candidate,
        context: RunContext,
        on_standby: OnStandby = lambda _: None,
    ) -> None:
        """`context` is the one that the work uses: it tells the work when to stop writing."""
        self._lock = lock
        self._candidate = candidate
        self._timing = candidate.timing
        self._context = context
        self._on_standby = on_standby
        self._observed: Observed | None = None
        self._term: Term | None = None
        self._heard: float | None = None
        self._leads_from = 0.0
        """No term begins before this monotonic time; infinite while a create has no answer."""
        self._is_taking = False
        """Whether a write that acquires the lease is under way, or its answer was lost."""
        self._logged_holder: str | None = None
        self._logged_failure = ""
        context.end_leadership()

    @property
    def status(self) -> LeaderStatus:
        """The current status. Any thread may read it."""
        observed, is_leading = self._observed, self._term is not None and self._context.may_write()
        holder = (observed and observed.lease and observed.lease.spec.holder_identity) or ""
        return LeaderStatus(is_leading=is_leading, holder=holder, heard=self._heard)

    def lead(self, work: Callable[[], object]) -> int:
        """Do the work each time this process leads. Returns 128 + n after signal n.

        The work must end when its RunContext says so, and can end earlier. If it raises,
        this method raises the same and lets the lease expire, because a write may still be under
        way. Interrupted means that no write is, so the method releases the lease, if that works at
        once.
        """
        try:
            while self._acquire():
                is_renewing = self._work(work)
                self._end_term(is_renewing=is_renewing)
        except Interrupted:
            self._resign()
            raise
        return 128 + (self._context.signal_number or 0)

    def _work(self, work: Callable[[], object]) -> bool:
        """Do the work while a thread renews the lease; whether that thread is still at it."""
        ended = threading.Event()
        renewer = threading.Thread(target=self._renew, args=(ended,), name="lease", daemon=True)
        renewer.start()
        timeout = RELEASE_SECONDS
        try:
            work()
        except Interrupted:
            timeout = RESIGN_SECONDS / 2
            raise
        finally:
            ended.set()
            # Each of its requests has a timeout, so it ends. A signal leaves no time for a slow
            # one.
            renewer.join(timeout if self._context.signal_number is not None else None)
        return renewer.is_alive()

    def _acquire(self) -> bool:
        """Try until this process leads; False as soon as a signal comes."""
        self._context.begin(None)  # otherwise the deadline of the last run would still apply
        while self._context.signal_number is None:
            if self._try_acquire_or_renew(self._half_renew_deadline()):
                log.info("this process leads and holds %s", self._lock)
                if self._context.signal_number is None:
                    return True
                self._end_term(is_renewing=False)
                return False
            self._on_standby(self.status)
            share = random.uniform(0, JITTER)  # noqa: S311 - jitter, not a secret
            self._context.wait_unless_signaled(self._timing.retry_period * (1 + share))
        return False

    def _renew(self, ended: threading.Event) -> None:
        """Renew the lease every retry period until the work has ended or the term is over."""
        while self._term is not None:
            now = time.monotonic()
            due = min(now + self._timing.retry_period, self._term.begin_by)
            if ended.wait(due - now):
                return
            now = time.monotonic()
            if now >= self._term.begin_by:
                self._lose(self._not_renewed())
            else:
                rest = f"the rest of --renew-deadline {duration(self._timing.renew_deadline)}"
                self._try_acquire_or_renew(
                    min(self._half_renew_deadline(), _Deadline(self._term.begin_by, rest))
                )

    def _half_renew_deadline(self) -> "_Deadline":
        """Half of the renew deadline from now on, so that another request can follow a lost one."""
        seconds = self._timing.renew_deadline
        name = f"half of --renew-deadline {duration(seconds)}"
        return _Deadline(time.monotonic() + seconds / 2, name)

    def _try_acquire_or_renew(self, deadline: "_Deadline") -> bool:
        """Try once to acquire or renew the lease; whether this process leads then.

        If somebody else holds the lease, this ends the term of this process.
        """
        try:
            if self._term is None or self._observed is None:
                self._observe(deadline)
            for _ in range(TRIES):
                try:
                    is_held = self._take_step(deadline)
                except LockError as error:
                    if not error.is_conflict:
                        raise
                    self._observe(deadline)
                else:
                    self._logged_failure = ""
                    return is_held
        except LockError as error:
            self._log_failure(str(error))
        return False

    def _observe(self, deadline: "_Deadline") -> None:
        lease = self._lock.read(deadline.limit())
        self._record(observe(self._observed, lease, time.monotonic()))
        if math.isinf(self._leads_from) and self._own() is not None:
            # A create whose answer was lost did succeed, at an unknown time. So count from now.
            self._leads_from = time.monotonic() + self._timing.lease_duration

    def _take_step(self, deadline: "_Deadline") -> bool:
        assert self._observed is not None, "a step follows a look"
        leads = self._term is not None
        began = time.monotonic()
        step = next_step(self._candidate, self._observed, now=began, stamp=_stamp(), leads=leads)
        if step.step is Step.WAIT:
            if leads:
                self._lose(f"another process took {self._lock}")
            self._log_holder()
            return False
        # Set before the write, because its answer can get lost.
        if step.step is not Step.RENEW:
            self._leads_from = math.inf if step.step is Step.CREATE else 0.0
        self._is_taking = not leads
        lease = self._lock.write(step.spec, step.resource_version, deadline.limit())
        self._is_taking = False
        self._record(Observed(lease=lease, since=time.monotonic()))
        if step.step is Step.CREATE:
            self._leads_from = 0.0 if leads else time.monotonic() + self._timing.lease_duration
        if time.monotonic() < self._leads_from:
            self._log_holder()
            return False
        term = term_of(self._timing, began)
        # If the answer came after the end of the term, the work has stopped or never began, so
        # that term stays over.
        before = self._term or term
        if time.monotonic() >= before.begin_by:
            self._lose(self._not_renewed())
            return False
        self._term = term
        self._context.extend_leadership(begin_by=term.begin_by, finish_by=term.finish_by)
        return True

    def _record(self, observed: Observed) -> None:
        self._observed, self._heard = observed, time.monotonic()

    def _not_renewed(self) -> str:
        return f"not renewed within {self._timing.renew_deadline:g} s"

    def _lose(self, why: str) -> None:
        """End the term. The work learns of it from its RunContext."""
        if self._term is not None:
            failure = f" ({self._logged_failure})" if self._logged_failure else ""
            log.warning("this process no longer leads: %s%s", why, failure)
        self._term = None
        self._context.end_leadership()
        self._logged_holder = None

    def _end_term(self, *, is_renewing: bool) -> None:
        """End the term after the work has ended. After a signal, also release the lease.

        The lease must expire instead if the grace after the signal was too short: a write may still
        be under way, and another leader must not write at the same time.
        """
        is_over, remaining = self._term is None, self._context.remaining()
        if self._term is not None and time.monotonic() >= self._term.begin_by:
            # The work noticed it first: after the process was frozen, both threads wake at once.
            self._lose(self._not_renewed())
        self._term = self._logged_holder = None
        self._context.end_leadership()
        if is_over or self._context.signal_number is None:
            return
        if is_renewing or remaining == 0:
            log.warning("not releasing %s: a write can still be under way", self._lock)
            return
        try:
            self._release(_release_deadline(RELEASE_SECONDS))
        except LockError as error:
            log.warning("cannot release %s, so it expires: %s", self._lock, error)

    def _resign(self) -> None:
        """Release at once the lease that this process holds, or may just have acquired."""
        deadline = _release_deadline(RESIGN_SECONDS / 2)
        is_over, self._term = self._term is None, None
        self._context.end_leadership()
        try:
            if self._is_taking:
                self._observe(deadline)
            elif is_over:
                return
            self._release(deadline)
        except LockError as error:
            log.warning("cannot release %s, so it expires: %s", self._lock, error)

    def _release(self, deadline: "_Deadline") -> None:
        while (lease := self._own()) is not None:
            spec = released(lease.spec, _stamp())
            try:
                self._lock.write(spec, lease.resource_version, deadline.limit())
            except LockError as error:
                # A renewal whose answer was lost may have come first.
                if not error.is_conflict or time.monotonic() >= deadline.at:
                    raise
                self._observe(deadline)
            else:
                log.info("released %s", self._lock)
                return

    def _own(self) -> Lease | None:
        """The lease as last observed, if this candidate holds it."""
        lease = self._observed.lease if self._observed is not None else None
        is_own = lease is not None and lease.spec.holder_identity == self._candidate.identity
        return lease if is_own else None

    def _log_holder(self) -> None:
        """Log for whom this process waits, once for each change."""
        lease = self._observed and self._observed.lease
        holder = (lease and lease.spec.holder_identity) or ""
        if holder != self._logged_holder:
            self._logged_holder = holder
            log.info("waiting to lead: %s holds %s", holder or "nobody", self._lock)

    def _log_failure(self, message: str) -> None:
        """Log what is wrong with the lease, once for each change."""
        if message != self._logged_failure:
            self._logged_failure = message
            log.warning("%s; trying again", message)


class _Deadline(NamedTuple):
    """A monotonic time by which requests must end, and the name of that limit for messages."""

    at: float
    name: str

    def limit(self) -> Limit:
        """The remaining seconds, at least 0.05, so that every request has a timeout."""
        return Limit(max(0.05, self.at - time.monotonic()), self.name)


def _release_deadline(seconds: float) -> _Deadline:
    return _Deadline(time.monotonic() + seconds, f"{duration(seconds)} to release the Lease")


def _stamp() -> str:
    """The current time as a `metav1.MicroTime`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
