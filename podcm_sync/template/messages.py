"""What goes into and comes out of the engine, and the sentences that its answers become."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from podcm_sync.core.rendering import TemplateFinding
from podcm_sync.model.objects import Pod

PATH: Final = "spec.configMapDataTemplate"
MAX_MESSAGE: Final = 500
"""Go repeats what a template says, which can be a megabyte; statuses and terminals want less."""


class Failure(Struct, frozen=True, kw_only=True, rename="camel"):
    """What is wrong with one template, in Go's words.

    Lines count from 1, and columns are the bytes before the place in its line, as Go counts them.
    Both are 0 if Go names no place.
    """

    key: str
    line: int
    column: int
    message: str
    hint: str
    is_too_large: bool


class Answer(Struct, frozen=True, kw_only=True):
    """What the templates make of one Pod: data, or a failure."""

    data: dict[str, str] | None
    failure: Failure | None


_failure: Final[msgspec.json.Decoder[Failure | None]] = msgspec.json.Decoder(Failure | None)
_failures: Final[msgspec.json.Decoder[list[Failure] | None]] = msgspec.json.Decoder(
    list[Failure] | None
)
_answer: Final = msgspec.json.Decoder(Answer)


def decode_failure(answer: bytes) -> Failure | None:
    """An answer of `load`."""
    return _failure.decode(answer)


def decode_failures(answer: bytes) -> list[Failure]:
    """An answer of `lint`."""
    return _failures.decode(answer) or []


def decode_answer(answer: bytes) -> Answer:
    """An answer of `render`."""
    return _answer.decode(answer)


def encode_pod(pod: Pod) -> bytes:
    """What templates see of a Pod (spec.md §4)."""
    root: dict[str, Any] = {
        "name": pod.namespaced_name.name,
        "namespace": pod.namespaced_name.namespace,
        "uid": pod.uid,
        "labels": pod.labels,
        "annotations": pod.annotations,
        "nodeName": pod.node_name,
        "phase": pod.phase,
        "podIP": pod.pod_ip,
        "hostIP": pod.host_ip,
        "serviceAccountName": pod.service_account_name,
        "containers": [
            {"name": container.name, "image": container.image} for container in pod.containers
        ],
        "ownerReferences": [
            {
                "apiVersion": owner.api_version,
                "kind": owner.kind,
                "name": owner.name,
                "uid": owner.uid,
            }
            for owner in pod.owner_references
        ],
    }
    return msgspec.msgpack.encode(root)


def encode_batch(pcmc_name: str, pods: Sequence[bytes]) -> bytes:
    """What `render` takes, from Pods that are encoded already."""
    return msgspec.msgpack.encode(pcmc_name) + b"".join(pods)


def encode_templates(templates: Mapping[str, str]) -> bytes:
    """What `load` takes."""
    return msgspec.json.encode(templates)


def finding(failure: Failure) -> TemplateFinding:
    """A template that fails whatever the Pod, as a finding about the spec."""
    message = f"{_where(failure)}{_shortened(failure.message)}"
    return TemplateFinding(path=path(failure.key), message=message, hint=failure.hint)


def failed(failure: Failure) -> str:
    """A template that failed on a Pod."""
    hint = f" (hint: {failure.hint})" if failure.hint else ""
    return f"{template(failure.key)}: {_where(failure)}{_shortened(failure.message)}{hint}"


def template(key: str) -> str:
    """The template of a key, in a sentence about a Pod."""
    return f"template {json.dumps(key, ensure_ascii=False)}"


def path(key: str) -> str:
    """The path of a key's template in a config."""
    return f"{PATH}[{json.dumps(key, ensure_ascii=False)}]"


def _where(failure: Failure) -> str:
    return f"line {failure.line}, column {failure.column}: " if failure.line else ""


def _shortened(message: str) -> str:
    return message if len(message) <= MAX_MESSAGE else f"{message[: MAX_MESSAGE - 1]}…"
