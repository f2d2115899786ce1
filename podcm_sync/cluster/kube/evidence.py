"""Which answers say something about a cluster: an object of the very kind asked for, or a Status.

A load balancer answers too, with 200 and HTML, with `{}`, or with a 404 of its own.
"""

from typing import Any

import msgspec

from podcm_sync.cluster.kube.answers import Response
from podcm_sync.core.doctor.facts import NotChecked
from podcm_sync.runtime.masking import masker

Json = dict[str, Any]
MAX_MESSAGE = 100


def content_of(response: Response) -> Json:
    """The JSON object in an answer; empty if there is none."""
    try:
        content = msgspec.json.decode(response.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def answered(response: Response | NotChecked, api_version: str, kind: str) -> Json | NotChecked:
    """The object of that kind which a successful answer holds, or why nothing is known."""
    if isinstance(response, NotChecked):
        return response
    if response.status in {200, 201}:
        content = content_of(response)
        if (content.get("apiVersion"), content.get("kind")) == (api_version, kind):
            return content
    return unanswered(response, kind)


def unanswered(response: Response, what: str) -> NotChecked:
    """Why an answer says nothing, for people."""
    if response.status in {200, 201}:
        return NotChecked(why=f"the server answered HTTP {response.status}, but not with a {what}")
    message = masker.mask_message(str(content_of(response).get("message") or ""))[:MAX_MESSAGE]
    said = f": {message}" if message else ""
    return NotChecked(why=f"the server answered HTTP {response.status}{said}")


def is_refusal(response: Response | NotChecked, *codes: int) -> bool:
    """Whether it is an API server's own refusal with one of these codes: a v1 Status."""
    if isinstance(response, NotChecked) or response.status not in codes:
        return False
    content = content_of(response)
    return (content.get("apiVersion"), content.get("kind")) == ("v1", "Status")
