"""Decides which answers count: the object that was requested, or a `v1` Status about it.

Proxies and load balancers answer in the API server's place, with its status codes and bodies of
their own. An answer that the API server didn't give is a lost answer. The caller repeats the
request, or looks at the object (docs/design/decisions/answers.md).
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import ConfigMap, Pod, PodConfigMapConfig
from podcm_sync.cluster.kube.apierrors import StatusDetails, status_of
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.errors import NOT_JSON, DecodeError

SUCCESSES: Final = frozenset({200, 201, 202})
REFUSALS_WITH_ANY_BODY: Final = frozenset({401, 413, 429})
"""Refusals that count from any sender, because no such request was carried out. The API server
answers 429 in plain text, and gateways have bodies of their own for 401 and 413."""
REFUSALS_WITH_A_NAME: Final = frozenset({404, 409})
"""Refusals that must name the object or its namespace, because they decide what exists."""

Named = TypeVar("Named", Pod, ConfigMap, PodConfigMapConfig)


class Subject(Struct, frozen=True, kw_only=True):
    """The object of a request. `resource` is the plural that `details.kind` of a Status has."""

    api_version: str
    kind: str
    resource: str
    namespaced_name: NamespacedName

    def __str__(self) -> str:
        return f"{self.kind} {self.namespaced_name}"


class _Metadata(Struct):
    name: str = ""
    namespace: str = ""
    uid: str = ""


class _Object(Struct, rename="camel"):
    api_version: str = ""
    kind: str = ""
    metadata: _Metadata | None = None


_object: Final = msgspec.json.Decoder(_Object)


def verified(response: Response, subject: Subject, *, is_delete: bool = False) -> Response:
    """The answer itself, if the API server gave it and it is about the subject.

    A success must bring the object; the success of a delete can also be a Status about it. Raises
    TransportError for any other answer: nobody knows whether the request was carried out.
    """
    if response.status in SUCCESSES:
        is_about = _is_object(response, subject) or (
            is_delete and _is_success_about(response, subject)
        )
    elif response.status in REFUSALS_WITH_ANY_BODY:
        is_about = True
    else:
        status = status_of(response)
        is_about = status.is_v1_status and (
            response.status not in REFUSALS_WITH_A_NAME
            or _names(status.about, subject)
            # Many creates at once conflict over the namespace's quota. Nothing was carried out.
            or (response.status == 409 and status.about.kind == "resourcequotas")
        )
    if not is_about:
        raise TransportError(
            f"HTTP {response.status}, but not from the API server, or not about {subject}",
            is_sent=True,
        )
    return response


def _is_object(response: Response, subject: Subject) -> bool:
    """Whether the body is the subject, by kind and name."""
    try:
        body = _object.decode(response.body)
    except NOT_JSON:
        return False
    metadata = body.metadata or _Metadata()
    return (body.api_version, body.kind) == (subject.api_version, subject.kind) and (
        metadata.namespace,
        metadata.name,
    ) == subject.namespaced_name


def decoded(response: Response, decode: Callable[[bytes], Named]) -> Named:
    """The object of a verified success. Raises TransportError if it doesn't decode."""
    try:
        return decode(response.body)
    except DecodeError as error:
        raise TransportError(f"the answer can't be decoded: {error}", is_sent=True) from error


def is_namespace_gone(response: Response, subject: Subject) -> bool:
    """Whether a 404 means that the subject's namespace doesn't exist."""
    about = status_of(response).about
    return about.kind == "namespaces" and about.name == subject.namespaced_name.namespace


def _is_success_about(response: Response, subject: Subject) -> bool:
    """Whether the body is a Status of success about the subject, as a DELETE can answer."""
    status = status_of(response)
    is_success = status.is_v1_status and status.status == "Success"
    return is_success and status.about.name == subject.namespaced_name.name


def _names(about: StatusDetails, subject: Subject) -> bool:
    """Whether a refusal is about the subject or its namespace."""
    namespace, name = subject.namespaced_name
    if about.kind == "namespaces":
        return about.name == namespace
    return about.name == name and about.kind in {"", subject.resource}
