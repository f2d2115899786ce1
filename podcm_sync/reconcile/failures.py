"""Groups failures that have one cause, so that a report shows each cause once."""

from collections.abc import Iterable
from typing import TypeVar

from msgspec import Struct

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.phrases import NAMED, listed
from podcm_sync.api.reasons import REASONS, Reason
from podcm_sync.reconcile.changes import AnyOutcome

T = TypeVar("T")


def left_alone(reason: Reason) -> str:
    """The state of a config that is left alone, in a word or a few."""
    is_newer = reason is Reason.NEWER_SPEC
    return "newer than this version of podcm-sync" if is_newer else "invalid"


class Failure(Struct, frozen=True, kw_only=True):
    """One object, why it failed, and `label`, the text that tells kinds of failures apart."""

    label: str
    name: NamespacedName
    reason: Reason
    message: str

    @property
    def cause(self) -> tuple[str, Reason, str]:
        """Equal for failures that differ only in the names of their objects."""
        message = self.message.replace(self.name.name, "\0") if self.name.name else self.message
        return self.label, self.reason, message.replace(f'"{self.name.namespace}"', '"\0"')


class Group(Struct, frozen=True, kw_only=True):
    """Failures with one cause, in the order in which they came. There is at least one."""

    failures: tuple[Failure, ...]

    @property
    def first(self) -> Failure:
        """The failure whose message stands for all."""
        return self.failures[0]

    @property
    def why(self) -> str:
        """The reason, and the message if there is one."""
        return f"{self.first.reason}: {self.first.message}".removesuffix(": ")

    @property
    def action(self) -> str:
        """What to do; "" if there is nothing to do, or if the message says what to write."""
        is_said = self.first.reason is Reason.INVALID_SPEC
        return "" if is_said else REASONS[self.first.reason].action

    def names(self, most: int | None = NAMED) -> str:
        """The objects' names without their namespaces, then a count."""
        return listed([failure.name.name for failure in self.failures], most)


def grouped(failures: Iterable[Failure]) -> tuple[Group, ...]:
    """One group for each cause, in the order of its first failure."""
    causes: dict[tuple[str, Reason, str], list[Failure]] = {}
    for failure in failures:
        causes.setdefault(failure.cause, []).append(failure)
    return tuple(Group(failures=tuple(group)) for group in causes.values())


def of_outcome(outcome: AnyOutcome, label: str = "") -> Failure:
    """The failure of a ConfigMap."""
    name = outcome.change.namespaced_name
    return Failure(label=label, name=name, reason=outcome.reason, message=outcome.message)
