"""Decides which answers are evidence: an object of exactly the kind asked for, or a Status.

A load balancer can answer too: with 200 and HTML, with `{}`, or with its own 404
(docs/design/decisions/answers.md).
"""

from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from podcm_sync.cluster.kube.transport import Response
from podcm_sync.doctor.facts import NotChecked
from podcm_sync.errors import NOT_JSON
from podcm_sync.runtime.masking import masker

Json = dict[str, Any]
MAX_MESSAGE = 100
"""Characters of a server's message that a check shows."""


class Typed(Struct, rename="camel"):
    """The type of an object. The fields are None if they are absent or null."""

    api_version: str | None = None
    kind: str | None = None


T = TypeVar("T", bound=Typed)


def content_of(response: Response) -> Json:
    """The JSON object in the answer; empty if the body is anything else."""
    try:
        content = msgspec.json.decode(response.body)
    except NOT_JSON:
        return {}
    return content if isinstance(content, dict) else {}


def answered(
    response: Response | NotChecked, api_version: str, kind: str, shape: type[T]
) -> T | NotChecked:
    """The object of this kind in a successful answer, or why there is none.

    It must have the fields and types of `shape`.
    """
    if isinstance(response, NotChecked):
        return response
    if response.status in {200, 201}:
        try:
            content = msgspec.json.decode(response.body, type=shape)
        except NOT_JSON:
            return unanswered(response, kind)
        if (content.api_version, content.kind) == (api_version, kind):
            return content
    return unanswered(response, kind)


def unanswered(response: Response, what: str) -> NotChecked:
    """Why an answer is no evidence, as a message for people; `what` was expected."""
    if response.status in {200, 201}:
        return NotChecked(why=f"the server answered HTTP {response.status}, but not with a {what}")
    message = masker.mask_message(str(content_of(response).get("message") or ""))[:MAX_MESSAGE]
    suffix = f": {message}" if message else ""
    return NotChecked(why=f"the server answered HTTP {response.status}{suffix}")


def is_refusal(response: Response | NotChecked, *codes: int) -> bool:
    """Whether the answer is an API server's refusal, a v1 Status, with one of these codes."""
    if isinstance(response, NotChecked) or response.status not in codes:
        return False
    content = content_of(response)
    return (content.get("apiVersion"), content.get("kind")) == ("v1", "Status")
