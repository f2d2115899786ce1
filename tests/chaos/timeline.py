"""What was stored in some namespaces at each time, and who wrote it, by the audit log.

A watching loop knows of a change a moment later, or much later if its watch is held back. So it
looks before it deletes, and a deletion is right if it was allowed at some time since that look. A
full run deletes by its lists.
"""

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from podcm_sync.api.meta import NamespacedName
from tests.allowed import Objects, why_not_deleted
from tests.chaos.facts import TOOL
from tests.chaos.rules import Observed
from tests.controlplane.deletions import KINDS

Json = dict[str, Any]
State = tuple[Json, ...]
PLURALS = {kind: plural for plural, kind in KINDS.items()}
SLACK = 1.5
"""Seconds that may pass between what a pass read and its first write, and between two writes."""
LOOKED = 3.0
"""Seconds that may pass between a look and the deletion."""
LISTED = 6.0
"""Seconds that may pass between a list of a full run and its first write in that namespace."""


class Write(NamedTuple):
    """One write that the API server carried out; times are in seconds of the wall clock."""

    kind: str
    name: NamespacedName
    verb: str
    received: float
    answered: float
    is_tools: bool
    before: Json | None


_LOOK = re.compile(r"/(pods|podconfigmapconfigs)/[^/]+$")
Since = Callable[[Write, str], float]
"""From when on the state of a kind may have been what a deletion was decided by."""


class Timeline:
    """All writes in the log from a mark on."""

    def __init__(self, log: Path, mark: int, namespaces: Collection[str]) -> None:
        self.writes: list[Write] = []
        self._stored: dict[tuple[str, NamespacedName], Json] = {}
        self._states: dict[tuple[str, str], list[tuple[float, State]]] = defaultdict(list)
        """By kind and namespace: since when which objects were stored."""
        self._gone: set[str] = set()
        for entry in _entries(log, mark, frozenset(namespaces)):
            self._take(entry)

    def last_write(self, name: NamespacedName) -> Write | None:
        """The last write of a ConfigMap."""
        found = [each for each in self.writes if each.kind == "ConfigMap" and each.name == name]
        return found[-1] if found else None

    def deletions(self) -> list[Write]:
        """Those that the tool made."""
        return [
            each
            for each in self.writes
            if each.is_tools and each.verb == "delete" and each.kind == "ConfigMap"
        ]

    def wrong(self, since: Since) -> list[str]:
        """The tool's deletions that were never allowed while the tool could take it for now."""
        judged = [(each, self._why_wrong(each, since)) for each in self.deletions()]
        return [
            f"{each.name}, deleted at {each.received:.3f}: {why}" for each, why in judged if why
        ]

    def _why_wrong(self, write: Write, since: Since) -> str:
        if write.before is None:
            return ""  # the server carried its create out, and logged that it timed out
        pods, configs = (
            self._between(kind, write.name.namespace, since(write, kind), write.received)
            for kind in ("Pod", "PodConfigMapConfig")
        )
        reasons = [
            why_not_deleted(write.before, Objects(list(some), list(others)))
            for some, others in product(pods, configs)
        ]
        return "" if "" in reasons else reasons[-1]

    def _between(self, kind: str, namespace: str, since: float, until: float) -> list[State]:
        """What was stored at any time in between."""
        states: list[State] = [()]
        for at, objects in self._states[kind, namespace]:
            if at > until:
                break
            states = [*states, objects] if at > since else [objects]
        return states

    def _take(self, entry: Json) -> None:
        about, answer = entry["objectRef"], entry.get("responseObject") or {}
        kind, verb = KINDS[about["resource"]], entry["verb"]
        name = NamespacedName(
            about["namespace"], about.get("name") or answer.get("metadata", {}).get("name", "")
        )
        before = self._stored.get((kind, name))
        if verb == "delete" and answer.get("kind") == "Status":
            uid = answer.get("details", {}).get("uid", "")
            self._gone.add(uid)
            if before is not None and before["metadata"]["uid"] == uid:
                del self._stored[kind, name]
        elif answer.get("kind") == "PartialObjectMetadata" and before is not None:
            self._keep(kind, name, {**before, "metadata": answer["metadata"]})
        elif answer.get("kind") == kind:
            self._keep(kind, name, answer, is_delete=verb == "delete")
        answered = _seconds(entry["stageTimestamp"])
        self.writes.append(
            Write(
                kind=kind,
                name=name,
                verb=verb,
                received=_seconds(entry["requestReceivedTimestamp"]),
                answered=answered,
                is_tools=entry.get("userAgent", "").startswith(TOOL),
                before=before,
            )
        )
        here = [
            raw
            for (other, where), raw in self._stored.items()
            if other == kind and where.namespace == name.namespace
        ]
        self._states[kind, name.namespace].append((answered, tuple(here)))

    def _keep(self, kind: str, name: NamespacedName, obj: Json, *, is_delete: bool = False) -> None:
        metadata = obj["metadata"]
        waits = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        if (is_delete or metadata.get("deletionTimestamp")) and not waits:
            self._gone.add(metadata["uid"])
            self._stored.pop((kind, name), None)
        elif metadata["uid"] not in self._gone:
            self._stored[kind, name] = obj


def known_since(requests: Sequence[Observed]) -> Since:
    """By what a proxy saw of the tool: since when it may not have known of a change.

    A pass looks at the Pod and the config right before it deletes. A full run lists before the
    first of its writes, which follow close on each other.
    """
    clock = time.time() - time.monotonic()
    writes = [each for each in requests if each.method != "GET"]
    looks = [each for each in requests if each.method == "GET" and _LOOK.search(each.path)]
    listed = [each for each in requests if each.is_list]

    def since(write: Write, kind: str) -> float:
        namespace, begun = write.name.namespace, write.received - clock
        looked = [
            each.began
            for each in looks
            if f"/namespaces/{namespace}/" in each.path
            and begun - LOOKED < each.ended < begun + SLACK
        ]
        here = [each for each in writes if f"/namespaces/{namespace}/" in each.path]
        while earlier := [
            each.began
            for each in here
            if each.began < begun and (each.ended or begun) > begun - SLACK
        ]:
            begun = min(earlier)
        begun -= SLACK
        place = re.compile(rf"(/namespaces/{namespace}|/v1(alpha1)?)/{PLURALS[kind]}$")
        lists = [
            each.began
            for each in listed
            if begun - LISTED < each.ended < write.received - clock and place.search(each.path)
        ]
        return min([*looked, *lists], default=write.received - clock) + clock

    return since


def _entries(log: Path, mark: int, namespaces: frozenset[str]) -> Iterator[Json]:
    """The writes that were carried out, in the order of their answers."""
    with log.open("rb") as file:
        if mark:  # where a line may have been half written
            file.seek(mark - 1)
            file.readline()
        for line in file:
            if b'"stage":"ResponseComplete"' not in line or b'"level":"RequestRes' not in line:
                continue
            entry = json.loads(line)
            about = entry.get("objectRef", {})
            if (
                about.get("resource") in KINDS
                and about.get("namespace") in namespaces
                and entry["responseStatus"]["code"] < 300
                and "dryRun=" not in entry["requestURI"]
            ):
                yield entry


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
