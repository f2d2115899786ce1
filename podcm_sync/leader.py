"""What a candidate does next, from what it has seen of the lease: pure, and by its own clock alone.

client-go's rules (tools/leaderelection), but stricter where a hand was on the lease: one that was
deleted, emptied or shortened still counts for its whole duration, since its holder may not know
yet. Times are monotonic seconds; those of two candidates have nothing in common but (nearly) their
pace.
"""

import math
from enum import StrEnum
from typing import Final

from msgspec import Struct

from podcm_sync.model.lease import Lease, LeaseSpec
from podcm_sync.settings import Timing

RELEASED_SECONDS: Final = 1
"""The duration of a lease that its holder has given up, as client-go writes it."""


class Candidate(Struct, frozen=True, kw_only=True):
    """Who wants to lead; no two have one identity."""

    identity: str
    timing: Timing


class Seen(Struct, frozen=True, kw_only=True):
    """The lease as it was seen last, or None where there was none, and since when it is so."""

    lease: Lease | None
    since: float


class Move(StrEnum):
    """What to do about the lease."""

    WAIT = "wait"
    CREATE = "create"
    """To lead a lease's duration from then on: there may have been another, and its holder lead
    on for a term, not knowing that somebody deleted it."""
    TAKE = "take"
    RENEW = "renew"


class Step(Struct, frozen=True, kw_only=True):
    """A move, and what it writes: over that version, or anew where there is none."""

    move: Move
    spec: LeaseSpec = LeaseSpec()
    resource_version: str | None = None


class Term(Struct, frozen=True, kw_only=True):
    """How long one renewal lets its holder write."""

    stops_beginning: float
    """From here on no write begins: the renew deadline."""
    cut: float
    """A write that is under way ends here: half-way to where another may take the lease, so that
    the API server has the other half for what it already has in hand."""


def term_of(timing: Timing, renewed: float) -> Term:
    """The term after a renewal whose request *began* then: the server saw it later, not earlier."""
    return Term(
        stops_beginning=renewed + timing.renew_deadline,
        cut=renewed + (timing.renew_deadline + timing.lease_duration) / 2,
    )


def look(before: Seen | None, lease: Lease | None, now: float) -> Seen:
    """What is known once the lease was read: `since` stays while it is the same version.

    client-go compares what is in it. But a hand may have written the same twice, with a leader's
    renewals between the two.
    """
    if before is not None and _version(before.lease) == _version(lease):
        return Seen(lease=lease, since=before.since)
    return Seen(lease=lease, since=now)


def next_step(candidate: Candidate, seen: Seen, *, now: float, stamp: str, leads: bool) -> Step:
    """What to do about the lease as it was seen; `stamp` is the time to write, for people.

    `leads` says whether this candidate's own term goes on. WAIT then means that it is over.
    """
    lease, timing = seen.lease, candidate.timing
    waited = now - seen.since
    if lease is None:
        return Step(move=Move.CREATE, spec=_held(candidate, LeaseSpec(), stamp, transitions=0))
    spec = lease.spec
    transitions = spec.lease_transitions or 0
    if spec.holder_identity == candidate.identity:
        held = _held(candidate, spec, stamp, transitions)
        return Step(move=Move.RENEW, spec=held, resource_version=lease.resource_version)
    # The holder's options, or a hand, may have written a shorter duration than is meant here.
    in_force = max(spec.lease_duration_seconds or 0, timing.lease_duration)
    if not leads and (is_released(spec) or waited >= in_force):
        held = _held(candidate, LeaseSpec(), stamp, transitions + 1)
        return Step(move=Move.TAKE, spec=held, resource_version=lease.resource_version)
    return Step(move=Move.WAIT)


def is_released(spec: LeaseSpec) -> bool:
    """Whether its holder gave it up. Without a holder alone, it was emptied by somebody else."""
    return not spec.holder_identity and spec.lease_duration_seconds == RELEASED_SECONDS


def released(spec: LeaseSpec, stamp: str) -> LeaseSpec:
    """What the holder writes when it gives the lease up."""
    return LeaseSpec(
        holder_identity="",
        lease_duration_seconds=RELEASED_SECONDS,
        acquire_time=stamp,
        renew_time=stamp,
        lease_transitions=spec.lease_transitions or 0,
    )


def _held(candidate: Candidate, before: LeaseSpec, stamp: str, transitions: int) -> LeaseSpec:
    return LeaseSpec(
        holder_identity=candidate.identity,
        # Whole seconds, as the API has it: others may wait a little longer, never less.
        lease_duration_seconds=math.ceil(candidate.timing.lease_duration),
        acquire_time=before.acquire_time or stamp,
        renew_time=stamp,
        lease_transitions=transitions,
    )


def _version(lease: Lease | None) -> str | None:
    return None if lease is None else lease.resource_version
