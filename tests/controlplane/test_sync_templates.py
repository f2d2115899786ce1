"""Templates on a real API server: what becomes data, and what a mistake does to status and data."""

from pathlib import Path

from tests.controlplane.api import Api
from tests.controlplane.sync_objects import (
    change_config,
    condition,
    generated,
    make_config,
    status_of,
)
from tests.controlplane.syncing import sync


def test_templates_become_data_and_a_second_run_writes_nothing(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§4: the root is the Pod as the server has it; §3: a template replaces any other key."""
    api.make_pod(
        namespace,
        "web",
        labels={"app.kubernetes.io/name": "shop"},
        node_name="node-1",
        phase="Running",
        status={"podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}]},
    )
    sources = {
        "url": 'http://{{ .podIP }}/{{ index .labels "app.kubernetes.io/name" }}',
        "phase": "{{ .phase | upper }}",
        "images.json": "{{ toJson .containers }}",
        "who": "{{ .namespace }}/{{ .name }} {{ .serviceAccountName }} {{ .pcmc.name }}",
    }
    make_config(api, namespace, spec={"configMapDataTemplate": sources})

    assert sync(kubeconfig).came_to == {"pod-web-from-mine-cfg": ("created", "Missing")}

    made = generated(api, namespace)
    assert made["data"] == {
        "podName": "web",
        "namespace": namespace,
        "nodeName": "node-1",
        "phase": "RUNNING",
        "url": "http://10.1.2.3/shop",
        "images.json": '[{"image":"none","name":"main"}]',
        "who": f"{namespace}/web default mine",
    }
    assert condition(status_of(api, namespace))["status"] == "True"
    assert sync(kubeconfig).code == 0
    assert generated(api, namespace) == made


def test_a_template_that_fails_on_a_pod_leaves_what_it_has_until_it_is_fixed(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §3: no update and no delete; §5: not stamped."""
    api.make_pod(namespace, "web", phase="Running")
    make_config(api, namespace, spec={"configMapDataTemplate": {"k": "first"}})
    sync(kubeconfig)
    made = generated(api, namespace)

    change_config(api, namespace, {"configMapDataTemplate": {"k": '{{ fail "not today" }}'}})
    run = sync(kubeconfig)

    assert (run.came_to, run.code) == ({"pod-web-from-mine-cfg": ("skipped", "TemplateFailed")}, 3)
    assert generated(api, namespace) == made
    status = status_of(api, namespace)
    assert (status["observedGeneration"], status["failures"]) == (1, 1)
    assert condition(status)["reason"] == "SomeConfigMapsFailed"
    assert "error calling fail: not today" in condition(status)["message"]

    change_config(api, namespace, {"configMapDataTemplate": {"k": "second"}})
    assert sync(kubeconfig).came_to == {"pod-web-from-mine-cfg": ("updated", "OutOfSync")}


def test_a_template_that_does_not_parse_is_stored_by_the_server_and_invalid_for_a_run(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §5: InvalidSpec, with key, line, column and Go's words in the status."""
    api.make_pod(namespace, "web")
    make_config(api, namespace, spec={"configMapDataTemplate": {"k": "a\n{{ nope }}"}})
    assert sync(kubeconfig).code == 3
    status = status_of(api, namespace)
    assert (status["observedGeneration"], condition(status)["reason"]) == (1, "InvalidSpec")
    assert condition(status)["message"].startswith(
        'spec.configMapDataTemplate["k"]: line 2, column 3: template: k:2: '
        'function "nope" not defined'
    )


def test_a_bomb_holds_up_its_own_config_map_alone(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web")
    bomb = {"k": "{{ range 100000000000 }}{{ end }}"}
    make_config(api, namespace, "bomb", {"configMapDataTemplate": bomb})
    make_config(api, namespace, "fine", {"configMapDataTemplate": {"k": "{{ .name }}"}})
    run = sync(kubeconfig)
    assert run.code == 3
    assert run.came_to == {
        "pod-web-from-bomb-cfg": ("skipped", "TemplateFailed"),
        "pod-web-from-fine-cfg": ("created", "Missing"),
    }
