"""§10: what an event concerns. One that changes nothing that a run reads concerns nothing."""

from typing import Any

import pytest
from msgspec.structs import replace

from podcm_sync.api.meta import KIND
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.desired import spec_findings
from podcm_sync.watch.namespace import MAX_REQUIREMENTS, QUIET, WHOLE, Namespace, Touched
from tests.builders import GENERATED_BY, POD_UID, Object, config_map, owner, pcmc, pod, problem

WEB = {"app": "web"}
CONFIG = pcmc(match_labels=WEB, annotations=["note"])


def namespace(*objects: Object, kept: frozenset[str] | None = frozenset({"note"})) -> Namespace:
    """A namespace with these objects, as lists have them."""
    part = Namespace()
    part.must_list = False
    part.kept = kept
    for obj in objects:
        part.put(obj)
    return part


def pods(*names: str) -> Touched:
    return Touched(pods=frozenset(names))


def test_a_selected_pod_is_planned_at_once() -> None:
    assert namespace(CONFIG).put(pod(labels=WEB)) == pods("web-0")


def test_a_pod_that_no_config_selects_concerns_nothing() -> None:
    part = namespace(CONFIG, pod(labels={"app": "api"}))
    assert part.put(pod(labels={"app": "api"}, phase="Failed")) is None
    assert part.put(pod("db-0")) is None
    assert part.drop("Pod", "db-0") is None
    assert part.drop("Pod", "nobody") is None


@pytest.mark.parametrize("config", [pcmc(suspend=True), pcmc(terminating=True)])
def test_a_config_that_is_not_active_selects_nothing(config: Object) -> None:
    assert namespace(config).put(pod()) is None


def test_a_change_of_what_is_not_kept_concerns_nothing() -> None:
    part = namespace(CONFIG, pod(labels=WEB, annotations={"note": "a"}))
    assert part.put(pod(labels=WEB, annotations={"note": "a", "other": "b"})) is None
    assert part.put(pod(labels=WEB, annotations={"note": "b"})) == pods("web-0")
    assert part.pods["web-0"].annotations == {"note": "b"}


def test_only_deletions_can_be_due_for_a_pod_that_ends_or_leaves() -> None:
    for change in (pod(), pod(labels=WEB, terminating=True)):
        assert namespace(CONFIG, pod(labels=WEB)).put(change) == QUIET
    assert namespace(CONFIG, pod(labels=WEB)).drop("Pod", "web-0") == QUIET


def test_the_end_of_a_terminating_pod_counts_even_if_no_config_selects_it() -> None:
    """It kept a ConfigMap that no config wants any more."""
    assert namespace(CONFIG, pod(terminating=True)).drop("Pod", "web-0") == QUIET


@pytest.mark.parametrize(
    "change",
    [
        {"match_labels": {}},
        {"suspend": True},
        {"terminating": True},
        {"labels": ["app"]},
        {"created": "2020-01-01T00:00:00Z"},
        {"spec_error": "unreadable"},
    ],
)
def test_a_config_that_asks_for_something_else_concerns_all_pods(
    change: dict[str, Any],
) -> None:
    arguments: dict[str, Any] = {"match_labels": WEB, "annotations": ["note"], **change}
    part = namespace(CONFIG)
    assert part.put(pcmc(**arguments)) == WHOLE
    assert part.drop(KIND, "web") == WHOLE
    assert part.drop(KIND, "web") is None


def test_a_status_by_another_client_is_put_right_once_it_is_quiet() -> None:
    part = namespace(CONFIG)
    status = replace(CONFIG.status, matched_pods=7)
    assert part.put(replace(CONFIG, status=status, resource_version="9")) == QUIET
    assert part.put(replace(CONFIG, status=status, resource_version="10")) is None


def test_a_config_that_includes_what_is_not_kept_needs_a_list() -> None:
    part = namespace(CONFIG)
    part.put(pcmc(match_labels=WEB, annotations=["note"], labels=["team"]))
    assert not part.must_list
    part.put(pcmc(match_labels=WEB, annotations=["note", "more"]))
    assert part.must_list


@pytest.mark.parametrize(("kept", "must_list"), [(frozenset({"note"}), True), (None, False)])
def test_templates_need_all_fields_of_pods(kept: frozenset[str] | None, must_list: bool) -> None:
    part = namespace(kept=kept)
    part.put(pcmc(templates={"ip": "{{ .status.podIP }}"}))
    assert part.must_list is must_list


def test_a_config_map_that_another_client_wrote_is_compared_at_once() -> None:
    part = namespace(CONFIG, pod(labels=WEB), config_map())
    changed = config_map(data={"phase": "Drifted"}, resource_version="9")
    assert part.put(changed) == pods("web-0")
    assert part.drop("ConfigMap", changed.namespaced_name.name) == pods("web-0")


def test_the_echo_of_our_own_write_concerns_nothing() -> None:
    part = namespace(CONFIG, pod(labels=WEB), config_map())
    assert part.put(config_map(resource_version="9")) is None
    assert part.config_maps["pod-web-0-from-web-cfg"].resource_version == "9"


def test_a_config_map_without_a_pod_can_only_be_deleted() -> None:
    part = namespace(CONFIG)
    assert part.put(config_map()) == QUIET
    assert part.put(config_map(owners=[owner("web", kind="Deployment")])) == QUIET


def test_of_another_ones_config_map_only_the_name_is_kept() -> None:
    part = namespace(CONFIG)
    part.put(config_map(labels={POD_UID: None}))
    (stub,) = part.config_maps.values()
    assert (stub.data, stub.owner_references) == ({}, ())
    assert part.put(config_map("settings")) is None
    assert "settings" not in part.config_maps


def test_a_config_map_with_the_label_is_no_other_ones_any_more() -> None:
    part = namespace()
    part.others = {"pod-web-0-from-web-cfg"}
    part.put(config_map(labels={GENERATED_BY: "web"}))
    assert part.others == set()


@pytest.mark.parametrize(
    ("kind", "obj"), [("Pod", pod()), (KIND, pcmc()), ("ConfigMap", config_map())]
)
def test_an_object_that_cant_be_decoded_concerns_all_pods_and_so_does_its_return(
    kind: str, obj: Object
) -> None:
    part = namespace(obj)
    name = obj.namespaced_name.name
    assert part.put(problem(kind, name)) == WHOLE
    assert list(part.objects()) == []
    assert part.get(kind, name) == problem(kind, name)
    assert part.put(obj) == WHOLE
    assert part.get(kind, name) == obj
    part.put(problem(kind, name))
    assert part.drop(kind, name) == WHOLE
    assert part.get(kind, name) is None


def test_with_very_many_requirements_every_pod_counts_as_selected() -> None:
    labels = {f"key-{number}": "x" for number in range(10)}
    configs = [
        pcmc(f"web-{number}", match_labels=labels) for number in range(MAX_REQUIREMENTS // 10)
    ]
    assert namespace(*configs, kept=None).put(pod()) is None
    configs.append(pcmc(match_labels=WEB))
    assert namespace(*configs, kept=None).put(pod()) == pods("web-0")


def test_the_memory_of_what_came_and_went_is_not_held() -> None:
    part = namespace(kept=None)
    for obj in (pod(annotations={"note": "x" * 99}), pcmc(), config_map()):
        part.put(obj)
        part.put(obj)
    held = part.held
    part.weigh()
    assert part.held == held > 0
    for kind, name in (("Pod", "web-0"), (KIND, "web"), ("ConfigMap", "pod-web-0-from-web-cfg")):
        part.drop(kind, name)
    assert part.held == 0


@pytest.mark.parametrize(
    ("bound", "obj"),
    [(Bound.PODS, pod()), (Bound.CONFIGS, pcmc()), (Bound.CONFIG_MAPS, config_map())],
)
def test_a_namespace_is_past_a_bound_with_one_object_more(bound: Bound, obj: Object) -> None:
    part = namespace(obj)
    assert part.bound_passed({**LIMITS, bound: 1}) is None
    assert part.bound_passed({**LIMITS, bound: 0}) is bound
    assert part.bound_passed({**LIMITS, Bound.HELD_BYTES: 0}) is Bound.HELD_BYTES


@pytest.mark.parametrize(
    ("objects", "needs_pods"),
    [
        ((), False),
        ((pod(),), False),
        ((config_map(labels={POD_UID: None}),), False),
        ((config_map(),), True),
        ((pcmc(),), True),
    ],
)
def test_the_lists_of_a_cluster_have_pods_only_where_a_run_needs_them(
    objects: tuple[Object, ...], needs_pods: bool
) -> None:
    assert namespace(*objects).needs_pods() is needs_pods


def test_a_change_of_one_config_compiles_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def noted(config: PodConfigMapConfig) -> object:
        compiled.append(config.namespaced_name.name)
        return spec_findings(config)

    monkeypatch.setattr("podcm_sync.watch.namespace.spec_findings", noted)
    part = namespace(CONFIG, pcmc("other", match_labels={"app": "db"}))
    part.put(pod(labels=WEB))
    part.put(pcmc("other", match_labels={"app": "api"}))
    assert part.put(pod("api-0", labels={"app": "api"})) == pods("api-0")
    assert part.put(pod("db-0", labels={"app": "db"})) is None
    assert sorted(compiled) == ["other", "other", "web"]
