"""What a run did by the API server's audit log, beside what its report says: they must agree.

The audit log is written before an answer ends, so that everything the server carried out is in it,
whatever became of the answer on its way.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from tests.chaos.rules import Fault, Observed
from tests.chaos.twin import difference
from tests.controlplane.audit import AuditEvent
from tests.controlplane.sync_objects import GENERATED_BY

Json = dict[str, Any]
Write = tuple[str, str, str]
"""A result (created, updated, deleted), a namespace, and a name."""

RESULTS = {"create": "created", "patch": "updated", "delete": "deleted"}
VERBS = {"POST": "created", "PATCH": "updated", "DELETE": "deleted"}
TOOL = "podcm-sync/"
LANDS_LATE = {Fault.LATE, Fault.HELD, Fault.DELAY, Fault.REFUSE}
"""The server may carry the request out after the client has given it up."""
BLAMES_AN_OBJECT = {Fault.ANSWER, Fault.WEBHOOK, Fault.BYTE_FLIP}
"""Only these make an object fail (exit 3). All others are failures of the way to the server."""


@dataclass(frozen=True)
class Reported:
    """What a run reported: its exit code, and its JSON report or the error that ended it."""

    code: int
    report: Json | None
    error: str = ""

    @property
    def changes(self) -> list[Json]:
        return self.report["changes"] if self.report else []

    @property
    def writes(self) -> list[Write]:
        """What it reports as written."""
        if self.report is None or self.report["dryRun"]:
            return []
        return [
            (change["result"], change["namespace"], change["name"])
            for change in self.changes
            if change["result"] in RESULTS.values()
        ]

    def calls_unreachable(self, namespace: str, name: str) -> bool:
        """Whether it reports that nobody knows what came of the write of an object."""
        return any(
            (change["namespace"], change["name"]) == (namespace, name)
            and (change["result"], change["reason"]) == ("failed", "Unreachable")
            for change in self.changes
        )

    def claims(self, namespace: str) -> set[str]:
        """The configs that it reports as in sync."""
        if self.report is None or self.report["dryRun"]:
            return set()
        return {
            status["name"]
            for status in self.report["statuses"]
            if status["namespace"] == namespace
            and status["result"] in {"updated", "unchanged"}
            and _claims_sync(status["status"])
        }


class Facts:
    """The events of one run's time, the proxy's view of it, and what it reported."""

    def __init__(
        self, events: Iterable[AuditEvent], seen: list[Observed], reported: Reported
    ) -> None:
        self.reported = reported
        self.faults = frozenset(request.fault for request in seen) - {Fault.NONE}
        events = [event for event in events if event.code < 300]
        self._writes = [event for event in events if event.verb in RESULTS]
        self._ours = [event for event in self._writes if event.user_agent.startswith(TOOL)]
        self._seen = seen

    @property
    def done(self) -> set[Write]:
        """What the server carried out for the run, late requests included."""
        return {_write(event) for event in self._ours if _is_config_map(event)}

    def without_leftovers(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state without what the run left to the garbage collector, which is slower."""
        left = {
            change["name"]
            for change in self.reported.changes
            if change["reason"] == "LeftToGarbageCollector"
        }
        kept = {name: value for name, value in state["configMaps"].items() if name not in left}
        return {**state, "configMaps": kept}

    def check_codes(self, *, may_hold_back: bool) -> None:
        """Exit 0, 3, 5, or 4 with something held back; without a report only 5."""
        reported = self.reported
        allowed = {0, 3, 5} | ({4} if may_hold_back else set())
        assert reported.code in allowed, f"exit code {reported.code}: {reported.error}"
        if reported.report is None:
            assert reported.code == 5, (
                f"exit code {reported.code} without a report: {reported.error}"
            )
        elif reported.code == 4:
            is_held_back = any(change["kind"] == "held back" for change in reported.changes)
            assert is_held_back or _is_unexpected(reported.report), "exit 4, and nothing held back"

    def check_blame(self, expected: Collection[int]) -> None:
        """Exit 0 and 3 are about objects: a way that is broken makes neither."""
        if 3 in expected:
            assert self.reported.code != 0, "exit 0, though an object is blocked"
        elif self.reported.code == 3:
            assert self.faults & BLAMES_AN_OBJECT, "exit 3 blames an object for an answer"

    def check_counts(self) -> None:
        """The report's writes are the audit log's, object by object, and so are their counts.

        Two exceptions: a write whose answer was lost, of which the report says that nobody knows
        what came of it; and one that landed late, or was sent twice by the proxy, so that the run
        found its work done.
        """
        reported = Counter(self.reported.writes)
        twice = [write for write, count in reported.items() if count > 1]
        assert twice == [], f"reported twice: {twice}"
        untrue = reported.keys() - self.done - self._deleted_by_others()
        assert untrue == set(), f"reported, but never carried out: {sorted(untrue)}"
        unreported = {
            write
            for write in self.done - reported.keys() - self._passed_by()
            if not self.reported.calls_unreachable(*write[1:])
        }
        assert unreported == set(), f"carried out, but not reported: {sorted(unreported)}"
        if self.reported.report and _is_unexpected(self.reported.report):
            assert self.done == set(), "another plan than the expected one, and yet it wrote"

    def check_foreign(self, namespace: str, foreign: Collection[str]) -> None:
        """No write even meant a foreign object."""
        meant = [
            str(request)
            for request in self._seen
            if request.method != "GET"
            and f"/namespaces/{namespace}/configmaps/" in request.path
            and request.name in foreign
        ]
        assert meant == [], f"a foreign object was meant: {meant}"
        touched = {write for write in self.done if write[1] == namespace and write[2] in foreign}
        assert touched == set(), f"a foreign object was touched: {touched}"

    def check_deletes(self, namespace: str, wanted: Collection[str], max_prune: str) -> None:
        """Nothing is deleted, not even for a moment, that the final state keeps.

        --max-prune counts everything that was deleted.
        """
        deleted = {name for result, where, name in self.done if (result, where) == _del(namespace)}
        lost = sorted(deleted & set(wanted))
        assert lost == [], f"deleted, though wanted: {lost}"
        limit = int(max_prune) if max_prune else len(deleted)
        assert len(deleted) <= limit, f"--max-prune {max_prune}, and deleted {sorted(deleted)}"

    def check_statuses(self, namespace: str, expected: Json, state: Json) -> None:
        """No status that the run wrote, or reports as it is, says in sync what isn't.

        If a byte flipped, a leftover is let off: its config may be what cannot be read.
        """
        patched = {
            event.name
            for event in self._ours
            if event.subresource == "status" and event.namespace == namespace
        }
        stored = {
            name
            for name, status in state["statuses"].items()
            if name in patched and status["isObserved"]
        }
        for config in self.reported.claims(namespace) | stored:
            wanted, there = (_of(config, one["configMaps"]) for one in (expected, state))
            if Fault.BYTE_FLIP in self.faults:
                there = {name: there[name] for name in there.keys() & wanted.keys()}
            missing = difference(wanted, there)
            assert missing == [], f"{config} is said to be in sync, but: {missing}"

    def _passed_by(self) -> set[Write]:
        """What the run couldn't know to be its own work: it landed late, or was sent twice.

        The proxy may not see the code of a request that it refused while the server carried it out.
        """
        return {
            (VERBS[request.method], *_where(request))
            for request in self._seen
            if request.method in VERBS
            and (
                request.fault in LANDS_LATE
                or (request.codes and request.fault is Fault.DUPLICATE)
                or (request.codes and self._landed_after_a_look(request))
            )
        }

    def _landed_after_a_look(self, create: Observed) -> bool:
        """Whether the run lost the answer to a create, and then did not find the object yet."""
        path = f"{create.path}/{create.object_name}"
        return create.method == "POST" and any(
            (look.method, look.path) == ("GET", path)
            and 404 in look.codes
            and look.began > create.began
            for look in self._seen
        )

    def _deleted_by_others(self) -> set[Write]:
        """The garbage collector's work: a delete that finds its object gone counts as done."""
        others = [event for event in self._writes if not event.user_agent.startswith(TOOL)]
        return {_write(event) for event in others if event.verb == "delete"}


def _where(request: Observed) -> tuple[str, str]:
    """The namespace and name that a write is about; a POST's is in its body."""
    namespace = request.path.partition("/namespaces/")[2].partition("/")[0]
    return namespace, request.object_name


def _write(event: AuditEvent) -> Write:
    return RESULTS[event.verb], event.namespace, event.name


def _del(namespace: str) -> tuple[str, str]:
    return "deleted", namespace


def _is_config_map(event: AuditEvent) -> bool:
    return event.resource == "configmaps"


def _is_unexpected(report: Json) -> bool:
    expected = report.get("expectedDigest", "")
    return bool(expected) and report.get("digest") != expected


def _claims_sync(status: Json) -> bool:
    conditions = status.get("conditions") or []
    is_ready = any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)
    return is_ready and status.get("observedGeneration") is not None


def _of(config: str, config_maps: Json) -> Json:
    """The ConfigMaps that are a config's by their label."""
    return {
        name: config_map
        for name, config_map in config_maps.items()
        if config_map["labels"].get(GENERATED_BY) == config
    }
