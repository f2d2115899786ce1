"""Finds the errors of templates for `validate`, one key at a time.

Without Pods, only errors that occur on every Pod are findings. Each template is also rendered on a
sample Pod, but an error there proves little: every real Pod can have a label that the sample lacks.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import structs

from podcm_sync.api import template_fields
from podcm_sync.api.finding import Finding, Quotes
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Pod
from podcm_sync.errors import InputError
from podcm_sync.reconcile import bounds
from podcm_sync.reconcile.renderer import Request
from podcm_sync.reconcile.validate import MAX_ITEMS, MAX_TEMPLATE
from podcm_sync.template import messages
from podcm_sync.template.instance import Instance, StoppedError, UnavailableError
from podcm_sync.template.job import PARSE_FUEL
from podcm_sync.template.messages import Answer, Failure
from podcm_sync.template.parsed import parse
from podcm_sync.template.sandbox import Sandbox, machine

SAMPLE: Final = Pod(
    namespaced_name=NamespacedName("sample", "sample-0"),
    uid="00000000-0000-4000-8000-000000000000",
    labels={"app": "sample", "app.kubernetes.io/name": "sample"},
    annotations={"example.com/sample": "sample"},
    node_name="node-a",
    phase="Running",
    terminating=False,
    template_fields=template_fields.SAMPLE,
)
_CERTAIN: Final = re.compile(r": wrong number of args for \w+: want (?:at least )?\d+ got \d+$")
"""An error on the sample Pod that occurs on every other Pod too."""


def findings(
    name: NamespacedName, templates: Mapping[str, str], pods: Sequence[Pod]
) -> Iterator[Finding]:
    """The templates that fail on every Pod, then those that fail on `pods`, for each key in order.

    Sources past the CRD's bounds are skipped: `reconcile/validate.py` reports them. Raises
    InputError if the engine can't start on this host.
    """
    try:
        yield from _findings(name, templates, pods)
    except UnavailableError as error:
        raise InputError(
            f"templates cannot be checked: the template engine cannot start: {error}",
            hint="raise the limit on virtual memory (ulimit -v)",
        ) from error


def _findings(
    name: NamespacedName, templates: Mapping[str, str], pods: Sequence[Pod]
) -> Iterator[Finding]:
    checkable = {key: text for key, text in templates.items() if len(text) <= MAX_TEMPLATE}
    for key in sorted(checkable)[:MAX_ITEMS]:
        certain = list(_certain_findings(key, checkable[key]))
        yield from certain
        for finding in _on_pods(name, key, checkable[key], pods) if pods else ():
            if not any(known.message in finding.message for known in certain):
                yield finding


def _certain_findings(key: str, source: str) -> Iterator[Finding]:
    """The errors of a template that occur on every Pod."""
    instance = Instance(machine())
    try:
        with machine().ticking():
            verdicts: list[Failure | None] = []
            parsed = parse(instance, {key: source}, PARSE_FUEL, verdicts.append)
            if failure := verdicts[0]:
                yield messages.finding(failure)
                return
            failures = parsed.lint(PARSE_FUEL)
            rendered: list[Answer] = []
            pods = [messages.encode_pod(SAMPLE)]
            parsed.render("sample", pods, bounds.TEMPLATE_POD, rendered.append)
    except StoppedError as error:
        yield structs.replace(messages.stopped(error), path=messages.path(key))
        return
    finally:
        instance.close()
    failure = rendered[0].failure
    if failure is not None and (failure.is_too_large or _CERTAIN.search(failure.message)):
        failures.append(failure)
    yield from map(messages.finding, failures)


def _on_pods(name: NamespacedName, key: str, source: str, pods: Sequence[Pod]) -> Iterator[Finding]:
    """The failures on these Pods, under the limits of a run. Equal ones are one finding."""
    (rendering,) = Sandbox().render([Request(config=name, templates={key: source}, pods=pods)])
    pods_by_failure: dict[tuple[str, Quotes], list[str]] = {}
    # Not strict: if the template doesn't parse, the Rendering has findings and no Pods.
    for pod, rendered in zip(pods, rendering.pods, strict=False):
        if rendered.failure:
            message = rendered.failure.removeprefix(f"{messages.template(key)}: ")
            pods_by_failure.setdefault((message, rendered.quoted), []).append(
                pod.namespaced_name.name
            )
    for (message, quoted), names in pods_by_failure.items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield Finding(
            path=messages.path(key),
            message=f"fails on Pod {names[0]}{more}: {message}",
            quoted=quoted,
        )
