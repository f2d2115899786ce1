"""Finds what is wrong with templates before a run does: for `validate`, key by key.

Without Pods only what no Pod can cure is a finding. Each template is rendered on a sample Pod, but
an error there proves little: a label that the sample doesn't have may be on every real Pod.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from podcm_sync.core import bounds
from podcm_sync.core.rendering import Request, TemplateFinding
from podcm_sync.core.validate import MAX_ITEMS, MAX_TEMPLATE
from podcm_sync.errors import InputError
from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import Container, Pod
from podcm_sync.template import messages
from podcm_sync.template.instance import Instance, StoppedError, UnavailableError
from podcm_sync.template.job import PARSE_FUEL
from podcm_sync.template.sandbox import Sandbox, machine

SAMPLE: Final = Pod(
    namespaced_name=NamespacedName("sample", "sample-0"),
    uid="00000000-0000-4000-8000-000000000000",
    labels={"app": "sample", "app.kubernetes.io/name": "sample"},
    annotations={"example.com/sample": "sample"},
    node_name="node-a",
    phase="Running",
    terminating=False,
    pod_ip="192.0.2.1",
    host_ip="192.0.2.2",
    service_account_name="default",
    containers=(Container(name="sample", image="registry.example.com/sample:1"),),
    owner_references=(
        OwnerReference(api_version="apps/v1", kind="StatefulSet", name="sample", uid="sample"),
    ),
)
_CERTAIN: Final = re.compile(r": wrong number of args for \w+: want (?:at least )?\d+ got \d+$")
"""What is wrong on the sample Pod and cannot be right on another one."""


def findings(
    name: NamespacedName, templates: Mapping[str, str], pods: Sequence[Pod]
) -> Iterator[TemplateFinding]:
    """What fails whatever the Pod, and what fails on these Pods, the keys in their order.

    Sources over the CRD's bounds are left out: they are findings of their own. Raises InputError if
    the engine cannot start here.
    """
    try:
        yield from _findings(name, templates, pods)
    except UnavailableError as error:
        raise InputError(
            f"templates cannot be checked: the engine cannot start: {error}"
        ) from error


def _findings(
    name: NamespacedName, templates: Mapping[str, str], pods: Sequence[Pod]
) -> Iterator[TemplateFinding]:
    checkable = {key: text for key, text in templates.items() if len(text) <= MAX_TEMPLATE}
    for key in sorted(checkable)[:MAX_ITEMS]:
        always = list(_always(key, checkable[key]))
        yield from always
        for finding in _on_pods(name, key, checkable[key], pods) if pods else ():
            if not any(known.message in finding.message for known in always):
                yield finding


def _always(key: str, source: str) -> Iterator[TemplateFinding]:
    """What no Pod can cure."""
    instance = Instance(machine())
    try:
        with machine().ticking():
            (parsed,) = instance.answers(
                "load", messages.encode_templates({key: source}), PARSE_FUEL
            )
            if failure := messages.decode_failure(parsed):
                yield messages.finding(failure)
                return
            (linted,) = instance.answers("lint", b"", PARSE_FUEL)
            certain = messages.decode_failures(linted)
            sample = messages.encode_batch("sample", [messages.encode_pod(SAMPLE)])
            (rendered,) = instance.answers("render", sample, bounds.TEMPLATE_POD)
    except StoppedError as error:
        yield TemplateFinding(path=messages.path(key), message=str(error))
        return
    finally:
        instance.close()
    failure = messages.decode_answer(rendered).failure
    if failure is not None and (failure.is_too_large or _CERTAIN.search(failure.message)):
        certain.append(failure)
    yield from map(messages.finding, certain)


def _on_pods(
    name: NamespacedName, key: str, source: str, pods: Sequence[Pod]
) -> Iterator[TemplateFinding]:
    """What fails on Pods that are given, as a run has it; equal failures once, with a count."""
    (rendering,) = Sandbox().render([Request(config=name, templates={key: source}, pods=pods)])
    failed: dict[str, list[str]] = {}
    for pod, rendered in zip(pods, rendering.pods, strict=False):
        if rendered.failure:
            said = rendered.failure.removeprefix(f"{messages.template(key)}: ")
            failed.setdefault(said, []).append(pod.namespaced_name.name)
    for said, names in failed.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield TemplateFinding(
            path=messages.path(key), message=f"fails on Pod {names[0]}{more}: {said}"
        )
