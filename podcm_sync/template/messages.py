"""Encodes the engine's inputs, decodes its answers, and puts them into sentences."""

import json
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct, structs

from podcm_sync.api.finding import Finding, quote
from podcm_sync.api.objects import Pod
from podcm_sync.api.template_fields import TEMPLATE_FIELDS
from podcm_sync.template.instance import StoppedError

PATH: Final = "spec.configMapDataTemplate"
MAX_MESSAGE: Final = 500
"""The most characters of Go's text to keep. It repeats parts of a template, which can be large."""


class Failure(Struct, frozen=True, kw_only=True, rename="camel"):
    """The error of one template, with Go's text.

    `line` counts from 1. `column` is the number of bytes before the place in its line, as Go
    counts. Both are 0 if Go names no place.
    """

    key: str
    line: int
    column: int
    message: str
    hint: str
    called: str
    """The function whose call failed; "" if it wasn't a call."""
    is_too_large: bool


class Answer(Struct, frozen=True, kw_only=True):
    """The result of the templates for one Pod: data or a failure."""

    data: dict[str, str] | None
    failure: Failure | None


_failure: Final[msgspec.json.Decoder[Failure | None]] = msgspec.json.Decoder(Failure | None)
_failures: Final[msgspec.json.Decoder[list[Failure] | None]] = msgspec.json.Decoder(
    list[Failure] | None
)
_answer: Final = msgspec.json.Decoder(Answer)


def decode_failure(answer: bytes) -> Failure | None:
    """The answer of `load` for one key: None if the template parses."""
    return _failure.decode(answer)


def decode_failures(answer: bytes) -> list[Failure]:
    """The answer of `lint` for one template."""
    return _failures.decode(answer) or []


def decode_answer(answer: bytes) -> Answer:
    """The answer of `render` for one Pod."""
    return _answer.decode(answer)


def encode_pod(pod: Pod) -> bytes:
    """The root that templates see of a Pod (§4): a MessagePack map, `template_fields` included."""
    root = {
        "name": pod.namespaced_name.name,
        "namespace": pod.namespaced_name.namespace,
        "uid": pod.uid,
        "labels": pod.labels,
        "annotations": pod.annotations,
        "nodeName": pod.node_name,
        "phase": pod.phase,
    }
    count = len(root) + len(TEMPLATE_FIELDS)
    # Two small maps have heads of one byte. Without these, and with the head of a longer map
    # (`map 16`) in front, they are one map.
    head = b"\xde" + count.to_bytes(2, "big")
    return head + msgspec.msgpack.encode(root)[1:] + pod.template_fields[1:]


def encode_batch(pcmc_name: str, pods: Sequence[bytes]) -> bytes:
    """The input of `render` for encoded Pods."""
    return msgspec.msgpack.encode(pcmc_name) + b"".join(pods)


def encode_templates(templates: Mapping[str, str]) -> bytes:
    """The input of `load`."""
    return msgspec.json.encode(templates)


def finding(failure: Failure) -> Finding:
    """A Finding about the spec, for a template that fails on every Pod."""
    return structs.replace(_finding(failure), path=path(failure.key))


def failed(failure: Failure) -> Finding:
    """A Finding about a Pod, for a template that failed on it."""
    return structs.replace(_finding(failure), path=template(failure.key))


def stopped(error: StoppedError) -> Finding:
    """A Finding for a template that a limit stopped, without a path."""
    return Finding(path="", message=str(error), quoted=quote(error.last_words))


def _finding(failure: Failure) -> Finding:
    place = f"line {failure.line}, column {failure.column}: " if failure.line else ""
    text = _shortened(failure.message)
    called = f"error calling {failure.called}" if failure.called else ""
    return Finding(
        path="",
        message=f"{place}{text}",
        hint=failure.hint,
        quoted=() if failure.is_too_large else quote(text, called),
        line=failure.line,
        column=failure.column,
    )


def template(key: str) -> str:
    """The name of a key's template in a sentence about a Pod."""
    return f"template {json.dumps(key, ensure_ascii=False)}"


def path(key: str) -> str:
    """The path of a key's template in its config."""
    return f"{PATH}[{json.dumps(key, ensure_ascii=False)}]"


def _shortened(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"
