"""What a fault proxy answers by itself, and what it changes in the API server's answers.

The API server itself answers 429 with plain text, and an API that it doesn't serve with the plain
text `404 page not found`. Every other refusal of its own is a `metav1.Status`.
"""

import json
import re
from dataclasses import replace
from typing import Any

from tests.chaos.rules import Fault, Observed, Reply, Rule
from tests.speed.encode import envelope

Json = dict[str, Any]

JSON = {"Content-Type": "application/json"}
PROTOBUF = {"Content-Type": "application/vnd.kubernetes.protobuf"}
PAGE = b"<!doctype html><html><body><h1>Please sign in</h1></body></html>"
REASONS = {401: "Unauthorized", 410: "Expired"}
PLURALS = {"ConfigMapList": "configmaps", "PodList": "pods", "NodeList": "nodes"}
WEBHOOK = (
    'failed calling webhook "w.example.com": failed to call webhook: Post '
    '"https://policy.example.svc:443/validate?timeout=10s": dial tcp 10.0.0.9:443: connect: '
    "connection refused"
)
_WRONG_KINDS: dict[str, Json] = {
    "an empty object": {},
    "an error": {"error": "upstream unavailable"},
    "items alone": {"items": []},
    "a Status of success": {"kind": "Status", "apiVersion": "v1", "status": "Success"},
    "a Status of failure": {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the server is currently unable to handle the request",
        "reason": "ServiceUnavailable",
        "code": 503,
    },
    **{
        f"a {kind}": {
            "kind": kind,
            "apiVersion": "v1",
            "metadata": {"resourceVersion": "4711"},
            "items": [],
        }
        for kind in PLURALS
    },
}
# A list without items, with only a resourceVersion.
_EMPTY_LIST = b"\x0a\x06\x12\x044711"
WRONG_KINDS = {
    **{name: Reply(200, json.dumps(body).encode(), JSON) for name, body in _WRONG_KINDS.items()},
    "a NodeList in protobuf": Reply(200, envelope("NodeList", _EMPTY_LIST), PROTOBUF),
    "a Status in protobuf": Reply(200, envelope("Status", b""), PROTOBUF),
    "a list without kind in protobuf": Reply(200, envelope("", _EMPTY_LIST), PROTOBUF),
}
"""Valid answers to another question than any of podcm-sync's, by what they are.

Only a list of Pods or ConfigMaps is right for those who ask for that one.
"""


def wrong_kinds(request: Observed) -> list[Reply]:
    """Those of the wrong answers that this request accepts and that don't answer it."""
    accepted = request.headers.get("accept", "")
    code = 201 if request.method == "POST" else 200
    return [
        replace(reply, status=code)
        for name, reply in WRONG_KINDS.items()
        if reply.headers["Content-Type"] in accepted
        and PLURALS.get(name.removeprefix("a ")) != request.name
    ]


def own_reply(rule: Rule, request: Observed) -> Reply:
    """The proxy's own answer to a request, as the rule's fault wants it."""
    success = 201 if request.method == "POST" else 200
    match rule.fault:
        case Fault.HTML:
            return Reply(rule.status, PAGE, {"Content-Type": "text/html"})
        case Fault.EMPTY:
            return Reply(success, b"", JSON)
        case Fault.BALANCER:
            return _of_a_balancer(rule.status)
        case Fault.WRONG_KIND:
            return rule.choice(wrong_kinds(request))
        case Fault.OTHER_OBJECT:
            return rule.choice(_about_another(request, success))
        case Fault.WEBHOOK:
            message = f"Internal error occurred: {WEBHOOK}"
            details = {"causes": [{"message": WEBHOOK}]}
            return _refused(500, message, "InternalError", details)
        case _:
            return _answered(rule, request)


def flipped(rule: Rule, reply: Reply) -> Reply:
    """The reply with one byte changed of what the rule's pattern matches, to one that is no UTF-8.

    A byte that becomes another ASCII letter would make another valid object, which nobody can tell
    from a true one.
    """
    matches = re.finditer(rule.pattern, reply.body)
    places = [place for match in matches for place in range(*match.span())]
    if not places:
        return reply
    place, byte = rule.choice(
        [(place, byte) for place in places for byte in (reply.body[place] | 0x80, 0xFF)]
    )
    body = reply.body[:place] + bytes([byte]) + reply.body[place + 1 :]
    return replace(reply, body=body)


def of_another_state(reply: Reply) -> Reply:
    """The page with another resourceVersion of its list, in JSON or in protobuf."""
    if reply.headers["Content-Type"] == JSON["Content-Type"]:
        page = json.loads(reply.body)
        version = page["metadata"]["resourceVersion"]
        page["metadata"]["resourceVersion"] = _next(version.encode()).decode()
        return replace(reply, body=json.dumps(page).encode())
    # The list's own metadata are before its items, and selfLink is always written.
    pattern = rb"(?s)(\n\x00\x12.)(\d+)"
    body = re.sub(pattern, lambda match: match[1] + _next(match[2]), reply.body, count=1)
    return replace(reply, body=body)


def with_items_of(first: Reply, reply: Reply) -> Reply:
    """A page with another page's items and its own token; both are JSON."""
    page = json.loads(reply.body) | {"items": json.loads(first.body)["items"]}
    return replace(reply, body=json.dumps(page).encode())


def _next(digits: bytes) -> bytes:
    """Another number with as many digits."""
    return digits[:-1] + (b"1" if digits.endswith(b"0") else b"0")


def _answered(rule: Rule, request: Observed) -> Reply:
    """The rule's own body, or a refusal as the API server, or for 502 and 504 a balancer, gives."""
    after = {} if rule.retry_after is None else {"Retry-After": str(rule.retry_after)}
    if rule.body is not None:
        return Reply(rule.status, rule.body, {"Content-Type": rule.content_type, **after})
    if rule.status in {502, 504}:
        return Reply(rule.status, b"<html>a load balancer's page</html>", after)
    if rule.status == 429:
        text = b"Too many requests, please try again later.\n"
        return Reply(429, text, {"Content-Type": "text/plain; charset=utf-8", **after})
    if rule.status == 409 and request.method != "GET":
        return _conflict(request)
    reply = _refused(rule.status, f"a fault: {rule.status}", REASONS.get(rule.status), {})
    if rule.status == 410:
        # What must never be used: it would mix two states of the list.
        body = json.loads(reply.body) | {"metadata": {"continue": "an-inconsistent-token"}}
        reply = replace(reply, body=json.dumps(body).encode())
    return replace(reply, headers={**reply.headers, **after})


def _conflict(request: Observed) -> Reply:
    """As the API server words it, with the object that it is about."""
    name = request.object_name
    kind = "podconfigmapconfigs" if request.path.endswith("/status") else "configmaps"
    details = {"name": name, "kind": kind}
    if request.method == "POST":
        return _refused(409, f'{kind} "{name}" already exists', "AlreadyExists", details)
    message = (
        f'Operation cannot be fulfilled on {kind} "{name}": the object has been modified; please '
        "apply your changes to the latest version and try again"
    )
    return _refused(409, message, "Conflict", details)


def _refused(code: int, message: str, reason: str | None, details: Json) -> Reply:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or "InternalError",
        **({"details": details} if details else {}),
        "code": code,
    }
    return Reply(code, json.dumps(body).encode(), JSON)


def _of_a_balancer(code: int) -> Reply:
    """Nginx's 404, 499 and 502, and Cloudflare's 52x: a page or a line, and no Status."""
    if code == 404:
        return Reply(404, b"404 page not found\n", {"Content-Type": "text/plain"})
    text = f"<html><head><title>{code}</title></head><body>error code: {code}</body></html>"
    return Reply(code, text.encode(), {"Content-Type": "text/html"})


def _about_another(request: Observed, success: int) -> list[Reply]:
    """Answers that name another object: a success, and refusals that can mean one."""
    other = {"name": "pod-another-from-another-cfg", "kind": "configmaps", "uid": "0-0"}
    config_map = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {
            "name": other["name"],
            "namespace": "another",
            "uid": "0-0",
            "resourceVersion": "4711",
        },
        "data": {},
    }
    done = {"kind": "Status", "apiVersion": "v1", "status": "Success", "details": other}
    answer = done if request.method == "DELETE" else config_map
    return [
        Reply(success, json.dumps(answer).encode(), JSON),
        _refused(404, 'configmaps "another" not found', "NotFound", other),
        _refused(409, 'configmaps "another" already exists', "AlreadyExists", other),
    ]
