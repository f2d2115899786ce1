"""Every deletion that podcm-sync made on the control plane, judged by behavior.md §3.

The audit log has the objects that were written, so it shows what was stored when podcm-sync listed
it. What a test's own proxy made of an answer is not in there.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from podcm_sync.api.meta import NamespacedName
from tests.allowed import Objects, why_not_deleted

Json = dict[str, Any]
KINDS = {"configmaps": "ConfigMap", "pods": "Pod", "podconfigmapconfigs": "PodConfigMapConfig"}
TOOL = "podcm-sync/"


class Deletions:
    """Reads the log on from where it stopped, and keeps what is stored."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = 0
        self._stored: dict[str, dict[NamespacedName, Json]] = {kind: {} for kind in KINDS.values()}
        self._versions: dict[tuple[str, str], Json] = {}
        """Each ConfigMap that was ever stored, by its uid and resourceVersion."""
        self._gone: set[str] = set()
        self._listed: dict[str, dict[str, list[Json]]] = {kind: {} for kind in KINDS.values()}
        """What podcm-sync listed last of a kind, by the namespace of the list ("" for all)."""

    def wrong(self) -> list[str]:
        """The deletions since the last call that behavior.md §3 does not allow, and why."""
        deletes: list[tuple[Json, list[Objects]]] = []
        for entry in self._entries():
            if not _is_real(entry):
                continue
            kind = KINDS[entry["objectRef"]["resource"]]
            is_tool = entry.get("userAgent", "").startswith(TOOL)
            if entry["verb"] == "list" and is_tool:
                self._note_list(kind, entry)
            if entry["verb"] == "delete" and is_tool and kind == "ConfigMap":
                deletes.append((entry, self._looks(entry["objectRef"]["namespace"])))
            self._store(entry)
        # A write may be logged after the delete that followed it, so they are judged at the end.
        judged = ((entry, self._why_wrong(entry, looks)) for entry, looks in deletes)
        return [f"{entry['requestURI']}: {why}" for entry, why in judged if why]

    def _entries(self) -> Iterator[Json]:
        with self._log.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):  # half written by now
                    return
                self._offset += len(line)
                yield json.loads(line)

    def _note_list(self, kind: str, entry: Json) -> None:
        namespace = entry["objectRef"].get("namespace", "")
        objects = list(self._stored[kind].values())
        if not namespace:
            self._listed[kind].clear()
        self._listed[kind][namespace] = objects

    def _looks(self, namespace: str) -> list[Objects]:
        """What was there by podcm-sync's last lists, and what is there now."""

        def of(objects: list[Json]) -> list[Json]:
            return [each for each in objects if each["metadata"]["namespace"] == namespace]

        def listed(kind: str) -> list[Json]:
            lists = self._listed[kind]
            return of(lists.get(namespace, lists.get("", [])))

        def stored(kind: str) -> list[Json]:
            return of(list(self._stored[kind].values()))

        return [
            Objects(pods=look("Pod"), configs=look("PodConfigMapConfig"))
            for look in (listed, stored)
        ]

    def _why_wrong(self, entry: Json, looks: list[Objects]) -> str:
        if entry["responseStatus"]["code"] == 403 and "requestObject" not in entry:
            return ""  # refused by the authorizer, before the server read the body
        preconditions = entry.get("requestObject", {}).get("preconditions") or {}
        uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
        if not (uid and version):
            return "it has no uid or resourceVersion as a precondition"
        if entry["responseStatus"]["code"] >= 300:
            return ""
        config_map = self._versions.get((uid, version))
        if config_map is None:
            return f"the log has no such version ({uid}, {version})"
        reasons = [why_not_deleted(config_map, objects) for objects in looks]
        return "" if "" in reasons else reasons[0]

    def _store(self, entry: Json) -> None:
        answer = entry.get("responseObject") or {}
        about, is_delete = entry["objectRef"], entry["verb"] == "delete"
        kind = KINDS[about["resource"]]
        if entry["verb"] == "deletecollection":
            for item in answer.get("items") or []:
                self._remove(kind, item)
            return
        known = self._stored[kind].get(
            NamespacedName(about.get("namespace", ""), about.get("name", ""))
        )
        if answer.get("kind") == kind:
            self._keep(answer, is_delete=is_delete)
        elif known and answer.get("kind") == "PartialObjectMetadata":
            # The garbage collector knows no more than that of what it changes.
            self._keep({**known, "metadata": answer["metadata"]}, is_delete=is_delete)
        elif known and is_delete and entry["responseStatus"]["code"] < 300:
            self._remove(kind, known)

    def _keep(self, obj: Json, *, is_delete: bool) -> None:
        metadata, kind = obj["metadata"], obj["kind"]
        if kind == "ConfigMap":
            self._versions[metadata["uid"], metadata["resourceVersion"]] = obj
        waits = metadata.get("finalizers") or metadata.get("deletionGracePeriodSeconds")
        if (is_delete or metadata.get("deletionTimestamp")) and not waits:
            self._remove(kind, obj)
            return
        where = NamespacedName(metadata["namespace"], metadata["name"])
        known = self._stored[kind].get(where)
        is_newer = known is None or _version(known) <= _version(obj)
        if is_newer and metadata["uid"] not in self._gone:
            self._stored[kind][where] = obj

    def _remove(self, kind: str, obj: Json) -> None:
        metadata = obj["metadata"]
        self._gone.add(metadata["uid"])
        where = NamespacedName(metadata["namespace"], metadata["name"])
        known = self._stored[kind].get(where)
        if known is not None and known["metadata"]["uid"] == metadata["uid"]:
            del self._stored[kind][where]


def _is_real(entry: Json) -> bool:
    """Whether it is about one of the three kinds, was carried out or refused, and meant so."""
    is_known = entry.get("objectRef", {}).get("resource") in KINDS
    is_first_page = "continue=" not in entry["requestURI"]
    return (
        is_known
        and is_first_page
        and "dryRun=" not in entry["requestURI"]
        and entry["stage"] == "ResponseComplete"
    )


def _version(obj: Json) -> int:
    return int(obj["metadata"]["resourceVersion"])
