"""Refusals become values (§3): three kinds of 403, and answers that aren't JSON."""

import json

import pytest

from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.kube.apierrors import refusal, status_of
from podcm_sync.cluster.kube.transport import Response
from podcm_sync.reconcile.changes import Result


def response(code: int, body: bytes) -> Response:
    return Response(status=code, body=body, retry_after=None)


def status(message: str = "", **details: object) -> bytes:
    return json.dumps({"kind": "Status", "message": message, **details}).encode()


TERMINATING = status(
    'configmaps "x" is forbidden: namespace shop is being terminated',
    reason="Forbidden",
    details={"causes": [{"reason": "NamespaceTerminating", "field": "metadata.namespace"}]},
)
QUOTA = status("configmaps is forbidden: exceeded quota: few, requested: count/configmaps=1")
QUOTA_CONFLICT = status(
    'Operation cannot be fulfilled on resourcequotas "few": the object has been modified',
    details={"name": "few", "kind": "resourcequotas"},
)
RIGHTS = status('configmaps is forbidden: User "u" cannot create resource "configmaps"')


@pytest.mark.parametrize(
    ("code", "body", "result", "reason"),
    [
        (403, TERMINATING, Result.SKIPPED, Reason.NAMESPACE_TERMINATING),
        (403, QUOTA, Result.FAILED, Reason.QUOTA_EXCEEDED),
        (403, RIGHTS, Result.FAILED, Reason.FORBIDDEN),
        (403, status("denied", details={"causes": None}), Result.FAILED, Reason.FORBIDDEN),
        (401, b"", Result.FAILED, Reason.UNAUTHORIZED),
        (409, status("modified"), Result.FAILED, Reason.CONFLICT),
        (409, QUOTA_CONFLICT, Result.FAILED, Reason.CONFLICT),
        (500, QUOTA_CONFLICT, Result.FAILED, Reason.CONFLICT),
        (422, status("invalid"), Result.FAILED, Reason.REJECTED),
        (413, b"too large", Result.FAILED, Reason.TOO_LARGE),
        (520, b"", Result.FAILED, Reason.SERVER_ERROR),
        (429, b"", Result.FAILED, Reason.SERVER_ERROR),
        (500, b"", Result.FAILED, Reason.SERVER_ERROR),
        (503, b"<html>", Result.FAILED, Reason.SERVER_ERROR),
    ],
)
def test_what_a_refused_write_comes_to(
    code: int, body: bytes, result: Result, reason: Reason
) -> None:
    answer = refusal(response(code, body))
    assert (answer.result, answer.reason, answer.code) == (result, reason, code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (status("two\nlines  of it"), "two lines of it"),
        (b"404 page not found\n", "404 page not found"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", "HTTP 500"),
        (b"{}", "HTTP 500"),
        (b"[]", "[]"),
        (b'{"a":' + b"[" * 200_000, '{"a":' + "[" * 495),
        (b'{"details":' * 2_000, ('{"details":' * 50)[:500]),
    ],
)
def test_a_message_is_one_line_whatever_the_server_sent(body: bytes, message: str) -> None:
    """Proxies and absent APIs don't always answer with JSON."""
    assert refusal(response(500, body)).message == message


def test_a_message_is_no_longer_than_anybody_reads() -> None:
    assert len(status_of(response(500, b"x" * 10_000)).message) == 500


def test_a_refusal_in_protobuf_is_read_and_not_quoted() -> None:
    """The bytes are kube-apiserver 1.37's answer to a list of Pods without permission."""
    text = b'pods is forbidden: User "ci"'
    of = b"\n\0\x12\x07Failure\x1a" + bytes([len(text)]) + text + b'"\x09Forbidden0\x93\x03'
    kind = b"\n\x0c\n\x02v1\x12\x06Status"
    body = b"k8s\0" + kind + b"\x12" + bytes([len(of)]) + of + b'\x1a\0"\0'
    decoded = status_of(response(403, body))
    assert (decoded.reason, decoded.message) == ("Forbidden", 'pods is forbidden: User "ci"')
    for broken in (body[:20], b"k8s\0", body.replace(b"Status", b"Statue")):
        assert status_of(response(403, broken)).reason == ""
