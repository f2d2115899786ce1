"""The Pod that the template tests render for, and how the sandbox is asked without a run."""

from collections.abc import Mapping
from typing import Any

import msgspec

from podcm_sync.core import bounds
from podcm_sync.core.rendering import Rendering, Request
from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import Container, Pod
from podcm_sync.template import messages
from podcm_sync.template.instance import Instance
from podcm_sync.template.sandbox import Sandbox, machine

CONFIG = "web"


def pod(name: str = "web-0", **fields: Any) -> Pod:
    """A Pod with something in every field; `fields` replace what a test is about."""
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
        "pod_ip": "10.1.2.3",
        "host_ip": "192.0.2.7",
        "service_account_name": "web",
        "containers": (
            Container(name="web", image="registry.example.com/shop/web:2.4.1"),
            Container(name="proxy", image="registry.example.com/proxy:1.9"),
        ),
        "owner_references": (
            OwnerReference(api_version="apps/v1", kind="ReplicaSet", name="web", uid="u-1"),
        ),
    }
    return Pod(**(facts | fields))


def root(of: Pod) -> dict[str, Any]:
    """The root of a template as a map, from the Pod's fields, written down once more."""
    owners = [msgspec.to_builtins(each) for each in of.owner_references]
    return {
        "name": of.namespaced_name.name,
        "namespace": of.namespaced_name.namespace,
        "uid": of.uid,
        "labels": of.labels,
        "annotations": of.annotations,
        "nodeName": of.node_name,
        "phase": of.phase,
        "podIP": of.pod_ip,
        "hostIP": of.host_ip,
        "serviceAccountName": of.service_account_name,
        "containers": [{"name": each.name, "image": each.image} for each in of.containers],
        "ownerReferences": owners,
        "pcmc": {"name": CONFIG},
    }


def sandbox() -> Sandbox:
    """A new one, as each run has; what is compiled is shared."""
    return Sandbox()


def engine_says(source: str, of: Pod) -> dict[str, str]:
    """What the engine itself answers, before any sentence is made of it."""
    instance = Instance(machine())
    try:
        payload = messages.encode_templates({"case": source})
        (answer,) = instance.answers("load", payload, bounds.TEMPLATE_CONFIG)
        failure = messages.decode_failure(answer)
        if failure is None:
            batch = messages.encode_batch(CONFIG, [messages.encode_pod(of)])
            (answer,) = instance.answers("render", batch, bounds.TEMPLATE_CONFIG)
            rendered = messages.decode_answer(answer)
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
    """What a run asks for one config."""
    return Request(config=NamespacedName(namespace, name), templates=templates, pods=pods)


def rendering(templates: Mapping[str, str], *pods: Pod) -> Rendering:
    """What a run of one config gets."""
    (made,) = sandbox().render([request(templates, *pods)])
    return made


def render(templates: Mapping[str, str], *pods: Pod) -> list[str | dict[str, str]]:
    """What a run gets for each Pod: the data, or the sentence about what failed."""
    made = rendering(templates, *pods)
    assert made.findings == ()
    return [each.failure or each.data for each in made.pods]
