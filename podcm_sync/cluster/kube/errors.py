"""The API server's refusals as values: `metav1.Status` bodies, told apart by reason and cause.

kubernetes.io/docs/reference/kubernetes-api, `Status`; the three kinds of 403 as seen on 1.37:
a terminating namespace has the cause NamespaceTerminating, quota has no causes and says so in its
message, missing rights have neither.
"""

from typing import Final

import msgspec

from podcm_sync.cluster.kube.answers import Response
from podcm_sync.errors import DecodeError
from podcm_sync.model.changes import Answer, Result
from podcm_sync.model.reasons import Reason

MAX_MESSAGE = 500
_PROTOBUF: Final = b"k8s\x00"


class _Cause(msgspec.Struct):
    reason: str = ""


class _Details(msgspec.Struct):
    causes: tuple[_Cause, ...] | None = None


class Status(msgspec.Struct):
    """The parts of a `metav1.Status` that say what went wrong."""

    reason: str = ""
    message: str = ""
    details: _Details | None = None

    def has_cause(self, reason: str) -> bool:
        """Whether the server names this cause."""
        causes = (self.details and self.details.causes) or ()
        return any(cause.reason == reason for cause in causes)


_decoder = msgspec.json.Decoder(Status)


def status_of(response: Response) -> Status:
    """The Status of a refusal; proxies and absent APIs answer with other things than JSON."""
    try:
        if response.body.startswith(_PROTOBUF):
            status = _from_protobuf(response.body)
        else:
            status = _decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, DecodeError):
        status = Status(message=response.body[:MAX_MESSAGE].decode(errors="replace").strip())
    status.message = " ".join(status.message.split())[:MAX_MESSAGE]
    return status


def _from_protobuf(body: bytes) -> Status:
    """Of what was asked for as protobuf, which is lists alone; causes are of writes."""
    from podcm_sync.model import protobuf

    reason, message = protobuf.status(body)
    return Status(reason=reason, message=message)


def refusal(response: Response) -> Answer:
    """What a refused write comes to."""
    status = status_of(response)
    result, reason = _meaning(response.status, status)
    return Answer(
        result=result,
        reason=reason,
        code=response.status,
        message=status.message or f"HTTP {response.status}",
    )


def _meaning(code: int, status: Status) -> tuple[Result, Reason]:
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
        case 429 | 500 | 502 | 503 | 504:
            return Result.FAILED, Reason.SERVER_ERROR
        case _:
            return Result.FAILED, Reason.REJECTED
