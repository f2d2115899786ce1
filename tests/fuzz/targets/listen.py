"""Any bytes as a request to `--listen`: one answer of few forms or none, and nothing is raised."""

import re
import socket

from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.health import Health
from podcm_sync.metrics.listen import MAX_HEAD_BYTES, Listener, _Exchange
from podcm_sync.metrics.scope import MetricScope

EXPOSITION = Exposition(MetricScope(label="all"))
LISTENER = Listener("127.0.0.1", 0, EXPOSITION, Health(interval=60.0, deadline=None))
STATUSES = {200, 400, 404, 405, 414, 431, 501, 503, 505}
FIELD = re.compile(
    r"(Server: podcm-sync|Date: [\w, :]+ GMT|Content-Type: [\w/;=., -]+|Content-Length: \d+"
    r"|Connection: close|Allow: GET, HEAD)"
)


def test_one_input(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        # Without its thread, in which an error would be only logged.
        _Exchange(ours, ("127.0.0.1", 1), LISTENER._server)
        ours.close()
        answer = b"".join(iter(lambda: theirs.recv(1 << 16), b""))
    if answer:
        assert b"\r\n\r\n" in data[: MAX_HEAD_BYTES + 4_096]
        _check(answer)


def _check(answer: bytes) -> None:
    """One head of our own words, and then the body that it announces."""
    assert answer.startswith(b"HTTP/1.0 ")
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.decode("ascii").split("\r\n")
    assert int(first.split(" ")[1]) in STATUSES
    assert all(FIELD.fullmatch(field) for field in fields), fields
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length
    assert len(body) in {0, int(length[1])}
