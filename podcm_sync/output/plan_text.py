"""Prints what a dry run would change, field by field, deletions first, and equal changes once."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from podcm_sync.api.phrases import NAMED, count, listed
from podcm_sync.api.reasons import Reason
from podcm_sync.output.diff import Field, changed_fields, line_diff, shown
from podcm_sync.output.escape import printable
from podcm_sync.output.terminal import Color, Style, columns, narrowed, padded
from podcm_sync.reconcile.changes import AnyOutcome, Change, Verb

MAX_NAMES: Final = 10
MAX_UPDATES: Final = 10
"""How many updates of one config that differ from each other are shown without -v."""
MAX_LINES: Final = 20
"""How many lines of one text are shown without -v."""
_KEY_COLUMNS: Final = 40
_VALUE_COLUMNS: Final = 30
"""Values are aligned up to so many columns."""
_MAX_VALUE_COLUMNS: Final = 60
"""A change of a longer value has two lines, even in a pipe."""
_CONTEXT: Final = 1
_SIGNS: Final = {"-": Color.RED, "+": Color.GREEN}
_MORE: Final = "    "
_FIELD: Final = "      "

T = TypeVar("T")


class PlanText:
    """The lines for the deletions, updates, and creates of a dry run."""

    def __init__(self, outcomes: Iterable[AnyOutcome], style: Style, *, is_verbose: bool) -> None:
        self._changes = [outcome.change for outcome in outcomes]
        self._style = style
        self._names = None if is_verbose else MAX_NAMES
        self._updates = None if is_verbose else MAX_UPDATES
        self._lines = None if is_verbose else MAX_LINES

    def deletions(self) -> Iterator[str]:
        """What the run would delete, by config and reason, with the requirement that fails."""
        for config, changes in self._by_config(Verb.DELETE):
            yield from self._heading(config)
            for why, alike in _groups(changes, why_deleted):
                names = listed([change.namespaced_name.name for change in alike], self._names)
                if len(alike) == 1:
                    yield from self._marked("-", f"{names}  {why}", Color.RED)
                    continue
                yield from self._marked("-", f"{count(len(alike), 'ConfigMap')}: {why}", Color.RED)
                yield from self._style.fold(printable(names), _MORE)

    def changes(self) -> Iterator[str]:
        """What the run would update and create, by config."""
        for config, changes in self._by_config(Verb.UPDATE, Verb.CREATE):
            yield from self._heading(config)
            updates = _groups((x for x in changes if x.verb is Verb.UPDATE), _alike)
            for (reason, _), alike in updates[: self._updates]:
                note = "  the Pod was recreated" if reason is Reason.POD_RECREATED else ""
                yield from self._named("~", alike, NAMED, Color.YELLOW, note)
                yield from self._fields(changed_fields(alike[0]))
            if hidden := sum(len(alike) for _, alike in updates[len(updates[: self._updates]) :]):
                more = f"{count(hidden, 'more update')}; -v shows all of them"
                yield from self._marked("~", f"… {more}", Color.YELLOW)
            if creates := [change for change in changes if change.verb is Verb.CREATE]:
                yield from self._named("+", creates, self._names, Color.GREEN, "")
                if len(creates) > 1:
                    yield from self._style.fold(
                        f"{printable(creates[0].namespaced_name.name)}:", _MORE
                    )
                data = [field for field in changed_fields(creates[0]) if field.is_data]
                yield from self._fields(data, sign=" ")

    def _by_config(self, *verbs: Verb) -> Iterator[tuple[str, list[Change]]]:
        changes = [change for change in self._changes if change.verb in verbs]
        for (namespace, name), group in sorted(
            _groups(changes, lambda change: (change.namespaced_name.namespace, change.pcmc_name))
        ):
            yield printable(f"{namespace}/{name}"), group

    def _named(
        self, mark: str, changes: Sequence[Change], most: int | None, color: Color, note: str
    ) -> Iterator[str]:
        most = None if self._names is None else most
        names = listed([change.namespaced_name.name for change in changes], most)
        number = f"{count(len(changes), 'ConfigMap')}: " if len(changes) > 1 else ""
        yield from self._marked(mark, f"{number}{names}{note}", color)

    def _marked(self, mark: str, text: str, color: Color) -> Iterator[str]:
        return self._style.marked(mark, printable(text), color, "  ")

    def _heading(self, config: str) -> Iterator[str]:
        return (self._style.paint(line, Color.BOLD) for line in self._style.fold(config))

    def _fields(self, fields: Sequence[Field], *, sign: str = "+") -> Iterator[str]:
        """The fields in aligned columns; `sign` marks those that are added."""
        lines = [field for field in fields if not _is_text(field)]
        keys = max((columns(printable(field.path)) for field in lines), default=0)
        befores = (
            columns(shown(x.before)) for x in lines if x.before is not None and x.after is not None
        )
        before = min(max(befores, default=0), _VALUE_COLUMNS)
        for field in fields:
            if _is_text(field):
                yield from self._text(field, sign)
            else:
                yield from self._value(field, min(keys, _KEY_COLUMNS), before, sign)

    def _value(
        self, field: Field, key_columns: int, before_columns: int, sign: str
    ) -> Iterator[str]:
        """A field on one line, or both values on lines of their own if they don't fit."""
        width = None if self._style.width is None else self._style.width - len(_FIELD)
        key = padded(printable(field.path), key_columns)
        if field.before is None or field.after is None:
            sign = "-" if field.after is None else sign
            line = f"{key}  {shown(field.before or field.after or '')}"
            yield self._signed(sign, line)
            return
        before, after = shown(field.before), shown(field.after)
        line = f"{key}  {padded(before, before_columns)} → {after}"
        is_short = max(columns(before), columns(after)) <= _MAX_VALUE_COLUMNS
        if is_short and (width is None or columns(line) <= width):
            yield self._signed(" ", line)
            return
        path = printable(field.path)
        both = map(self._style.finish, (f"-{path}: {before}", f"+{path}: {after}"))
        for side in both if width is None else narrowed(both, width):
            yield _FIELD + self._style.paint(side, _SIGNS.get(side[:1]))

    def _text(self, field: Field, sign: str) -> Iterator[str]:
        """A field whose value has several lines: those that differ, or all of a new one."""
        lines = line_diff(field.before or "", field.after or "", _CONTEXT)
        is_new = field.before is None
        sign = sign if is_new else "-" if field.after is None else " "
        yield self._signed(sign, printable(field.path))
        for line in itertools.islice(lines, self._lines):
            color = None if is_new else _SIGNS.get(line[:1])
            shown_line = f"  {line[1:]}" if is_new else line
            yield self._style.paint(self._style.cut(shown_line, f"{_FIELD}  "), color)
        if more := sum(1 for _ in lines):
            yield from self._style.fold(
                f"… {count(more, 'more line')}; --diff full shows all of them", f"{_FIELD}  "
            )

    def _signed(self, sign: str, line: str) -> str:
        """A field on one line, after its sign and in the color of that."""
        return self._style.paint(self._style.cut(line, f"{_MORE}{sign} "), _SIGNS.get(sign))


def why_deleted(change: Change) -> str:
    """Why a ConfigMap would be deleted, with the requirement that its Pod doesn't meet."""
    if not change.failing:
        return change.planned_message if change.planned_reason else change.message
    needs = ", ".join(map(str, change.failing))
    has = ", ".join(dict.fromkeys(requirement.label for requirement in change.failing))
    return f"no longer selected: needs {needs}, Pod has {has}"


def _alike(change: Change) -> tuple[Reason, tuple[Field, ...]]:
    """Equal for updates that look the same. A recreated Pod has a uid of its own."""
    fields = changed_fields(change)
    if change.reason is Reason.POD_RECREATED:
        fields = tuple(field for field in fields if field.is_data)
    return change.reason, fields


def _groups(changes: Iterable[Change], key: Callable[[Change], T]) -> list[tuple[T, list[Change]]]:
    groups: dict[T, list[Change]] = {}
    for change in changes:
        groups.setdefault(key(change), []).append(change)
    return list(groups.items())


def _is_text(field: Field) -> bool:
    return any("\n" in value for value in (field.before, field.after) if value)
