"""One process that measures: `python -m tests.benchmarks.worker KUBECONFIG ROUNDS WORK...`.

Its works are done in turns, ROUNDS times, so that the machine's moods fall on all of them; each
line it prints is a JSON object. Start-up is not counted: everything is imported, and a connection
is open, before the first work begins.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from podcm_sync.api import decode_protobuf
from podcm_sync.api.content_type import EITHER
from podcm_sync.api.interner import Interner
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.client_config import load
from podcm_sync.cluster.kube.listing import Query
from podcm_sync.cluster.kube.reader import KubeReader, _pods
from podcm_sync.cluster.kube.snapshot_builder import SnapshotBuilder
from podcm_sync.cluster.kube.writer import KubeWriter
from podcm_sync.output.text import text
from podcm_sync.reconcile.report import exit_code, summary
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.runtime import memory
from podcm_sync.sync import Policy, run
from tests.benchmarks import raw
from tests.benchmarks.world import NAMESPACES

Measured = dict[str, Any]
KEPT: list[Interner] = []
"""What a run keeps here, known before the first work begins."""


def main() -> None:
    """Measure and print."""
    kubeconfig, rounds, *names = sys.argv[1:]
    connection = Connection(lambda: load(kubeconfig, None), connections=32, request_timeout=60.0)
    assert connection.get("/readyz", accept="*/*").status == 200
    assert decode_protobuf  # what a run imports late is not this run's start-up either
    memory.tune()
    KEPT.append(interner(KubeReader(connection)))
    for number in range(int(rounds)):
        for name in names:
            cpu = time.process_time()
            started = time.perf_counter()
            result = WORKS[name](connection)
            measured = {
                "work": name,
                "round": number,
                "seconds": time.perf_counter() - started,
                "cpu": time.process_time() - cpu,
                "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                **result,
            }
            print(json.dumps(measured), flush=True)


def download_pods(connection: Connection) -> Measured:
    """The raw download of all Pods."""
    return {"bytes": raw.download(connection, raw.PODS)[1]}


def download_both(connection: Connection) -> Measured:
    """The raw download of the generated ConfigMaps and all Pods."""
    size = raw.download(connection, raw.CONFIG_MAPS, raw.GENERATED)[1]
    return {"bytes": size + raw.download(connection, raw.PODS)[1]}


def interner(reader: KubeReader) -> Interner:
    """What a run keeps of Pods here: all labels, and the annotation that the configs include."""
    return Interner().only_annotations_of(reader.snapshot(Scope(namespaces=("bench-00",))).configs)


def list_pods(connection: Connection) -> Measured:
    """List, decode and reduce all Pods, one page after the other."""
    listed = SnapshotBuilder()
    KubeReader(connection)._list(
        Query(resource=paths.PODS, namespace="", accept=EITHER), _pods(KEPT[0]), listed
    )
    return {"items": len(listed.snapshot(Scope(namespaces=None)).pods)}


def list_pods_apart(connection: Connection) -> Measured:
    """The same as a run does it in 50 namespaces: four at once."""
    listed = SnapshotBuilder()
    names = [f"bench-{number:02}" for number in range(NAMESPACES)]
    KubeReader(connection)._list_pods(names, KEPT[0], listed, is_whole_cluster=False)
    return {"items": len(listed.snapshot(Scope(namespaces=None)).pods)}


def sync(connection: Connection) -> Measured:
    """A whole run, its report included."""
    report = run(
        Scope(namespaces=None),
        KubeReader(connection),
        KubeWriter(connection),
        Policy(),
        now=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )
    text(report)
    counts = summary(report)
    return {
        "code": exit_code(report),
        "created": counts.created,
        "updated": counts.updated,
        "deleted": counts.deleted,
        "unchanged": counts.unchanged,
        "stamped": sum(str(each.result) == "updated" for each in report.statuses),
    }


WORKS: dict[str, Callable[[Connection], Measured]] = {
    "download-pods": download_pods,
    "download-both": download_both,
    "list-pods": list_pods,
    "list-pods-apart": list_pods_apart,
    "sync": sync,
}

if __name__ == "__main__":
    main()
