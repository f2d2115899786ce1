"""Manifest files as Kubernetes objects, each with its file and line.

`--from`, `-f`, and `validate` read files as kubectl does (`documents`, `yaml_reader`). An error
quotes only text that is part of a Kubernetes object, because a link in a repository can lead to any
file that the user can read.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from podcm_sync.api.meta import GROUP, KIND
from podcm_sync.cluster.files import documents
from podcm_sync.cluster.files.documents import Document
from podcm_sync.cluster.files.yaml_places import Place
from podcm_sync.cluster.files.yaml_reader import AliasBudget, UnreadableError, is_object
from podcm_sync.errors import InputError

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
KINDS: Final = frozenset({"pod", "configmap", KIND.lower()})
"""The kinds that a run reads, in lower case."""
Json = dict[str, Any]


class Manifest(Struct, frozen=True, kw_only=True):
    """One object of a manifest file. Each item of a List is a Manifest."""

    path: Path
    content: Json
    document: Document | None = None
    """The document that has the object; None for an object that this run wrote."""
    pointer: tuple[str | int, ...] = ()
    """The path from the document's root to the object, such as ("items", 3)."""

    def place(self, *path: str | int) -> Place:
        """The place of the value at `path` in the object, or of its nearest existing parent."""
        return self.document.place((*self.pointer, *path)) if self.document else Place()

    def at(self, *path: str | int) -> str:
        """`file:line` of the value at `path`, for an error."""
        return f"{self.path}:{self.place(*path).line}"

    def __str__(self) -> str:
        return self.at()


class Skipped:
    """Counts the documents that were skipped because they aren't Kubernetes objects."""

    def __init__(self) -> None:
        self.count = 0
        self.files: set[Path] = set()
        """The files that `survey` looked at."""


class Unreadable(Struct, frozen=True, kw_only=True):
    """A file that should be a manifest, and isn't; `line` is 0 if no line is to blame."""

    path: Path
    line: int
    message: str
    quoted: str
    hint: str

    @classmethod
    def of(cls, path: Path, error: InputError) -> "Unreadable":
        """An error about the file, taken apart."""
        match = re.match(rf"{re.escape(str(path))}(?::(\d+))?: ", str(error))
        return cls(
            path=path,
            line=int(match[1] or 0) if match else 0,
            message=str(error)[match.end() if match else 0 :],
            quoted=error.quoted,
            hint=error.hint,
        )


def read(directory: Path, skipped: Skipped | None = None) -> Iterator[Manifest]:
    """Every object in the YAML and JSON files below a directory, in path order.

    Hidden files and folders are left out. Documents that aren't Kubernetes objects are counted in
    `skipped`. Raises InputError, with file and line, if a file cannot be read or parsed.
    """
    skipped = skipped or Skipped()
    aliases = AliasBudget()
    for path in sorted(_files(directory)):
        yield from _parse(path, _content(path), aliases, skipped)


def survey(directory: Path, skipped: Skipped) -> Iterator[Manifest | Unreadable]:
    """Every object below a directory that can be any repository, in path order.

    A file that can't be read as manifests is skipped and counted, such as a Helm template. If it
    mentions our kind, it is Unreadable: it must not pass a check in silence. Links that lead out
    are skipped, too.
    """
    aliases = AliasBudget()
    for path in sorted(_files(directory, skipped)):
        for found in survey_file(path, skipped, aliases):
            if isinstance(found, Unreadable) and not _is_about_us(path):
                skipped.count += 1
                continue
            yield found


def survey_file(
    path: Path, skipped: Skipped, aliases: AliasBudget | None = None, content: bytes | None = None
) -> Iterator[Manifest | Unreadable]:
    """Every object of one file. Documents that aren't objects are skipped and counted."""
    skipped.files.add(path)
    try:
        raw = _content(path) if content is None else content
        yield from _parse(path, raw, aliases or AliasBudget(), skipped)
    except InputError as error:
        yield Unreadable.of(path, error)


def _is_about_us(path: Path) -> bool:
    """Whether the file mentions our kind or group; True if it can't be read at all."""
    try:
        content = _content(path)
        return KIND.encode() in content or GROUP.encode() in content
    except InputError:
        return True


def is_directory(path: Path) -> bool:
    """Whether the path is a directory. Raises InputError if the system doesn't tell."""
    try:
        return path.is_dir()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def _files(directory: Path, skipped: Skipped | None = None) -> Iterator[Path]:
    """Every manifest file below a directory. Raises InputError.

    Whatever cannot be read is an error: if it counted as absent, podcm-sync would delete the
    ConfigMaps of its Pods and configs. Only with `skipped` are links left out and counted.
    """

    def refuse(message: str) -> None:
        if skipped is None:
            raise InputError(message)
        skipped.count += 1

    def unreadable(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}")

    root = directory.resolve()
    for folder, folders, names in os.walk(directory, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in folders:
            if (link := Path(folder, name)).is_symlink():
                refuse(f"{link}: is a link to a directory, which podcm-sync doesn't follow")
        for path in (Path(folder, name) for name in names if _is_manifest(name)):
            if not path.exists():
                refuse(f"{path}: is a link to a file that doesn't exist")
            elif not path.resolve().is_relative_to(root):
                refuse(f"{path}: is a link that leads out of {directory}")
            else:
                yield path


def _is_manifest(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def read_file(path: Path) -> Iterator[Manifest]:
    """Every object in one file. Raises InputError, also if a document isn't an object."""
    return parse(path, _content(path))


def _content(path: Path) -> bytes:
    """The content of a regular file. Raises InputError.

    podcm-sync never opens a FIFO or a device: the open could block, or the read never end.
    """
    try:
        if stat.S_ISREG(path.stat().st_mode):
            # O_NONBLOCK and the second check: the file can become a FIFO between stat and open.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    raise InputError(f"{path}: is not a regular file", hint=f"use: cat {path} | … -f -")


def parse(path: Path, content: bytes) -> Iterator[Manifest]:
    """Every object in `content`, which was read from `path`. Raises InputError."""
    return _parse(path, content, AliasBudget(), None)


def _parse(
    path: Path, content: bytes, aliases: AliasBudget, skipped: Skipped | None
) -> Iterator[Manifest]:
    """Every object of a file. If `skipped` is None, a document that isn't an object is an error."""
    try:
        for document in documents.documents(documents.decode(content), aliases):
            value = document.value
            if skipped is not None and not is_object(value) and not _is_near_miss(value):
                skipped.count += 1
                continue
            yield from _objects(Manifest(path=path, content=value, document=document))
    except UnreadableError as error:
        message = f"{path}:{error.line}: {error}"
        raise InputError(message, quoted=error.quoted, hint=error.hint) from error


def _is_near_miss(value: Any) -> bool:
    """Whether a document would be an object that a run reads, if its kind or apiVersion were right.

    Skipping it in silence would delete the ConfigMaps that it asks for.
    """
    if not isinstance(value, dict):
        return False
    kind, api_version = value.get("kind"), value.get("apiVersion")
    return str(kind).lower() in KINDS or str(api_version).startswith(f"{GROUP}/")


def _objects(manifest: Manifest, kind: str = "", api_version: str = "") -> Iterator[Manifest]:
    """The object, or the objects of a List; `kind` and `api_version` are an item's defaults."""
    content = manifest.content
    if not isinstance(content, dict):
        raise InputError(f"{manifest}: not a Kubernetes object: it isn't a mapping")
    if kind and content.get("kind") is None and content.get("apiVersion") is None:
        # The API server leaves kind and apiVersion out of the items of a PodList.
        content = {**content, "kind": kind, "apiVersion": api_version}
        manifest = msgspec.structs.replace(manifest, content=content)
    if not is_object(content):
        missing = "kind" if not isinstance(content.get("kind"), str) else "apiVersion"
        raise InputError(f"{manifest}: not a Kubernetes object: {missing} is missing or isn't text")
    if _is_list(manifest):
        item_kind = content["kind"].removesuffix("List")
        for index, item in enumerate(content["items"] or ()):
            pointer = (*manifest.pointer, "items", index)
            entry = msgspec.structs.replace(manifest, content=item, pointer=pointer)
            yield from _objects(entry, item_kind, content["apiVersion"])
        return
    if content["apiVersion"].startswith(f"{GROUP}/") and content["kind"] != KIND:
        # Passed over in silence, a misspelt config would count as removed.
        message = f"{manifest.at('kind')}: kind {content['kind']!r} doesn't exist in {GROUP}"
        raise InputError(message, quoted=content["kind"], hint=f"use {KIND}")
    _check_json(manifest)
    yield manifest


def _is_list(manifest: Manifest) -> bool:
    """Whether the object is a List. As in kubectl, `items` decides, not the kind's suffix alone.

    Raises InputError for a List without items, or with items that aren't a list.
    """
    content = manifest.content
    kind: str = content["kind"]
    if not kind.endswith("List"):
        return False
    if "items" not in content:
        if kind == "List" or kind.removesuffix("List").lower() in KINDS:
            raise InputError(f"{manifest}: the {kind} has no items")
        return False
    if not isinstance(content["items"], list | None):
        raise InputError(f"{manifest.at('items')}: the items of the {kind} aren't a list")
    return True


def _check_json(manifest: Manifest) -> None:
    """Check that the object can be sent to an API server as JSON. Raises InputError."""
    try:
        msgspec.json.encode(manifest.content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"{manifest}: cannot be written as JSON: {error}"
        raise InputError(message, quoted=error) from error
