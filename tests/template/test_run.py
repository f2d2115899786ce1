"""A run with templates: what becomes data, what is withheld, and nothing is loaded for none."""

import functools
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from podcm_sync.api import decode_json
from podcm_sync.api.finding import Finding, joined
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import Pod, PodConfigMapConfig
from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import Desired
from podcm_sync.reconcile.desired import build
from podcm_sync.reconcile.prune import parse_limit
from podcm_sync.reconcile.renderer import NO_RENDERER, Rendered, Rendering, Request
from podcm_sync.reconcile.report import exit_code
from podcm_sync.reconcile.snapshot import Scope, Snapshot
from podcm_sync.sync import Policy
from podcm_sync.sync import run as sync
from podcm_sync.template.lazy import LazySandbox
from tests import builders, command
from tests.fakes import FakeCluster
from tests.template.pods import pod, sandbox


class Recorded:
    """A renderer that upper-cases names, fails on Pod bad, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def render(self, requests: Sequence[Request], **_: bool) -> Sequence[Rendering]:
        return list(map(self._rendering, requests))

    def _rendering(self, request: Request) -> Rendering:
        if "no" in request.templates:
            path = 'spec.configMapDataTemplate["no"]'
            return Rendering(findings=(Finding(path=path, message="no"),))
        names = [pod.namespaced_name.name for pod in request.pods]
        self.asked.append((request.config.name, names))
        return Rendering(
            pods=[
                Rendered(failure="it fails here")
                if name == "bad"
                else Rendered(data=dict.fromkeys(request.templates, name.upper()))
                for name in names
            ]
        )


def config(spec: dict[str, Any], name: str = "web") -> PodConfigMapConfig:
    body = {"metadata": {"name": name, "namespace": "shop", "generation": 1}, "spec": spec}
    return decode_json.decode_config(msgspec.json.encode(body))


def built(renderer: Any, spec: dict[str, Any], *pods: Pod) -> Desired:
    seen = Snapshot(
        scope=Scope(namespaces=None), pods=pods, configs=(config(spec),), config_maps=()
    )
    return build(seen, renderer)


def name_of(pod_name: str) -> NamespacedName:
    return NamespacedName("shop", f"pod-{pod_name}-from-web-cfg")


def test_templates_become_data_beside_the_facts() -> None:
    data = built(Recorded(), {"configMapDataTemplate": {"k": "x"}}, pod()).config_maps
    assert data[name_of("web-0")].data == {
        "podName": "web-0",
        "namespace": "shop",
        "nodeName": "node-a",
        "phase": "Running",
        "k": "WEB-0",
    }


def test_a_template_replaces_any_other_key() -> None:
    spec = {
        "labelsToInclude": ["app"],
        "annotationsToInclude": ["example.com/build"],
        "configMapDataTemplate": {
            "phase": "x",
            "label_app": "x",
            "annotation_example.com_build": "x",
        },
    }
    data = built(Recorded(), spec, pod()).config_maps[name_of("web-0")].data
    assert {key for key, value in data.items() if value == "WEB-0"} == {
        *("phase", "label_app", "annotation_example.com_build"),
    }


def test_all_living_pods_of_a_config_are_rendered_at_once() -> None:
    renderer = Recorded()
    pods = [pod("a"), pod("gone", terminating=True), pod("b"), pod("other", labels={})]
    spec = {
        "podSelector": {"matchLabels": {"app": "web"}},
        "configMapDataTemplate": {"k": "x"},
    }
    desired = built(renderer, spec, *pods)
    assert renderer.asked == [("web", ["a", "b"])]
    assert {str(name): each.data["k"] for name, each in desired.config_maps.items()} == {
        "shop/pod-a-from-web-cfg": "A",
        "shop/pod-b-from-web-cfg": "B",
    }
    assert desired.unresolved[name_of("gone")].reason is Reason.POD_TERMINATING


def test_a_pod_that_fails_is_withheld_and_the_others_are_made() -> None:
    spec = {"configMapDataTemplate": {"k": "x"}}
    desired = built(Recorded(), spec, pod("a"), pod("bad"), pod("b"))
    assert set(desired.config_maps) == {name_of("a"), name_of("b")}
    unresolved = desired.unresolved[name_of("bad")]
    assert (unresolved.reason, unresolved.message) == (Reason.TEMPLATE_FAILED, "it fails here")
    assert class_of(unresolved.reason) is ReasonClass.BLOCKING
    assert desired.matched_pods == {NamespacedName("shop", "web"): 3}


def test_what_does_not_parse_makes_the_config_invalid_and_is_not_rendered() -> None:
    renderer = Recorded()
    desired = built(renderer, {"configMapDataTemplate": {"no": "x", "k": "x"}}, pod())
    name = NamespacedName("shop", "web")
    assert joined(desired.invalid[name]) == 'spec.configMapDataTemplate["no"]: no'
    assert renderer.asked == []
    assert desired.config_maps == {}


def test_an_invalid_spec_is_not_parsed() -> None:
    desired = built(sandbox(), {"configMapDataTemplate": {"k": "x" * 70_000}}, pod())
    (findings,) = desired.invalid.values()
    assert joined(findings).endswith("longer than 65536 characters: shorten it")


def test_without_an_engine_a_config_with_templates_is_invalid() -> None:
    desired = built(NO_RENDERER, {"configMapDataTemplate": {"k": "x"}}, pod())
    assert list(map(joined, desired.invalid.values())) == [
        "spec.configMapDataTemplate: no template engine is at hand"
    ]
    assert built(NO_RENDERER, {}, pod()).invalid == {}


def test_over_a_mebibyte_of_data_is_too_large() -> None:
    spec = {"configMapDataTemplate": dict.fromkeys("abc", '{{ repeat 400000 "x" }}')}
    desired = built(sandbox(), spec, pod())
    assert desired.unresolved[name_of("web-0")].reason is Reason.TOO_LARGE


def test_the_fields_of_the_api_reach_a_template(tmp_path: Path) -> None:
    """From a manifest as the API server has it to the data, through a whole run."""
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "web-0",
            "namespace": "shop",
            "uid": "u-0",
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": "web",
                    "uid": "u-1",
                    "controller": True,
                }
            ],
        },
        "spec": {
            "nodeName": "node-a",
            "serviceAccountName": "shopkeeper",
            "containers": [{"name": "web", "image": "web:1", "ports": []}],
            "initContainers": [{"name": "init", "image": "init:1"}],
        },
        "status": {"phase": "Running", "podIP": "10.0.0.9", "hostIP": "192.0.2.1"},
    }
    template = {
        "apiVersion": "podconfig.example.com/v1alpha1",
        "kind": "PodConfigMapConfig",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"configMapDataTemplate": {"all": "{{ toJson . }}"}},
    }
    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([manifest, template]), encoding="utf-8")
    assert command.run("--from", tmp_path).code == 0
    made = yaml.safe_load(
        (tmp_path / "generated" / "shop" / "pod-web-0-from-web-cfg.yaml").read_text("utf-8")
    )
    assert yaml.safe_load(made["data"]["all"]) == {
        "name": "web-0",
        "namespace": "shop",
        "uid": "u-0",
        "labels": {},
        "annotations": {},
        "nodeName": "node-a",
        "phase": "Running",
        "podIP": "10.0.0.9",
        "hostIP": "192.0.2.1",
        "serviceAccountName": "shopkeeper",
        "containers": [{"name": "web", "image": "web:1"}],
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web", "uid": "u-1"}
        ],
        "pcmc": {"name": "web"},
    }
    again = command.run("--from", tmp_path, "--exit-code")
    assert again.code == 0, "a second run has nothing to do"


def test_a_run_without_templates_loads_no_engine(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from podcm_sync.__main__ import run\n"
        f"assert run(['--from', {str(tmp_path)!r}]) == 0\n"
        "print([each for each in sys.modules if 'wasm' in each])\n"
    )
    pod_and_config = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0"}},
        {
            "apiVersion": "podconfig.example.com/v1alpha1",
            "kind": "PodConfigMapConfig",
            "metadata": {"name": "web"},
            "spec": {"labelsToInclude": ["app"]},
        },
    ]
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(pod_and_config), encoding="utf-8")
    done = command.python("-c", script)
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


def test_time_that_templates_use_up_interrupts_them_and_others_are_written() -> None:
    """The run is cut short (exit 5); what was not rendered did not fail, and stays as it is."""
    calls = iter(range(10_000))
    large = [builders.pod(f"web-{number:03}", namespace="large") for number in range(300)]
    cluster = FakeCluster(
        *large,
        builders.pod("web-0", namespace="small"),
        builders.pcmc(namespace="large", templates={"k": "{{ .name }}"}),
        builders.pcmc(
            "z-idle", namespace="large", templates={"k": "x"}, match_labels={"no": "pod"}
        ),
        builders.pcmc(namespace="small", templates={"k": "{{ .name }}"}),
    )
    renderer = LazySandbox(lambda: lambda: next(calls) > 100)
    everywhere = Scope(namespaces=None)
    report = sync(everywhere, cluster, cluster, Policy(), now=builders.NOW, renderer=renderer)
    reasons = Counter(
        (each.change.namespaced_name.namespace, each.reason) for each in report.outcomes
    )
    assert reasons["small", Reason.MISSING] == 1
    assert reasons["large", Reason.INTERRUPTED] == 300 - reasons["large", Reason.MISSING] > 150
    assert exit_code(report) == 5
    # Neither the config that was cut short nor the one that was not even parsed is stamped.
    assert [str(each.update.namespaced_name) for each in report.statuses] == ["small/web"]


def test_a_namespace_past_its_bound_is_a_failure_of_its_own() -> None:
    endless = {"k": "{{ range 100000000000 }}{{ end }}"}
    cluster = FakeCluster(
        *(builders.pod(f"web-{number}", namespace="hostile") for number in range(10)),
        builders.pod("web-0", namespace="shop"),
        builders.pcmc(namespace="hostile", templates=endless),
        builders.pcmc(namespace="shop", templates={"k": "{{ .name }}"}),
    )
    everywhere = Scope(namespaces=None)
    report = sync(everywhere, cluster, cluster, Policy(), now=builders.NOW, renderer=LazySandbox())
    assert {each.reason for each in report.outcomes} == {
        Reason.MISSING,
        Reason.TEMPLATE_BUDGET_EXCEEDED,
    }
    hostile, shop = (each.update.desired for each in report.statuses)
    assert (hostile.observed_generation, hostile.failures) == (None, 10)
    assert "0.4 s of CPU" in hostile.conditions[0].message
    assert shop.observed_generation == 1
    assert exit_code(report) == 3
    assert exit_code(report, tolerate_object_failures=True) == 0


class Spied(LazySandbox):
    """It notes how many writes the cluster had seen each time when something was to render."""

    def __init__(self, cluster: FakeCluster, is_over: bool = False) -> None:
        super().__init__(self._begun)
        self.writes: list[list[str]] = []
        self._cluster = cluster
        self._is_over = is_over

    def _begun(self) -> Any:
        names = [write.name.namespace for write in self._cluster.writes if write.verb == "create"]
        self.writes.append(names)
        return lambda: self._is_over and len(self.writes) > 1


EXPENSIVE = {"k": "{{ range until 1000 }}{{ range until 60 }}{{ end }}{{ end }}{{ .name }}"}


def cluster_with_expensive_templates() -> FakeCluster:
    return FakeCluster(
        *(builders.pod(f"web-{number}", namespace="dear") for number in range(20)),
        builders.pod("web-0", namespace="shop"),
        builders.pcmc(namespace="dear", templates=EXPENSIVE),
        builders.pcmc("plain", namespace="dear"),
        builders.pcmc(namespace="shop", templates={"k": "{{ .name }}"}),
    )


def test_expensive_templates_are_rendered_when_the_other_namespaces_are_written() -> None:
    cluster = cluster_with_expensive_templates()
    spied = Spied(cluster)
    everywhere = Scope(namespaces=None)
    foretold = sync(everywhere, cluster, None, Policy(), now=builders.NOW, renderer=LazySandbox())
    report = sync(everywhere, cluster, cluster, Policy(), now=builders.NOW, renderer=spied)
    assert spied.writes == [[], ["shop"]]
    assert len(report.outcomes) == 41
    assert [each.change for each in report.outcomes] == [each.change for each in foretold.outcomes]
    assert {each.reason for each in report.outcomes} == {Reason.MISSING}
    assert exit_code(report) == 0
    assert len(report.statuses) == 3
    assert cluster.lists == 2  # the dry run's, and the run's
    written = len(cluster.writes)
    sync(everywhere, cluster, cluster, Policy(), now=builders.NOW, renderer=LazySandbox())
    assert len(cluster.writes) == written


def test_a_closed_namespace_is_reported_once_though_another_is_deferred(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits = {**LIMITS, Bound.DESIRED: 45}
    monkeypatch.setattr("podcm_sync.sync.build", functools.partial(build, limits=limits))
    cluster = cluster_with_expensive_templates()
    for number in range(46):
        cluster.add(builders.pod(f"web-{number}", namespace="closed"))
    cluster.add(builders.pcmc(namespace="closed"))
    everywhere = Scope(namespaces=None)
    report = sync(everywhere, cluster, cluster, Policy(), now=builders.NOW, renderer=LazySandbox())
    assert [each.namespaced_name.namespace for each in report.problems] == ["closed"]
    assert len(report.statuses) == 4


def test_what_was_put_off_is_interrupted_if_the_runs_time_is_over_by_then() -> None:
    cluster = cluster_with_expensive_templates()
    spied = Spied(cluster, is_over=True)
    everywhere = Scope(namespaces=None)
    report = sync(everywhere, cluster, cluster, Policy(), now=builders.NOW, renderer=spied)
    reasons = Counter((each.change.pcmc_name, each.reason) for each in report.outcomes)
    assert reasons == {
        ("web", Reason.INTERRUPTED): 20,
        ("plain", Reason.MISSING): 20,
        ("web", Reason.MISSING): 1,
    }
    assert exit_code(report) == 5


def test_deletions_where_templates_are_expensive_count_before_anything_is_deleted() -> None:
    """behavior.md §6: past `--max-prune-total` nothing is deleted anywhere."""
    cluster = cluster_with_expensive_templates()
    for namespace in ("dear", "shop", "other"):
        for number in range(2):
            gone = builders.pod(f"old-{number}", namespace=namespace)
            cluster.add(builders.config_map(made_for=gone, owners=()))
        for number in range(20):  # they raise no percentage, as no run deletes them
            gone = builders.pod(f"left-{number}", namespace=namespace)
            cluster.add(builders.config_map(made_for=gone))
    policy = Policy(max_prune_total=(parse_limit("3"), parse_limit("50%")))
    everywhere = Scope(namespaces=None)
    report = sync(everywhere, cluster, cluster, policy, now=builders.NOW, renderer=LazySandbox())
    assert [write for write in cluster.writes if write.verb == "delete"] == []
    held_back = [each for each in report.outcomes if each.reason is Reason.PRUNE_TOTAL_BLOCKED]
    assert len(held_back) == 6
