"""The Pod of the template tests, and calls of the sandbox without a run."""

from collections.abc import Mapping
from typing import Any

import msgspec

from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Pod
from podcm_sync.reconcile import bounds
from podcm_sync.reconcile.renderer import Rendering, Request
from podcm_sync.template import messages
from podcm_sync.template.instance import Instance
from podcm_sync.template.parsed import parse
from podcm_sync.template.sandbox import Sandbox, machine

CONFIG = "web"


def pod(name: str = "web-0", **fields: Any) -> Pod:
    """A Pod with a value in every field. `fields` replace those that a test is about."""
    facts: dict[str, Any] = {
        "namespaced_name": NamespacedName("shop", name),
        "uid": "3f0c1d5e-8a61-4c56-9d3e-0b1f5a7c2e90",
        "labels": {
            "app": "web",
            "app.kubernetes.io/name": "web",
            "tier": "frontend",
            "version": "2.4.1",
        },
        "annotations": {"example.com/build": "4711", "example.com/odd": "<a href='x'>\n\té😀{{x}}"},
        "node_name": "node-a",
        "phase": "Running",
        "terminating": False,
    }
    seen = {
        "podIP": "10.1.2.3",
        "hostIP": "192.0.2.7",
        "serviceAccountName": "web",
        "containers": [
            {"name": "web", "image": "registry.example.com/shop/web:2.4.1"},
            {"name": "proxy", "image": "registry.example.com/proxy:1.9"},
        ],
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "u-1"}
        ],
    }
    seen |= {name: fields.pop(name) for name in seen.keys() & fields.keys()}
    return Pod(**(facts | fields), template_fields=msgspec.msgpack.encode(seen))


def root(of: Pod) -> dict[str, Any]:
    """The root of a template as a map, written independently of the product."""
    return {
        "name": of.namespaced_name.name,
        "namespace": of.namespaced_name.namespace,
        "uid": of.uid,
        "labels": of.labels,
        "annotations": of.annotations,
        "nodeName": of.node_name,
        "phase": of.phase,
        **msgspec.msgpack.decode(of.template_fields),
        "pcmc": {"name": CONFIG},
    }


def sandbox() -> Sandbox:
    """A new sandbox, as each run has one. All share the compiled module."""
    return Sandbox()


def engine_says(source: str, of: Pod) -> dict[str, str]:
    """The answer of the engine, before podcm-sync makes a message of it."""
    instance = Instance(machine())
    try:
        verdicts: list[messages.Failure | None] = []
        parsed = parse(instance, {"case": source}, bounds.TEMPLATE_CONFIG, verdicts.append)
        failure = verdicts[0]
        if failure is None:
            answers: list[messages.Answer] = []
            encoded = [messages.encode_pod(of)]
            parsed.render(CONFIG, encoded, bounds.TEMPLATE_CONFIG, answers.append)
            rendered = answers[0]
            if rendered.data is not None:
                return {"output": rendered.data["case"], "error": ""}
            failure = rendered.failure
        assert failure is not None
        return {"output": "", "error": failure.message}
    finally:
        instance.close()


def request(
    templates: Mapping[str, str], *pods: Pod, name: str = CONFIG, namespace: str = "shop"
) -> Request:
    """The request of a run for one config."""
    return Request(config=NamespacedName(namespace, name), templates=templates, pods=pods)


def rendering(templates: Mapping[str, str], *pods: Pod) -> Rendering:
    """The result of that request."""
    (result,) = sandbox().render([request(templates, *pods)])
    return result


def render(templates: Mapping[str, str], *pods: Pod) -> list[str | dict[str, str]]:
    """The result for each Pod: its data, or the message of its failure."""
    result = rendering(templates, *pods)
    assert result.findings == ()
    return [rendered.failure or rendered.data for rendered in result.pods]
