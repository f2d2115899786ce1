"""A Lease of coordination.k8s.io/v1, as far as an election reads and writes it."""

from msgspec import Struct


class LeaseSpec(Struct, frozen=True, kw_only=True, rename="camel"):
    """Who holds it, since when, for how long; times are MicroTimes as the API writes them.

    A time is for people alone: whether a lease has run out is never judged by another's clock.
    """

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Struct, frozen=True, kw_only=True):
    """A Lease as it was read; the version is its precondition when it is written."""

    spec: LeaseSpec
    resource_version: str
