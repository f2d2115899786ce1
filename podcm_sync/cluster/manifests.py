"""Manifest files as Kubernetes objects, each with the file and line that it comes from.

Files are read as kubectl reads them (`documents`, `yaml_reader`), for `--from`, `-f` and `validate`
alike. An error quotes nothing of a file that isn't part of a Kubernetes object: a link in a
repository may lead to any file.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from podcm_sync.cluster import documents
from podcm_sync.cluster.documents import Document
from podcm_sync.cluster.yaml_places import Place
from podcm_sync.cluster.yaml_reader import AliasBudget, UnreadableError, is_object
from podcm_sync.errors import InputError
from podcm_sync.model.meta import GROUP, KIND

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
KINDS: Final = frozenset({"pod", "configmap", KIND.lower()})
"""The kinds that a run reads, in lower case."""
Json = dict[str, Any]


class Manifest(Struct, frozen=True, kw_only=True):
    """One object of a manifest file; `items` of lists are manifests of their own."""

    path: Path
    content: Json
    document: Document | None = None
    """Where it was read; None for one that was just written."""
    pointer: tuple[str | int, ...] = ()
    """The path from the document's root to the object, such as ("items", 3)."""

    def place(self, *path: str | int) -> Place:
        """Where a value of the object begins, or its nearest parent that is there."""
        return self.document.place((*self.pointer, *path)) if self.document else Place()

    def at(self, *path: str | int) -> str:
        """The file and the line of a value, for an error."""
        return f"{self.path}:{self.place(*path).line}"

    def __str__(self) -> str:
        return self.at()


class Skipped:
    """How many documents of a directory were passed over, since they are no Kubernetes objects."""

    def __init__(self) -> None:
        self.count = 0


def read(directory: Path, skipped: Skipped | None = None) -> Iterator[Manifest]:
    """Every object in the YAML and JSON files below a directory, hidden ones aside, in path order.

    Documents of other programs are skipped and counted. Raises InputError, with file and line, for
    what cannot be read or parsed.
    """
    skipped = skipped or Skipped()
    aliases = AliasBudget()
    for path in sorted(_files(directory)):
        yield from _parse(path, _content(path), aliases, skipped)


def is_directory(path: Path) -> bool:
    """Whether it is a directory. Raises InputError if that cannot be known."""
    try:
        return path.is_dir()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


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
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            if not path.exists():
                raise InputError(f"{path}: is a link to nothing")
            if not path.resolve().is_relative_to(root):
                raise InputError(f"{path}: is a link that leads out of {directory}")
            yield path


def read_file(path: Path) -> Iterator[Manifest]:
    """Every object in one file. Raises InputError, also for a document that is no object."""
    return parse(path, _content(path))


def _content(path: Path) -> bytes:
    """A regular file's content. Opening a FIFO or a device could wait, or never end."""
    try:
        if stat.S_ISREG(path.stat().st_mode):
            # Not blocking: the file may have become a FIFO in the meantime.
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return file.read()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    raise InputError(f"{path}: is not a regular file: pipe its content in, and give -f -")


def parse(path: Path, content: bytes) -> Iterator[Manifest]:
    """Every object in what was read from `path`. Raises InputError."""
    return _parse(path, content, AliasBudget(), None)


def _parse(
    path: Path, content: bytes, aliases: AliasBudget, skipped: Skipped | None
) -> Iterator[Manifest]:
    """Every object of a file; without `skipped`, a document that is no object is an error."""
    try:
        for document in documents.documents(documents.decode(content), aliases):
            value = document.value
            if skipped is not None and not is_object(value) and not _is_slip(value):
                skipped.count += 1
                continue
            yield from _objects(Manifest(path=path, content=value, document=document))
    except UnreadableError as error:
        raise InputError(f"{path}:{error.line}: {error}", quoted=error.quoted) from error


def _is_slip(value: Any) -> bool:
    """Whether a document seems to be an object that a run reads, but for its kind or apiVersion."""
    if not isinstance(value, dict):
        return False
    kind, api_version = value.get("kind"), value.get("apiVersion")
    return str(kind).lower() in KINDS or str(api_version).startswith(f"{GROUP}/")


def _objects(manifest: Manifest, kind: str = "", api_version: str = "") -> Iterator[Manifest]:
    """The object, or the objects of a list; `kind` and `api_version` are what its list implies."""
    content = manifest.content
    if not isinstance(content, dict):
        raise InputError(f"{manifest}: a Kubernetes object is a mapping")
    if kind and content.get("kind") is None and content.get("apiVersion") is None:
        # The items of a PodList name no kind of their own.
        content = {**content, "kind": kind, "apiVersion": api_version}
        manifest = msgspec.structs.replace(manifest, content=content)
    if not is_object(content):
        missing = "kind" if not isinstance(content.get("kind"), str) else "apiVersion"
        raise InputError(f"{manifest}: not a Kubernetes object: {missing} is missing or no text")
    if _is_list(manifest):
        item_kind = content["kind"].removesuffix("List")
        for index, item in enumerate(content["items"] or ()):
            pointer = (*manifest.pointer, "items", index)
            entry = msgspec.structs.replace(manifest, content=item, pointer=pointer)
            yield from _objects(entry, item_kind, content["apiVersion"])
        return
    _check(manifest)
    yield manifest


def _is_list(manifest: Manifest) -> bool:
    """Whether it is a list: by its items, as kubectl has it, since a kind may just end in List."""
    content = manifest.content
    kind: str = content["kind"]
    if not kind.endswith("List"):
        return False
    if "items" not in content:
        if kind == "List" or kind.removesuffix("List").lower() in KINDS:
            raise InputError(f"{manifest}: a {kind} without items")
        return False
    if not isinstance(content["items"], list | None):
        raise InputError(f"{manifest.at('items')}: the items of a {kind} are a list")
    return True


def _check(manifest: Manifest) -> None:
    """See that the object can be JSON, as an API server would need it."""
    try:
        msgspec.json.encode(manifest.content)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        message = f"{manifest}: cannot be written as JSON: {error}"
        raise InputError(message, quoted=error) from error
