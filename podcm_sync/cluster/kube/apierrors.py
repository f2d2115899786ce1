"""The API server's refusals as values, from `metav1.Status` bodies.

kubernetes.io/docs/reference/kubernetes-api describes `Status`. It has one reason for three kinds of
403. Kubernetes 1.37 tells them apart in this way:

- a terminating namespace: the cause NamespaceTerminating;
- an exceeded quota: no cause, and "exceeded quota:" in the message;
- a missing permission: neither.
"""

import re
from typing import Final

import msgspec

from podcm_sync.api.finding import quote
from podcm_sync.api.reasons import Reason
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.errors import NOT_JSON, DecodeError
from podcm_sync.reconcile.changes import Answer, Result
from podcm_sync.runtime.masking import masker

MAX_MESSAGE = 500
"""The most characters of a server's message to keep."""
MAX_READ = 65_536
"""The most bytes to read of an answer that isn't a Status, such as a proxy's page."""
_PROTOBUF: Final = b"k8s\x00"
_WEBHOOK: Final = re.compile(r'failed calling webhook "([^"]*)"')
"""The text of kube-apiserver in an InternalError (k8s.io/apiserver, admission/plugin/webhook)."""
_TOO_LARGE: Final = re.compile(r"etcdserver: request is too large|message larger than max")
"""The texts of etcd and of the connection to it, in a 500, if an object is too large."""
_QUOTA_CONFLICT: Final = re.compile(r'cannot be fulfilled on resourcequotas "')
"""The text of a 409 or 500 if many creates at once conflict over their ResourceQuota."""

TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})
"""The HTTP codes of failures that can pass, unless `_object_failure` knows better."""


class _Cause(msgspec.Struct):
    reason: str = ""


class StatusDetails(msgspec.Struct):
    """`metav1.StatusDetails`: the object of a Status. `kind` is the plural name of a resource."""

    name: str = ""
    kind: str = ""
    causes: tuple[_Cause, ...] | None = None


class Status(msgspec.Struct, rename="camel"):
    """The parts of a `metav1.Status` that tell the failure and its object."""

    api_version: str = ""
    kind: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    details: StatusDetails | None = None

    @property
    def is_v1_status(self) -> bool:
        """Whether it is a `v1` Status. A proxy can answer with other JSON, or with none."""
        return (self.api_version, self.kind) == ("v1", "Status")

    @property
    def about(self) -> StatusDetails:
        """The details; empty if the server gave none."""
        return self.details or StatusDetails()

    def has_cause(self, reason: str) -> bool:
        """Whether the details have a cause with this reason."""
        return any(cause.reason == reason for cause in self.about.causes or ())


_decoder = msgspec.json.Decoder(Status)


def status_of(response: Response) -> Status:
    """The Status of a refusal, its message in one line, masked and cut.

    Proxies and absent APIs answer with other things. Their body becomes the message.
    """
    try:
        if response.body.startswith(_PROTOBUF):
            status = _from_protobuf(response.body)
        else:
            status = _decoder.decode(response.body)
    except (*NOT_JSON, DecodeError):
        status = Status(message=response.body[:MAX_READ].decode(errors="replace").strip())
    status.message = in_one_line(status.message)
    return status


def in_one_line(text: str) -> str:
    """A text of a server in one line, masked and cut to MAX_MESSAGE characters."""
    # Mask before the cut: the masker would not recognize a part of a credential.
    return " ".join(masker.mask_message(text).split())[:MAX_MESSAGE]


def _from_protobuf(body: bytes) -> Status:
    """A Status without details: only lists come as protobuf, and only writes need causes."""
    from podcm_sync.api import decode_protobuf

    reason, message = decode_protobuf.status(body)
    return Status(api_version="v1", kind="Status", reason=reason, message=message)


def refusal(response: Response) -> Answer:
    """The answer to a write that the server refused."""
    status = status_of(response)
    result, reason = _classify(response.status, status)
    return Answer(
        result=result,
        reason=reason,
        code=response.status,
        message=status.message or f"HTTP {response.status}",
        quoted=quote(status.message, f"HTTP {response.status}"),
    )


def is_transient(response: Response) -> bool:
    """Whether the same request can succeed later, because the server is busy or in trouble."""
    if response.status == 429:
        return True
    return response.status in TRANSIENT and _object_failure(status_of(response)) is None


def _classify(code: int, status: Status) -> tuple[Result, Reason]:
    if reason := _object_failure(status):
        return Result.FAILED, reason
    match code:
        case 401:
            return Result.FAILED, Reason.UNAUTHORIZED
        case 403 if status.has_cause("NamespaceTerminating"):
            return Result.SKIPPED, Reason.NAMESPACE_TERMINATING
        case 403 if "exceeded quota:" in status.message:
            return Result.FAILED, Reason.QUOTA_EXCEEDED
        case 403:
            return Result.FAILED, Reason.FORBIDDEN
        case 409:
            return Result.FAILED, Reason.CONFLICT
        case 413:
            return Result.FAILED, Reason.TOO_LARGE
        case 429:
            return Result.FAILED, Reason.SERVER_ERROR
        case _ if code >= 500:
            return Result.FAILED, Reason.SERVER_ERROR
        case _:
            return Result.FAILED, Reason.REJECTED


def _object_failure(status: Status) -> Reason | None:
    """Why only this object fails although the code is a server error; None if the server fails.

    podcm-sync must not repeat such a write, and it must not end the run with exit 5: one tenant's
    webhook or oversized object would hold up all others (docs/design/decisions/answers.md).
    """
    if _QUOTA_CONFLICT.search(status.message):
        return Reason.CONFLICT
    if _WEBHOOK.search(status.message):
        return Reason.WEBHOOK_FAILED
    return Reason.TOO_LARGE if _TOO_LARGE.search(status.message) else None


def conflict_if_gone(response: Response) -> Answer:
    """The answer to a refused patch. A 404 is a conflict: the next pass decides again."""
    if response.status == 404:
        return conflict("it was deleted meanwhile", code=404)
    return refusal(response)


def conflict(message: str, code: int | None = None) -> Answer:
    """The answer for an object that isn't the version that was read."""
    return Answer(result=Result.FAILED, reason=Reason.CONFLICT, code=code, message=message)


def lost(error: TransportError) -> Answer:
    """The answer for a write without an answer."""
    return Answer(result=Result.FAILED, reason=Reason.UNREACHABLE, message=f"no answer: {error}")


def unknown(done: str, error: TransportError) -> Answer:
    """The answer for a write without an answer, after which a look failed too."""
    return Answer(
        result=Result.FAILED,
        reason=Reason.UNREACHABLE,
        message=f"it is unknown whether it was {done}: {error}",
    )
