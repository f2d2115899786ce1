"""Shows a Change as a unified diff or field by field, of only the fields that podcm-sync owns.

The order is stable.
"""

import difflib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from podcm_sync.output.escape import printable
from podcm_sync.output.yaml_lines import lines
from podcm_sync.reconcile import managed_fields
from podcm_sync.reconcile.changes import Change

CONTEXT: Final = 3
MAX_LINES: Final = 4_000
"""With more lines, the diff shows both sides whole: difflib takes quadratic time."""


def unified(change: Change) -> Iterator[str]:
    """The lines of the diff without line ends, `---` and `+++` first; none if nothing differs."""
    existing = [] if change.existing is None else list(lines(managed_fields.view(change.existing)))
    desired: list[str] = []
    if change.desired is not None:
        desired = list(lines(managed_fields.desired_view(change.existing, change.desired)))
    name = printable(str(change.namespaced_name))
    before = name if change.existing is not None else "/dev/null"
    after = name if change.desired is not None else "/dev/null"
    if len(existing) + len(desired) > MAX_LINES:
        yield from _whole(existing, desired, before, after)
        return
    yield from difflib.unified_diff(existing, desired, before, after, n=CONTEXT, lineterm="")


class Field(Struct, frozen=True, kw_only=True):
    """One field that a change adds (`before` is None), changes, or removes (`after` is None).

    `path` is the key of data. Any other path has brackets, which no key of data can have.
    """

    path: str
    before: str | None
    after: str | None

    @property
    def is_data(self) -> bool:
        """Whether it is a key of data."""
        return "[" not in self.path


def changed_fields(change: Change) -> tuple[Field, ...]:
    """The fields that differ: data by key, then metadata and binaryData."""
    before = {} if change.existing is None else _flat(managed_fields.view(change.existing))
    after: dict[str, str] = {}
    if change.desired is not None:
        after = _flat(managed_fields.desired_view(change.existing, change.desired))
    return tuple(
        Field(path=path, before=before.get(path), after=after.get(path))
        for path in sorted({*before, *after}, key=lambda path: ("[" in path, path))
        if before.get(path) != after.get(path)
    )


def _flat(view: Mapping[str, Any]) -> dict[str, str]:
    metadata = view["metadata"]
    flat = dict(view["data"])
    flat |= {f"binaryData[{key}]": value for key, value in view.get("binaryData", {}).items()}
    for part in ("labels", "annotations"):
        flat |= {f"{part}[{key}]": value for key, value in metadata.get(part, {}).items()}
    owners = lines({"ownerReferences": metadata["ownerReferences"]})
    return flat | {"ownerReferences[]": "\n".join(itertools.islice(owners, 1, None))}


def shown(value: str) -> str:
    """A value on one line: as it is, or in quotes if its ends or its escapes would be unclear."""
    is_clear = value and value == value.strip() == printable(value) and not value.startswith('"')
    if is_clear and "→" not in value:
        return value
    escaped = printable(value.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'


def line_diff(before: str, after: str, context: int) -> Iterator[str]:
    """The lines of a text that differ, marked `+` or `-`, with lines around them."""
    if not before or before.endswith("\n") == after.endswith("\n"):
        before, after = before.removesuffix("\n"), after.removesuffix("\n")
    old, new = (text.split("\n") if text else [] for text in (before, after))
    if len(old) + len(new) > MAX_LINES:
        marked: Iterator[str] = iter([*(f"-{line}" for line in old), *(f"+{line}" for line in new)])
    else:
        marked = itertools.islice(difflib.unified_diff(old, new, n=context, lineterm=""), 2, None)
        marked = (line for line in marked if not line.startswith("@@"))
    return (line[:1] + printable(line[1:]) for line in marked)


def _whole(existing: list[str], desired: list[str], before: str, after: str) -> Iterator[str]:
    yield f"--- {before}"
    yield f"+++ {after}"
    yield f"@@ -1,{len(existing)} +1,{len(desired)} @@"
    yield from (f"-{line}" for line in existing)
    yield from (f"+{line}" for line in desired)
