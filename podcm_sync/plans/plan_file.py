"""Saves the Report of a dry run to a file, and loads it again or refuses the file.

The file says what it was made from, has one change on each line, and ends in a checksum over every
byte before it. The checksum protects from accidents, not from forgers. A forged change has no
effect unless today's plan has the same one (see fit.py). The file contains values, so only its
owner can read it.
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
from podcm_sync.api.meta import KIND, NAMESPACE
from podcm_sync.cluster.interfaces import Origin
from podcm_sync.errors import NOT_JSON, InputError, OutputError, PlanMismatchError
from podcm_sync.output.escape import json_escaped
from podcm_sync.reconcile.changes import AnyOutcome, Prediction, StatusPrediction, Verb
from podcm_sync.reconcile.digest import digest, parse_digest
from podcm_sync.reconcile.report import Report
from podcm_sync.runtime import files

VERSION: Final = "podcm-sync/plan/v2"
_CHECKSUM: Final = re.compile(rb'\],\n"checksum":"sha256:([0-9a-f]{64})"\}\n\Z')
_CHECKSUM_BYTES: Final = 128
"""The checksum's line is shorter, so a search in these last bytes finds it."""
_KINDS: Final = frozenset({"ConfigMap", "Pod", KIND, NAMESPACE})
_REMAKE: Final = "make a new plan with --dry-run --plan-out FILE"


class SavedPlan(Struct, frozen=True, kw_only=True):
    """A dry run: its report, when (RFC 3339) and from what it was made, and its exit code."""

    created: str
    origin: Origin
    run_id: str
    exit_code: int
    report: Report


class _Version(Struct):
    version: str


class _Forecast(Report, frozen=True, kw_only=True):
    """A dry run's report with concrete types: from a union, msgspec couldn't tell which to make."""

    outcomes: tuple[Prediction, ...] = ()
    statuses: tuple[StatusPrediction, ...]


class _Content(Struct, rename="camel"):
    """The content of the file, without its version and checksum."""

    created: str
    origin: Origin
    run_id: str
    exit_code: int
    report: dict[str, Any]
    outcomes: tuple[Prediction, ...]


def check_target(path: Path) -> None:
    """Check before the run that the plan can be written to `path`. Raises InputError if not."""
    try:
        is_there, is_file, is_directory = path.exists(), path.is_file(), path.is_dir()
        has_place = path.parent.is_dir()
    except OSError as error:
        raise InputError(f"--plan-out {path}: cannot be written: {error.strerror}") from error
    if is_directory:
        raise InputError(f"--plan-out {path}: is a directory", hint="name a file")
    if is_there and not is_file:
        raise InputError(f"--plan-out {path}: isn't a regular file")
    if not has_place:
        raise InputError(f"--plan-out {path}: the directory {path.parent} doesn't exist")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"--plan-out {path}: no permission to write in {path.parent}")


def write(path: Path, plan: SavedPlan) -> None:
    """Write the plan atomically, readable only by its owner. Raises OutputError."""
    try:
        files.write(path, _content(plan), mode=files.PRIVATE)
    except OSError as error:
        raise OutputError(f"--plan-out {path}: cannot be written: {error.strerror}") from error


def load(path: Path) -> SavedPlan:
    """The plan in a file. Raises InputError if the file was cut or altered, or isn't a plan."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        version = msgspec.json.decode(raw, type=_Version).version
    except NOT_JSON as error:
        raise InputError(f"{path}: isn't a complete plan", hint=_REMAKE) from error
    if version != VERSION:
        raise InputError(
            f"{path}: has the version {version}, which podcm-sync {__version__} doesn't read",
            hint=_REMAKE,
        )
    end = _CHECKSUM.search(raw, max(0, len(raw) - _CHECKSUM_BYTES))
    content = raw[: end.start() + len(b"],\n")] if end else b""
    if not end or hashlib.sha256(content).hexdigest().encode() != end[1]:
        raise InputError(f"{path}: was changed after podcm-sync wrote it", hint=_REMAKE)
    return _decoded(path, raw)


def check_origin(plan: SavedPlan, here: Origin) -> None:
    """Check that the plan was made for this server. Raises PlanMismatchError if not.

    A plan of a directory fits every directory, because a checkout has another path on each machine.
    """
    made = plan.origin
    if (made.server, made.certificate) == (here.server, here.certificate):
        return
    is_other_ca = made.server and made.server == here.server
    why = " by another certificate authority" if is_other_ca else ""
    raise PlanMismatchError(
        f"the plan was made for {made}, not for {here}{why}; nothing was changed",
        hint="choose that cluster with --context, or make a plan for this one",
    )


def _content(plan: SavedPlan) -> Iterator[bytes]:
    """The lines of the file, with the checksum over all of them as the last."""
    checksum = hashlib.sha256()
    for line in _lines(plan):
        checksum.update(line)
        yield line
    yield b'"checksum":"sha256:%s"}\n' % checksum.hexdigest().encode()


def _lines(plan: SavedPlan) -> Iterator[bytes]:
    """The lines before the checksum: one for the plan's own fields, and one for each outcome."""
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
    """The outcome without the objects if it keeps them as they are, since `apply` needs none."""
    if outcome.change.verb is not Verb.KEEP:
        return outcome
    change = structs.replace(outcome.change, existing=None, desired=None)
    return structs.replace(outcome, change=change)


def _decoded(path: Path, raw: bytes) -> SavedPlan:
    try:
        content = msgspec.json.decode(raw, type=_Content)
        forecast = msgspec.convert(content.report, _Forecast)
    except NOT_JSON as error:
        raise InputError(f"{path}: isn't a plan of {VERSION}: {error}", hint=_REMAKE) from error
    report = Report(**structs.asdict(forecast) | {"outcomes": content.outcomes})
    if not report.is_prediction or report.digest != digest(
        outcome.change for outcome in report.outcomes
    ):
        raise InputError(f"{path}: the digest doesn't match the changes", hint=_REMAKE)
    if not _is_ours(report):
        raise InputError(f"{path}: isn't a valid plan", hint=_REMAKE)
    return SavedPlan(
        created=content.created,
        origin=content.origin,
        run_id=content.run_id,
        exit_code=content.exit_code,
        report=report,
    )


def _is_ours(report: Report) -> bool:
    """Whether the values that are printed without escapes, as our own, have only valid content."""
    try:
        parse_digest(report.expected_digest or report.digest)
    except ValueError:
        return False
    return all(problem.kind in _KINDS for problem in report.problems)
