"""What is wrong with a value of a manifest: its own line, its key, and what to write instead.

A decoder knows a path and a type, such as `metadata.labels[...]: must be of type `str`, not `int``;
the manifest knows which key that is, in which line, and how it is written.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from msgspec import structs

from podcm_sync.cluster.manifests import Manifest
from podcm_sync.model.objects import PodConfigMapConfig

Path = tuple[str | int, ...]
_FINDING: Final = re.compile(r'((?:[^:\["]|\["(?:[^"\\]|\\.)*"\]|\[[\w.]*\])+): (.*)', re.DOTALL)
"""`path: message`; a key in brackets may hold anything."""
_STEP: Final = re.compile(r'\.?(\w+)|\[(\d+)\]|\[(\.\.\.)\]|\[("(?:[^"\\]|\\.)*")\]')
_ANY: Final = "..."
_TEXT_WANTED: Final = "must be of type `str`"
_KINDS_OF_VALUES: Final = {bool: "a boolean", int: "a number", float: "a number"}


def explain(manifest: Manifest, message: str) -> str:
    """A decoder's or validator's `path: message` with the file, the line, and what to write."""
    line, path, text = locate(manifest, message)
    return f"{manifest.path}:{line}: {path}: {text}" if path else f"{manifest.path}:{line}: {text}"


def located(manifest: Manifest, config: PodConfigMapConfig) -> PodConfigMapConfig:
    """The config, with the file and line of what is wrong with its spec's shape."""
    if not config.spec_error:
        return config
    return structs.replace(config, spec_error=explain(manifest, config.spec_error))


def locate(manifest: Manifest, message: str) -> tuple[int, str, str]:
    """A finding's line, its path with the key that is meant, and its text.

    A message without a path is about the whole object.
    """
    finding = _FINDING.fullmatch(message)
    if finding is None:
        return manifest.place().line, "", message
    shown, text = finding[1], finding[2]
    steps = _steps(shown)
    if text.startswith(_TEXT_WANTED):
        for path in _paths(manifest.content, steps):
            value = _value(manifest.content, path)
            if not isinstance(value, str):
                place = manifest.place(*path)
                return place.line, _shown(path), _advice(value, place.plain_text) or text
    return manifest.place(*steps).line, shown, text


def _advice(value: Any, written: str) -> str:
    """What to write instead of a value that should be text; "" if there is nothing to say."""
    if value is None:
        return 'must be text, not null: write ""'
    kind = _KINDS_OF_VALUES.get(type(value), "")
    return (
        f'must be text, and {written} is {kind}: quote it: "{written}"' if written and kind else ""
    )


def _steps(shown: str) -> Path:
    steps: list[str | int] = []
    for name, index, anything, key in _STEP.findall(shown):
        steps.append(int(index) if index else json.loads(key) if key else anything or name)
    return tuple(steps)


def _paths(content: Any, steps: Path, before: Path = ()) -> Iterator[Path]:
    """The paths in the content that a decoder's path can mean."""
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
    for step in path:
        content = content[step]
    return content


def _shown(path: Path) -> str:
    """A path as the API server writes it: keys that are no fields of a type in brackets."""
    shown = ""
    for depth, step in enumerate(path):
        is_key = depth and path[depth - 1] in _MAPS
        if isinstance(step, int):
            shown += f"[{step}]"
        elif is_key:
            shown += f"[{json.dumps(step, ensure_ascii=False)}]"
        else:
            shown += f".{step}" if shown else step
    return shown


_MAPS: Final = frozenset({"labels", "annotations", "data", "matchLabels", "configMapDataTemplate"})
