"""Which answers count: an object of the kind and name asked for, or a `v1` Status; nothing else.

Proxies and load balancers answer in the API server's place, with its status codes and texts of
their own. Whatever is not an answer of the API server is a lost answer, to be repeated or settled
by a look.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from podcm_sync.cluster.kube.answers import NoAnswerError, Response
from podcm_sync.cluster.kube.errors import About, status_of
from podcm_sync.errors import DecodeError
from podcm_sync.model.meta import NamespacedName
from podcm_sync.model.objects import ConfigMap, PodConfigMapConfig

SUCCESSES: Final = frozenset({200, 201, 202})
BELIEVED: Final = frozenset({401, 413, 429})
"""Refusals that count from any sender, since none of them was carried out. The API server's own
filters answer 429 in plain text, and gateways refuse credentials and large bodies in their way."""
NAMED: Final = frozenset({404, 409})
"""Refusals that must be about the very object, or its namespace: they decide what exists."""

Named = TypeVar("Named", ConfigMap, PodConfigMapConfig)


class Subject(Struct, frozen=True, kw_only=True):
    """What a request is about. `resource` is the plural, as `details.kind` of a Status has it."""

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
    """The answer itself, if it is the API server's and about the subject.

    A success brings the object; that of a delete may also be a Status about it. Raises
    NoAnswerError for any other, since whether the request was carried out is not known.
    """
    if response.status in SUCCESSES:
        is_about = _is_object(response, subject) or (
            is_delete and _is_success_about(response, subject)
        )
    elif response.status in BELIEVED:
        is_about = True
    else:
        status = status_of(response)
        is_about = status.is_real and (
            response.status not in NAMED
            or _names(status.about, subject)
            # The namespace's quota was in conflict, so nothing was carried out.
            or (response.status == 409 and status.about.kind == "resourcequotas")
        )
    if not is_about:
        raise NoAnswerError(
            f"HTTP {response.status}, but not by the API server or not about {subject}",
            is_sent=True,
        )
    return response


def _is_object(response: Response, subject: Subject) -> bool:
    """Whether the body is the subject itself."""
    try:
        found = _object.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    metadata = found.metadata or _Metadata()
    return (found.api_version, found.kind) == (subject.api_version, subject.kind) and (
        metadata.namespace,
        metadata.name,
    ) == subject.namespaced_name


def decoded(response: Response, decode: Callable[[bytes], Named]) -> Named:
    """The object of a verified success. Raises NoAnswerError if it does not decode."""
    try:
        return decode(response.body)
    except DecodeError as error:
        raise NoAnswerError(f"the answer does not decode: {error}", is_sent=True) from error


def is_namespace_gone(response: Response, subject: Subject) -> bool:
    """Whether a 404 says that the subject's namespace does not exist."""
    about = status_of(response).about
    return about.kind == "namespaces" and about.name == subject.namespaced_name.namespace


def _is_success_about(response: Response, subject: Subject) -> bool:
    """Whether the body is a Status of success about the subject, as for a DELETE."""
    status = status_of(response)
    is_success = status.is_real and status.status == "Success"
    return is_success and status.about.name == subject.namespaced_name.name


def _names(about: About, subject: Subject) -> bool:
    """Whether a refusal is about the subject, or about its namespace."""
    namespace, name = subject.namespaced_name
    if about.kind == "namespaces":
        return about.name == namespace
    return about.name == name and about.kind in {"", subject.resource}
