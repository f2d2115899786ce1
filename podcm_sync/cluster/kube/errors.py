"""The API server's refusals as values: `metav1.Status` bodies, told apart by reason and cause.

kubernetes.io/docs/reference/kubernetes-api, `Status`; the three kinds of 403 as seen on 1.37:
a terminating namespace has the cause NamespaceTerminating, quota has no causes and says so in its
message, missing rights have neither.
"""

import re
from typing import Final

import msgspec

from podcm_sync.cluster.kube.answers import Response
from podcm_sync.errors import DecodeError
from podcm_sync.model.changes import Answer, Result
from podcm_sync.model.reasons import Reason
from podcm_sync.runtime.masking import masker

MAX_MESSAGE = 500
MAX_READ = 65_536
"""Bytes that are read of an answer that is no Status, such as a proxy's page."""
_PROTOBUF: Final = b"k8s\x00"
_WEBHOOK: Final = re.compile(r'failed calling webhook "([^"]*)"')
"""kube-apiserver's words in an InternalError (k8s.io/apiserver, admission/plugin/webhook)."""
_TOO_LARGE: Final = re.compile(r"etcdserver: request is too large|message larger than max")
"""What etcd, and the connection to it, say of an object that they do not take, in a 500."""
_QUOTA_CONFLICT: Final = re.compile(r'cannot be fulfilled on resourcequotas "')
"""Many creates at once can conflict over their ResourceQuota (a 409 or 500)."""

TRANSIENT: Final = frozenset({429, 500, 502, 503, 504})


class _Cause(msgspec.Struct):
    reason: str = ""


class About(msgspec.Struct):
    """`metav1.StatusDetails`: the object that a Status is about. `kind` is a resource's plural."""

    name: str = ""
    kind: str = ""
    causes: tuple[_Cause, ...] | None = None


class Status(msgspec.Struct, rename="camel"):
    """The parts of a `metav1.Status` that say what went wrong, and with what."""

    api_version: str = ""
    kind: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    details: About | None = None

    @property
    def is_real(self) -> bool:
        """Whether an API server gave it, rather than something that only answers in JSON."""
        return (self.api_version, self.kind) == ("v1", "Status")

    @property
    def about(self) -> About:
        """The object that it is about; without a name if the server gave none."""
        return self.details or About()

    def has_cause(self, reason: str) -> bool:
        """Whether the server names this cause."""
        return any(cause.reason == reason for cause in self.about.causes or ())


_decoder = msgspec.json.Decoder(Status)


def status_of(response: Response) -> Status:
    """The Status of a refusal; proxies and absent APIs answer with other things than JSON."""
    try:
        if response.body.startswith(_PROTOBUF):
            status = _from_protobuf(response.body)
        else:
            status = _decoder.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, DecodeError):
        status = Status(message=response.body[:MAX_READ].decode(errors="replace").strip())
    # Before it is cut: a part of a credential would not be recognized.
    status.message = " ".join(masker.mask_message(status.message).split())[:MAX_MESSAGE]
    return status


def _from_protobuf(body: bytes) -> Status:
    """Of what was asked for as protobuf, which is lists alone; causes are of writes."""
    from podcm_sync.model import protobuf

    reason, message = protobuf.status(body)
    return Status(api_version="v1", kind="Status", reason=reason, message=message)


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


def is_passing(response: Response) -> bool:
    """Whether the same request may succeed a moment later: the server is busy or in trouble."""
    if response.status == 429:
        return True
    return response.status in TRANSIENT and _of_the_object(status_of(response)) is None


def _meaning(code: int, status: Status) -> tuple[Result, Reason]:
    if reason := _of_the_object(status):
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


def _of_the_object(status: Status) -> Reason | None:
    """Why this object alone fails, although the code is a server's error; None if it does not.

    One tenant's webhook or oversized object must neither be repeated nor end a run with exit 5.
    """
    if _QUOTA_CONFLICT.search(status.message):
        return Reason.CONFLICT
    if _WEBHOOK.search(status.message):
        return Reason.WEBHOOK_FAILED
    return Reason.TOO_LARGE if _TOO_LARGE.search(status.message) else None
