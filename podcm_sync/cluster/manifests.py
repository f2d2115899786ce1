"""Manifest files as Kubernetes objects, each with the file and line that it comes from.

YAML is read as kubectl reads it: timestamps and base-60 numbers stay text, and a key that stands
twice in one mapping is an error rather than a silent loss.
"""

import json
import os
import re
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml
from msgspec import Struct

from podcm_sync.errors import InputError

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
NOT_OBJECTS: Final = frozenset({"kustomization.yaml", "kustomization.yml"})
"""Files that stand beside manifests and need have neither kind nor apiVersion."""
MAX_NODES: Final = 2_000_000
"""More than 10,000 whole Pods have."""
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
    for path in sorted(_files(directory)):
        yield from read_file(path)


def _files(directory: Path) -> Iterator[Path]:
    """Every manifest file. What cannot be looked into must not pass for what is not there."""

    def unreadable(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}")

    root = directory.resolve()
    for folder, folders, names in os.walk(directory, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (link := Path(folder, name)).is_symlink():
                raise InputError(f"{link}: is a link to a directory, which is not followed")
        for name in names:
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES or name in NOT_OBJECTS:
                continue
            if not path.exists():
                raise InputError(f"{path}: is a link to nothing")
            if not path.resolve().is_relative_to(root):
                raise InputError(f"{path}: is a link that leads out of {directory}")
            yield path


def read_file(path: Path) -> Iterator[Manifest]:
    """Every object in one file. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: cannot be read: {error}", quoted=error) from error
    yield from parse(path, text)


def parse(path: Path, text: str) -> Iterator[Manifest]:
    """Every object in a text that was read from `path`. Raises InputError."""
    documents = _json(path, text) if path.suffix == ".json" else _yaml(path, text)
    for line, document in documents:
        if document is not None:
            _check(path, line, document)
            yield from _objects(path, line, document)


def _check(path: Path, line: int, document: Any) -> None:
    """See that the document can be JSON, as an API server would need it."""
    try:
        msgspec.json.encode(document)
    except (TypeError, ValueError, RecursionError) as error:
        said = f"{path}:{line}: cannot be read as JSON data: {error}"
        raise InputError(said, quoted=error) from error


def _objects(
    path: Path, line: int, document: Any, kind: str = "", api_version: str = ""
) -> Iterator[Manifest]:
    if not isinstance(document, dict):
        shown = f"{document!r:.60}"
        said = f"{path}:{line}: a Kubernetes object is a mapping, not {shown}"
        raise InputError(said, quoted=shown)
    # The items of a PodList name no kind of their own.
    content = {"kind": kind, "apiVersion": api_version, **document} if kind else document
    if not (isinstance(content.get("kind"), str) and isinstance(content.get("apiVersion"), str)):
        raise InputError(f"{path}:{line}: not a Kubernetes object: kind or apiVersion is missing")
    if content["kind"].endswith("List"):
        if not isinstance(content.get("items"), list):
            raise InputError(f"{path}:{line}: a {content['kind']} without a list of items")
        item_kind = content["kind"].removesuffix("List")
        for item in content["items"]:
            yield from _objects(path, line, item, item_kind, content["apiVersion"])
        return
    yield Manifest(path=path, line=line, content=content)


def _json(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        yield 1, json.loads(text, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        said = f"{path}:{line}: does not parse as JSON: {error}"
        raise InputError(said, quoted=error) from error


def _unrepeated(pairs: list[tuple[str, Any]]) -> Json:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return mapping


def _yaml(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None, "check_node() said that there is one"
            line = node.start_mark.line + 1
            _measure(node, {})
            yield line, loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        said = f"{path}:{line}: does not parse as YAML: {error.problem}"
        raise InputError(said, quoted=error.problem) from error
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise InputError(f"{path}:{line}: does not parse as YAML: {error.reason}") from error
    except (yaml.YAMLError, ValueError, RecursionError, AttributeError, LookupError) as error:
        # The last two are PyYAML's own, of `!!timestamp soon` and `!!bool maybe`.
        raise InputError(f"{path}: does not parse as YAML: {error}", quoted=error) from error


def _measure(node: yaml.Node, known: dict[int, int]) -> int:
    """How many nodes there are with every alias written out.

    Raises ValueError where they are too many, or an alias holds itself: a few lines of aliases of
    aliases can stand for more than any memory holds.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in known:
        size = known[id(node)]
        if not size:
            raise ValueError(f"line {node.start_mark.line + 1}: an alias holds itself")
        return size
    known[id(node)] = 0
    children = [
        part for pair in node.value for part in (pair if isinstance(pair, tuple) else [pair])
    ]
    size = 1 + sum(_measure(child, known) for child in children)
    if size > MAX_NODES:
        raise ValueError(
            f"line {node.start_mark.line + 1}: aliases stand for over {MAX_NODES} nodes"
        )
    known[id(node)] = size
    return size


class _Loader(yaml.CSafeLoader):
    """A SafeLoader with kubectl's idea of scalars, and no duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if isinstance(key_node, yaml.ScalarNode) and key_node.value != "<<":
                key = _key(self.construct_object(key_node), key_node)
                if key in seen:
                    raise _refused(f"the key {key!r} stands here twice", key_node)
                seen.add(key)
        mapping = super().construct_mapping(node, deep)
        return {_key(key, node): value for key, value in mapping.items()}


def _key(key: Hashable, node: yaml.Node) -> str:
    """A key as JSON has it: kubectl turns `on:` into "true", and refuses null."""
    match key:
        case str():
            return key
        case bool():
            return str(key).lower()
        case int() | float():
            return str(key)
        case _:
            raise _refused(f"{key!r} cannot be a key", node)


def _refused(problem: str, node: yaml.Node) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, problem, node.start_mark)


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
