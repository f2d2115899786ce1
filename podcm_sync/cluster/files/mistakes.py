"""Errors about a value of a manifest, with its line, its key, and what to write instead.

A decoder knows a path and a type, such as `metadata.labels[...]: must be text`.
The manifest knows which key that is, on which line, and how it is written.
"""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct, structs

from podcm_sync.api.finding import Finding, Quote, quote
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.cluster.files.manifests import Manifest
from podcm_sync.cluster.files.yaml_places import Place

Path = tuple[str | int, ...]
_STEP: Final = re.compile(r'\.?(\w+)|\[(\d+)\]|\[(\.\.\.)\]|\[("(?:[^"\\]|\\.)*")\]')
_ANY: Final = "..."
MAX_SHOWN: Final = 200
"""Characters of the longest line that is shown beside a finding."""
_VALID: Final[Mapping[str, Any]] = {"object": {}, "array": [], "bool": False, "int": 0}
"""A value of each type but text that a decoder wants."""
_KINDS_OF_VALUES: Final = {bool: "a boolean", int: "a number", float: "a number"}


class Position(Struct, frozen=True, kw_only=True):
    """Where in a file a mistake is: line and column from 1, and the line's text.

    `length` is how many characters are wrong. `text` is "" if it may not be shown.
    """

    line: int
    column: int = 1
    text: str = ""
    length: int = 1


def explain(manifest: Manifest, finding: Finding) -> Finding:
    """A decoder's or validator's finding with the file, the line, and what to write."""
    path, located = locate(manifest, finding)
    place = manifest.at(*path)
    return structs.replace(located, path=f"{place}: {located.path}" if located.path else place)


def located(manifest: Manifest, config: PodConfigMapConfig) -> PodConfigMapConfig:
    """The config; if its spec has the wrong shape, `spec_error` names the file and line."""
    if not config.spec_error:
        return config
    return structs.replace(config, spec_error=explain(manifest, config.spec_error))


def locate(manifest: Manifest, finding: Finding) -> tuple[Path, Finding]:
    """The path of the value in the object, and the finding with the key that is meant."""
    if not finding.path:
        return (), finding
    steps = _steps(finding.path)
    if finding.wanted == "str":
        for path in _paths(manifest.content, steps):
            value = _value(manifest.content, path)
            if not isinstance(value, str):
                advice = _advice(value, manifest.place(*path).plain_text) or finding
                shown = _shown(path)
                # The keys of a spec are part of what was asked for. Those of labels and annotations
                # are not in a decoder's path, and may hold anything.
                keys = () if path[0] == "spec" else map(_bracketed, path)
                quoted = (*advice.quotes, *(Quote(key[1:-1]) for key in keys if key in shown))
                return path, structs.replace(advice, path=shown, quoted=quoted)
    return steps, finding


def repaired(manifest: Manifest, finding: Finding) -> Manifest | None:
    """The manifest with something valid in the place of what a decoder refused; None if nothing is.

    An unknown field is left out. Everything else keeps its path.
    """
    path, _ = locate(manifest, finding)
    content = copy.deepcopy(manifest.content)
    parent = _value(content, path if finding.unknown else path[:-1])
    try:
        if finding.unknown:
            del parent[finding.unknown]
        elif finding.wanted == "str":
            # Unlike its neighbors in a list.
            parent[path[-1]] = f"placeholder-{path[-1]}" if isinstance(path[-1], int) else ""
        else:
            parent[path[-1]] = _VALID[finding.wanted]
    except (IndexError, KeyError, TypeError):
        return None
    return structs.replace(manifest, content=content)


def position(manifest: Manifest, path: Path, finding: Finding) -> Position:
    """Where in the file the mistake is, as exactly as the finding tells."""
    value = _value(manifest.content, path)
    path, value = _culprit(path, value, finding)
    place = manifest.place(*path, *filter(None, [finding.unknown]))
    if manifest.document is None:
        return Position(line=place.line, column=place.column)
    first, lines = manifest.document.line, manifest.document.text.split("\n")
    source = dict(enumerate(lines, first))
    line, column = place.line, place.column
    if finding.line and isinstance(value, str):
        line, column = _in_template(source, place, value, finding)
        token = re.compile(r"[\w.$]+")
    else:
        token = re.compile(r"\"[^\"]*\"|'[^']*'|[^\s,\]}#:]+")
        line, column = _before(source, place, finding.unknown)
    text = source.get(line, "")
    match = token.match(text, column - 1)
    # A document that is one line of JSON can be a List, with objects that others wrote beside it.
    is_shared = bool(manifest.pointer) and len(lines) == 1
    return Position(
        line=line,
        column=column,
        text="" if is_shared or len(text) > MAX_SHOWN else text,
        length=len(match[0]) if match else 1,
    )


def _before(source: Mapping[int, str], place: Place, key: str) -> tuple[int, int]:
    """The line and column of the key of the value at `place`; the place itself if it isn't seen."""
    end: int | None = place.column - 1
    for line in range(place.line, min(source, default=place.line) - 1, -1) if key else ():
        start = source.get(line, "").rfind(key, 0, end)
        if start >= 0:
            return line, start + 1
        end = None
    return place.line, place.column


def _culprit(path: Path, value: Any, finding: Finding) -> tuple[Path, Any]:
    """The item of a list or map that the finding quotes, as far as there is one."""
    quoted = {quote.text for quote in finding.quotes}
    if isinstance(value, list | dict):
        items = enumerate(value) if isinstance(value, list) else zip(value, value, strict=True)
        for step, item in items:
            if json.dumps(item, ensure_ascii=False) in quoted:
                return (*path, step), item
    return path, value


def _in_template(
    source: Mapping[int, str], place: Place, template: str, finding: Finding
) -> tuple[int, int]:
    """The line and column in the file of a place in a template, or else those of the template.

    The template's line is searched where YAML has it: in the line of the value, or, for a block
    scalar, as many lines below.
    """
    lines = template.split("\n")
    wanted = lines[finding.line - 1] if finding.line <= len(lines) else ""
    offset = len(wanted.encode()[: finding.column].decode(errors="ignore"))
    candidates = [(place.line, place.column - 1)] if finding.line == 1 else []
    candidates.append((place.line + finding.line, 0))
    for line, begin in candidates:
        start = source.get(line, "").find(wanted, begin) if wanted else -1
        if start >= 0:
            return line, start + offset + 1
    return place.line, place.column


def _advice(value: Any, written: str) -> Finding | None:
    """What to write instead of a value that should be text; None without any advice."""
    if value is None:
        return Finding(path="", message='must be text, not null: use ""', quoted=())
    kind = _KINDS_OF_VALUES.get(type(value), "")
    if not (written and kind):
        return None
    advice = f'{written} is {kind}: quote it: "{written}"'
    return Finding(path="", message=f"must be text, and {advice}", quoted=quote(advice))


def _steps(shown: str) -> Path:
    steps: list[str | int] = []
    for name, index, anything, key in _STEP.findall(shown):
        steps.append(int(index) if index else json.loads(key) if key else anything or name)
    return tuple(steps)


def _paths(content: Any, steps: Path, before: Path = ()) -> Iterator[Path]:
    """The paths in the content that a decoder's path matches; `...` matches any key or index."""
    if not steps:
        yield before
        return
    step, rest = steps[0], steps[1:]
    if isinstance(content, dict):
        keys: list[str | int] = [step] if step in content else []
        if step == _ANY:
            keys = list(content)
    elif isinstance(content, list):
        keys = list(range(len(content))) if step == _ANY else [step]
    else:
        return
    for key in keys:
        if isinstance(content, dict) or (isinstance(key, int) and key < len(content)):
            yield from _paths(content[key], rest, (*before, key))


def _value(content: Any, path: Path) -> Any:
    """The value at the path; None if there is none."""
    for step in path:
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            return None
    return content


def _shown(path: Path) -> str:
    """A path as the API server writes it: the keys of a map are in brackets."""
    shown = ""
    for depth, step in enumerate(path):
        is_key = depth and path[depth - 1] in _MAPS
        if isinstance(step, int):
            shown += f"[{step}]"
        elif is_key:
            shown += _bracketed(step)
        else:
            shown += f".{step}" if shown else step
    return shown


def _bracketed(key: str | int) -> str:
    return f"[{json.dumps(key, ensure_ascii=False)}]"


_MAPS: Final = frozenset({"labels", "annotations", "data", "matchLabels", "configMapDataTemplate"})
