"""Decides a candidate's next step from the lease that it observed: pure functions of its own clock.

The rules are those of client-go (tools/leaderelection), with one difference. If somebody deletes,
empties, or shortens the lease by hand, it still counts for its full duration, because its holder
may not know yet (docs/operations.md, Run two replicas). Times are monotonic seconds. The clocks of
two candidates need not agree; they only have to run at nearly the same speed.
"""

import math
from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.api.objects import Lease, LeaseSpec

RELEASED_SECONDS: Final = 1
"""The duration that client-go writes into a lease when its holder releases it."""


class Timing(Struct, frozen=True, kw_only=True):
    """A lease's times in seconds, each longer than the next, as client-go has them."""

    lease_duration: float = 15.0
    renew_deadline: float = 10.0
    retry_period: float = 2.0


class Candidate(Struct, frozen=True, kw_only=True):
    """A process that wants to lead. Each has a different identity."""

    identity: str
    timing: Timing


class Observed(Struct, frozen=True, kw_only=True):
    """The lease as this candidate last saw it, and since when it has had this version.

    `lease` is None if it didn't exist. client-go's observedRecord and observedTime.
    """

    lease: Lease | None
    since: float


class Step(StrEnum):
    """What to do about the lease."""

    WAIT = "wait"
    CREATE = "create"
    """Create the lease, but lead only after one lease duration. Somebody may have deleted a lease
    whose holder doesn't know yet, and leads until its term ends."""
    TAKE = "take"
    RENEW = "renew"


class NextStep(Struct, frozen=True, kw_only=True):
    """A step and the spec that it writes, over `resource_version` or as a create (None)."""

    step: Step
    spec: LeaseSpec = LeaseSpec()
    resource_version: str | None = None


class Term(Struct, frozen=True, kw_only=True):
    """How long a holder can write after one renewal, in monotonic seconds."""

    begin_by: float
    """No write begins after this time, which is the renew deadline."""
    finish_by: float
    """Writes under way are cut off at this time, halfway between the renew deadline and the time
    when another candidate can take the lease. The other half is for requests that the API server
    has already received."""


class LeaderStatus(Struct, frozen=True, kw_only=True):
    """Whether this process leads, and who holds the lease ("" if nobody, or if unknown).

    `heard` is the monotonic time of the last answer about the lease; None before the first.
    """

    is_leading: bool
    holder: str
    heard: float | None


def term_of(timing: Timing, renewed: float) -> Term:
    """The term after a renewal, counted from when its request *began*.

    The server wrote the lease later than that, so the others wait at least as long.
    """
    return Term(
        begin_by=renewed + timing.renew_deadline,
        finish_by=renewed + (timing.renew_deadline + timing.lease_duration) / 2,
    )


def observe(before: Observed | None, lease: Lease | None, now: float) -> Observed:
    """The observation after a read; `since` stays while the lease has the same version.

    client-go compares the content instead. But somebody could write the same content twice, with
    renewals of a leader in between.
    """
    if before is not None and _version(before.lease) == _version(lease):
        return Observed(lease=lease, since=before.since)
    return Observed(lease=lease, since=now)


def next_step(
    candidate: Candidate, observed: Observed, *, now: float, stamp: str, leads: bool
) -> NextStep:
    """The next step for the observed lease. `stamp` is the RFC 3339 time that the step writes.

    People read that time; no candidate decides by it, since it is of another machine's clock. If
    the candidate `leads`, WAIT means that its term is over.
    """
    lease, timing = observed.lease, candidate.timing
    unchanged_seconds = now - observed.since
    if lease is None:
        return NextStep(
            step=Step.CREATE, spec=_holder_spec(candidate, LeaseSpec(), stamp, transitions=0)
        )
    spec = lease.spec
    transitions = spec.lease_transitions or 0
    if spec.holder_identity == candidate.identity:
        held = _holder_spec(candidate, spec, stamp, transitions)
        return NextStep(step=Step.RENEW, spec=held, resource_version=lease.resource_version)
    # The holder may have other options, or somebody may have shortened the duration by hand.
    valid_seconds = max(spec.lease_duration_seconds or 0, timing.lease_duration)
    if not leads and (is_released(spec) or unchanged_seconds >= valid_seconds):
        held = _holder_spec(candidate, LeaseSpec(), stamp, transitions + 1)
        return NextStep(step=Step.TAKE, spec=held, resource_version=lease.resource_version)
    return NextStep(step=Step.WAIT)


def is_released(spec: LeaseSpec) -> bool:
    """Whether the holder released the lease.

    If only the holder is empty, somebody else emptied it, and the holder may still lead.
    """
    return not spec.holder_identity and spec.lease_duration_seconds == RELEASED_SECONDS


def released(spec: LeaseSpec, stamp: str) -> LeaseSpec:
    """The spec that the holder writes to release the lease."""
    return LeaseSpec(
        holder_identity="",
        lease_duration_seconds=RELEASED_SECONDS,
        acquire_time=stamp,
        renew_time=stamp,
        lease_transitions=spec.lease_transitions or 0,
    )


def _holder_spec(
    candidate: Candidate, before: LeaseSpec, stamp: str, transitions: int
) -> LeaseSpec:
    return LeaseSpec(
        holder_identity=candidate.identity,
        # The API takes whole seconds. Rounded up, others wait a little longer, never less.
        lease_duration_seconds=math.ceil(candidate.timing.lease_duration),
        acquire_time=before.acquire_time or stamp,
        renew_time=stamp,
        lease_transitions=transitions,
    )


def _version(lease: Lease | None) -> str | None:
    return None if lease is None else lease.resource_version
