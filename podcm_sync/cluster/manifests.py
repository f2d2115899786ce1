"""Manifest files as Kubernetes objects, each with the file and line that it comes from.

YAML is read as kubectl reads it: timestamps and base-60 numbers stay text, and a key that stands
twice in one mapping is an error rather than a silent loss.
"""

import json
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from msgspec import Struct

from podcm_sync.errors import InputError

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
Json = dict[str, Any]


class Manifest(Struct, frozen=True, kw_only=True):
    """One object of a manifest file; `items` of List kinds are manifests of their own."""

    path: Path
    line: int
    content: Json

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def read(directory: Path) -> Iterator[Manifest]:
    """Every object in the YAML and JSON files below a directory, hidden ones aside, in path order.

    Raises InputError, with file and line, for what cannot be read, parsed, or is no object.
    """
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if path.suffix in SUFFIXES and path.is_file() and not hidden:
            yield from read_file(path)


def read_file(path: Path) -> Iterator[Manifest]:
    """Every object in one file. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    yield from parse(path, text)


def parse(path: Path, text: str) -> Iterator[Manifest]:
    """Every object in a text that was read from `path`. Raises InputError."""
    documents = _json(path, text) if path.suffix == ".json" else _yaml(path, text)
    for line, document in documents:
        if document is not None:
            yield from _objects(path, line, document)


def _objects(path: Path, line: int, document: Any, kind: str = "") -> Iterator[Manifest]:
    if not isinstance(document, dict):
        raise InputError(f"{path}:{line}: a Kubernetes object is a mapping, not {document!r:.60}")
    # The items of a PodList name no kind of their own.
    content = {"kind": kind, "apiVersion": "v1", **document} if kind else document
    if not (isinstance(content.get("kind"), str) and isinstance(content.get("apiVersion"), str)):
        raise InputError(f"{path}:{line}: not a Kubernetes object: kind or apiVersion is missing")
    if content["kind"].endswith("List") and isinstance(content.get("items"), list):
        for item in content["items"]:
            yield from _objects(path, line, item, content["kind"].removesuffix("List"))
        return
    yield Manifest(path=path, line=line, content=content)


def _json(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        yield 1, json.loads(text)
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise InputError(f"{path}:{line}: does not parse as JSON: {error}") from error


def _yaml(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None, "check_node() said that there is one"
            line = node.start_mark.line + 1
            yield line, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise InputError(f"{path}:{line}: does not parse as YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: does not parse as YAML: {error}") from error


class _Loader(yaml.CSafeLoader):
    """A SafeLoader with kubectl's idea of scalars, and no duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value != "<<":
                if key_node.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None,
                        None,
                        f"the key {key_node.value!r} stands here twice",
                        key_node.start_mark,
                    )
                seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """PyYAML's rules for plain scalars, without timestamps and base-60 numbers (`1:30`)."""
    kept: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items():
        for tag, pattern in rules:
            if tag == "tag:yaml.org,2002:timestamp":
                continue
            is_number = tag in {"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"}
            no_colon = re.compile(f"(?!.*:)(?:{pattern.pattern})", pattern.flags)
            kept.setdefault(first, []).append((tag, no_colon if is_number else pattern))
    return kept


_Loader.yaml_implicit_resolvers = _resolvers()
