"""A dry run's Report saved, and the same Report loaded, or refused whole.

The file says what it was made from, has one change a line, and ends in a checksum over every byte
before it: against accidents, not against forgers. What a forger could write is done only where
today's plan has the very same change (`core.outdated`). It holds values: its owner alone reads it.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct, structs

from podcm_sync import __version__
from podcm_sync.core.digest import digest, parse_digest
from podcm_sync.core.report import Report
from podcm_sync.errors import InputError, OutputError, PlanMismatchError
from podcm_sync.model.changes import AnyOutcome, Prediction, StatusPrediction, Verb
from podcm_sync.model.meta import KIND, NAMESPACE
from podcm_sync.render.escape import json_escaped
from podcm_sync.runtime import files

VERSION: Final = "podcm-sync/plan/v1"
_END: Final = re.compile(rb'\],\n"checksum":"sha256:([0-9a-f]{64})"\}\n\Z')
_END_BYTES: Final = 128
"""At least as many as the end has."""
_KINDS: Final = frozenset({"ConfigMap", "Pod", KIND, NAMESPACE})
_ANEW: Final = "make the plan anew with --dry-run --plan-out"


class Origin(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a plan was made from: a server, or a directory, and which files lay over it.

    `certificate` is a fingerprint of the CA that the server was trusted by, "" for the system's.
    """

    server: str = ""
    certificate: str = ""
    directory: str = ""
    files: tuple[str, ...] = ()
    only_files: bool = False

    def __str__(self) -> str:
        return self.server or f"--from {self.directory}"


class SavedPlan(Struct, frozen=True, kw_only=True):
    """A dry run: its report, when and from what it was made, and what it ended with.

    `created` is an RFC 3339 time.
    """

    created: str
    origin: Origin
    run_id: str
    exit_code: int
    report: Report


class _Version(Struct):
    version: str


class _Forecast(Report, frozen=True, kw_only=True):
    """The report of a dry run, as a file holds it: msgspec must know which of the types to make."""

    outcomes: tuple[Prediction, ...] = ()
    statuses: tuple[StatusPrediction, ...]


class _Content(Struct, rename="camel"):
    """The file, but for its version and checksum."""

    created: str
    origin: Origin
    run_id: str
    exit_code: int
    report: dict[str, Any]
    outcomes: tuple[Prediction, ...]


def check_target(path: Path) -> None:
    """See that a plan can be written there, before there is one. Raises InputError."""
    try:
        is_there, is_file, is_directory = path.exists(), path.is_file(), path.is_dir()
        has_place = path.parent.is_dir()
    except OSError as error:
        raise InputError(f"--plan-out {path}: cannot be written: {error.strerror}") from error
    if is_directory:
        raise InputError(f"--plan-out {path}: is a directory: name a file")
    if is_there and not is_file:
        raise InputError(f"--plan-out {path}: is no regular file")
    if not has_place:
        raise InputError(f"--plan-out {path}: there is no directory {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"--plan-out {path}: no right to write in {path.parent}")


def write(path: Path, plan: SavedPlan) -> None:
    """Write it in one piece or not at all, for its owner only. Raises OutputError."""
    try:
        files.write(path, _content(plan), mode=files.PRIVATE)
    except OSError as error:
        raise OutputError(f"--plan-out {path}: cannot be written: {error.strerror}") from error


def load(path: Path) -> SavedPlan:
    """The plan in a file. Raises InputError for one that is not whole, not ours, or altered."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is no plan, or only a part of one: {_ANEW}") from error
    if version != VERSION:
        raise InputError(
            f"{path}: is of {version}, which podcm-sync {__version__} does not read: {_ANEW}"
        )
    end = _END.search(raw, max(0, len(raw) - _END_BYTES))
    content = raw[: end.start() + len(b"],\n")] if end else b""
    if not end or hashlib.sha256(content).hexdigest().encode() != end[1]:
        raise InputError(f"{path}: was altered after it was written: {_ANEW}")
    return _decoded(path, raw)


def check_origin(plan: SavedPlan, here: Origin) -> None:
    """See that a plan is for this server, or for a directory. Raises PlanMismatchError.

    Which directory is no matter: a checkout is at another path wherever it is made.
    """
    made = plan.origin
    if (made.server, made.certificate) == (here.server, here.certificate):
        return
    is_other_ca = made.server and made.server == here.server
    why = " by another certificate authority" if is_other_ca else ""
    raise PlanMismatchError(
        f"the plan was made for {made}, and this is {here}{why}: nothing was changed; choose that "
        "one, or make a plan for this one"
    )


def _content(plan: SavedPlan) -> Iterator[bytes]:
    """The whole file: its lines, and the checksum over them."""
    checksum = hashlib.sha256()
    for line in _lines(plan):
        checksum.update(line)
        yield line
    yield b'"checksum":"sha256:%s"}\n' % checksum.hexdigest().encode()


def _lines(plan: SavedPlan) -> Iterator[bytes]:
    """All but the checksum; one line for what the plan is, and one for each outcome."""
    report = msgspec.to_builtins(structs.replace(plan.report, outcomes=()))
    del report["outcomes"]
    head = {
        "version": VERSION,
        "tool": f"podcm-sync {__version__}",
        "created": plan.created,
        "origin": plan.origin,
        "runId": plan.run_id,
        "exitCode": plan.exit_code,
        "digest": plan.report.digest,
        "report": report,
    }
    yield _line(head)[:-1] + b',"outcomes":[\n'
    last = len(plan.report.outcomes) - 1
    outcomes: Iterable[AnyOutcome] = plan.report.outcomes
    for index, outcome in enumerate(outcomes):
        yield _line(_saved(outcome)) + (b",\n" if index < last else b"\n")
    yield b"],\n"


def _line(content: object) -> bytes:
    return json_escaped(msgspec.json.encode(content).decode()).encode()


def _saved(outcome: AnyOutcome) -> AnyOutcome:
    """Without the bodies of what stays as it is: nobody needs them."""
    if outcome.change.verb is not Verb.KEEP:
        return outcome
    change = structs.replace(outcome.change, existing=None, desired=None)
    return structs.replace(outcome, change=change)


def _decoded(path: Path, raw: bytes) -> SavedPlan:
    try:
        content = msgspec.json.decode(raw, type=_Content)
        forecast = msgspec.convert(content.report, _Forecast)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: is no plan of {VERSION}: {error}: {_ANEW}") from error
    report = Report(**structs.asdict(forecast) | {"outcomes": content.outcomes})
    if not report.is_prediction or report.digest != digest(x.change for x in report.outcomes):
        raise InputError(f"{path}: its digest is not that of its changes: {_ANEW}")
    if not _is_ours(report):
        raise InputError(f"{path}: says what no dry run says: {_ANEW}")
    return SavedPlan(
        created=content.created,
        origin=content.origin,
        run_id=content.run_id,
        exit_code=content.exit_code,
        report=report,
    )


def _is_ours(report: Report) -> bool:
    """Whether what is shown as our own word, and so not escaped, can be that."""
    try:
        parse_digest(report.expected_digest or report.digest)
    except ValueError:
        return False
    return all(each.kind in _KINDS for each in report.problems)
