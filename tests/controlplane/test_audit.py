"""The audit log's reader, on a log that the API server is writing."""

import json
from pathlib import Path

from .audit import Audit


def _line(name: str) -> bytes:
    entry = {
        "auditID": name,
        "verb": "delete",
        "objectRef": {"name": name},
        "user": {},
        "requestURI": "/",
        "requestReceivedTimestamp": "",
        "stageTimestamp": "",
    }
    return json.dumps(entry).encode() + b"\n"


def test_a_mark_inside_of_an_event_leaves_that_event_out(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    first, second = _line("first"), _line("second")
    for size in range(len(first) + 1):
        log.write_bytes(first[:size])
        mark = Audit(log).mark()
        log.write_bytes(first + second + first[:9])
        names = [event.name for event in Audit(log).since(mark)]
        assert names == (["second"] if mark else ["first", "second"])
