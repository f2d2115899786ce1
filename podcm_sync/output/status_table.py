"""A dry run's Report as one row for each config: what is in place, and what is left to do.

The rows come from a plan, so they know more than the status that the last run stored: what changed
since, what a run would do now, and whose config is gone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from podcm_sync import __version__
from podcm_sync.api.meta import KIND, NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.output.escape import printable
from podcm_sync.output.terminal import Color, Style, columns
from podcm_sync.reconcile.changes import WRITES, AnyOutcome, Verb
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.status import is_failure, ready

VERSION: Final = "podcm-sync/status/v1"
HEADINGS: Final = ("NAMESPACE", "CONFIG", "IN SYNC", "PODS", "CONFIGMAPS", "PENDING", "MESSAGE")
GAP: Final = "  "


class Row(Struct, frozen=True, kw_only=True, rename="camel"):
    """One config. `in_sync` is None if nobody can tell: suspended, gone, or an incomplete list."""

    namespace: str
    config: str
    in_sync: bool | None
    pods: int | None
    in_place: int
    wanted: int
    """How many ConfigMaps the config should have; `in_place` of them are in sync."""
    create: int = 0
    update: int = 0
    delete: int = 0
    message: str = ""

    @property
    def pending(self) -> int:
        """The number of changes that a run would make."""
        return self.create + self.update + self.delete


def rows(
    report: Report, configs: Iterable[PodConfigMapConfig], pods: dict[NamespacedName, int]
) -> tuple[Row, ...]:
    """The rows by name. `pods` has the number of Pods that each config selects."""
    outcomes: dict[NamespacedName, list[AnyOutcome]] = defaultdict(list)
    for outcome in report.outcomes:
        change = outcome.change
        outcomes[NamespacedName(change.namespaced_name.namespace, change.pcmc_name)].append(outcome)
    existing = {config.namespaced_name: config for config in configs}
    broken = {
        problem.namespaced_name: f"{problem.reason}: {problem.message}"
        for problem in report.problems
        if problem.kind == KIND
    }
    verdicts = {
        status.update.namespaced_name: condition
        for status in report.statuses
        if (condition := ready(status.update.desired)) is not None
    }
    made = []
    for name in sorted({*existing, *broken, *outcomes}):
        config, condition = existing.get(name), verdicts.get(name)
        row = _counted(name, outcomes.get(name, []), pods.get(name))
        message = ""
        if config is None and name not in broken:
            if not row.pending:
                continue  # what others must settle, such as a copy, is no config's business
            message = "the config is deleted"
        elif config is not None and config.terminating:
            message = "the config is being deleted"
        elif config is not None and config.suspend:
            message = "suspended"
        elif name in broken:
            row, message = msgspec.structs.replace(row, in_sync=False), broken[name]
        elif condition is not None:
            is_ready = condition.status == "True"
            row = msgspec.structs.replace(row, in_sync=is_ready and not row.pending)
            message = "" if is_ready else f"{condition.reason}: {condition.message}"
        elif report.incomplete:
            message = "a list did not complete"
        made.append(msgspec.structs.replace(row, message=message or _to_do(row)))
    return tuple(made)


def _counted(name: NamespacedName, outcomes: list[AnyOutcome], pods: int | None) -> Row:
    def count(verb: Verb) -> int:
        return sum(outcome.change.verb is verb for outcome in outcomes)

    in_place = count(Verb.KEEP)
    missing = sum(_is_wanted(outcome) for outcome in outcomes)
    return Row(
        namespace=name.namespace,
        config=name.name,
        in_sync=None,
        pods=pods,
        in_place=in_place,
        wanted=in_place + missing,
        create=count(Verb.CREATE),
        update=count(Verb.UPDATE),
        delete=count(Verb.DELETE),
    )


def _is_wanted(outcome: AnyOutcome) -> bool:
    """Whether a ConfigMap should be in place and isn't."""
    change = outcome.change
    if change.verb in WRITES:
        return change.verb is not Verb.DELETE
    is_waiting = outcome.reason is Reason.CONFIG_MAP_TERMINATING and change.existing is None
    return is_waiting or (is_failure(outcome) and class_of(outcome.reason) is ReasonClass.BLOCKING)


def _to_do(row: Row) -> str:
    counts = {"create": row.create, "update": row.update, "delete": row.delete}
    return ", ".join(f"{number} to {verb}" for verb, number in counts.items() if number)


def document(
    status: Sequence[Row], incomplete: dict[str, str], *, is_redacted: bool
) -> dict[str, Any]:
    """The rows for programs."""
    return {
        "version": VERSION,
        "tool": f"podcm-sync {__version__}",
        **({"redacted": True} if is_redacted else {}),
        "configs": msgspec.to_builtins(status),
        "incomplete": incomplete,
    }


def table(status: Sequence[Row], style: Style) -> Iterator[str]:
    """The rows in columns, with the message last, or below if it doesn't fit."""
    lines = [HEADINGS, *map(_cells, status)]
    widths = [max(columns(line[column]) for line in lines) for column in range(len(HEADINGS) - 1)]
    indent = sum(widths) + len(GAP) * len(widths)
    for number, cells in enumerate(lines):
        start = ""
        for column, (text, width) in enumerate(zip(cells, widths, strict=False)):
            padding = " " * (width - columns(text)) + GAP
            colour = (
                _colour(status[number - 1]) if number and HEADINGS[column] == "IN SYNC" else None
            )
            start += style.paint(text, colour) + padding
        message = cells[-1]
        if not message:
            yield start.rstrip()
        elif style.width is None or indent + columns(message) <= style.width:
            yield start + message
        else:
            yield start.rstrip()
            yield from style.lines("    ", message, "    ")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.namespace,
        printable(row.config),
        "-" if row.in_sync is None else "Yes" if row.in_sync else "No",
        "-" if row.pods is None else str(row.pods),
        f"{row.in_place}/{row.wanted}",
        str(row.pending),
        printable(row.message),
    )


def _colour(row: Row) -> Color | None:
    if row.in_sync is None:
        return None
    return Color.GREEN if row.in_sync else Color.YELLOW if row.pending else Color.RED
