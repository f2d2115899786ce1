"""What goes in and out of the engine, as JSON, and the sentences that its answers become."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct

from podcm_sync.model.objects import Pod

PATH: Final = "spec.configMapDataTemplate"
MAX_MESSAGE: Final = 500
"""Go repeats what a template says, which can be a megabyte; statuses and terminals want less."""


class Failure(Struct, frozen=True, kw_only=True):
    """What is wrong with one template; line and column are 0 where Go does not say."""

    key: str
    line: int
    column: int
    message: str


class Answer(Struct, frozen=True, kw_only=True):
    """What the templates make of one Pod: data, or a failure."""

    data: dict[str, str] | None
    failure: Failure | None


_failure: Final[msgspec.json.Decoder[Failure | None]] = msgspec.json.Decoder(Failure | None)
_answer: Final = msgspec.json.Decoder(Answer)


def decode_failure(answer: bytes) -> Failure | None:
    """An answer of `load`."""
    return _failure.decode(answer)


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
        "containers": pod.containers,
        "ownerReferences": pod.owner_references,
    }
    return msgspec.json.encode(root)


def encode_batch(pcmc_name: str, pods: list[bytes]) -> bytes:
    """What `render` takes, from Pods that are encoded already."""
    return b'{"configName":%b,"pods":[%b]}' % (msgspec.json.encode(pcmc_name), b",".join(pods))


def encode_templates(templates: Mapping[str, str]) -> bytes:
    """What `load` takes."""
    return msgspec.json.encode(templates)


def finding(failure: Failure) -> str:
    """A template that does not parse, as one of the findings about a spec."""
    return f"{path(failure.key)}: {_where(failure)}{_what(failure)}"


def failed(failure: Failure) -> str:
    """A template that failed on a Pod."""
    return f"{template(failure.key)}: {_where(failure)}{_what(failure)}"


def template(key: str) -> str:
    """The template of a key, in a sentence about a Pod."""
    return f"template {json.dumps(key, ensure_ascii=False)}"


def path(key: str) -> str:
    """Where in a config the template of a key stands."""
    return f"{PATH}[{json.dumps(key, ensure_ascii=False)}]"


def _where(failure: Failure) -> str:
    if not failure.line:
        return ""
    column = f", column {failure.column}" if failure.column else ""
    return f"line {failure.line}{column}: "


def _what(failure: Failure) -> str:
    """Go's own words, without the beginning that names template and position once more."""
    prefix = f"template: configMapDataTemplate/{failure.key}:"
    said = failure.message
    if said.startswith(prefix):
        said = said.removeprefix(prefix).lstrip("0123456789:").removeprefix(" ")
    return said if len(said) <= MAX_MESSAGE else f"{said[: MAX_MESSAGE - 1]}…"
