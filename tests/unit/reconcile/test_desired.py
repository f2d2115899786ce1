"""The desired set (§2.2, §3): which ConfigMap each Pod and config ask for, and whose it is."""

from collections.abc import Sequence

import pytest

from podcm_sync.api.finding import Finding, joined
from podcm_sync.api.meta import NamespacedName
from podcm_sync.api.objects import PodConfigMapConfig
from podcm_sync.api.reasons import Reason
from podcm_sync.reconcile.bounds import LIMITS, Bound
from podcm_sync.reconcile.changes import Desired
from podcm_sync.reconcile.desired import build, is_active
from podcm_sync.reconcile.renderer import Rendered, Rendering, Request
from tests.builders import config_map, desired, pcmc, pod, problem, snapshot

OLD, NEW = "2026-01-01T00:00:00Z", "2026-06-01T00:00:00Z"
BOTH_GIVE = NamespacedName("shop", "pod-a-from-b-from-c-cfg")
WEB = NamespacedName("shop", "web")


def holders(built: Desired) -> dict[str, str]:
    return {name.name: each.pcmc_name for name, each in built.config_maps.items()}


def said(built: Desired) -> dict[NamespacedName, str]:
    """What is wrong with each invalid config, in a line."""
    return {name: joined(findings) for name, findings in built.invalid.items()}


def unresolved(built: Desired) -> dict[str, Reason]:
    return {name.name: each.reason for name, each in built.unresolved.items()}


def test_one_config_map_for_each_pod_that_a_config_selects() -> None:
    web, api = pod("web-0", labels={"app": "web"}), pod("api-0", labels={"app": "api"})
    built = build(snapshot(web, api, pcmc("web", match_labels={"app": "web"}), pcmc("all")))
    assert built.config_maps == {
        NamespacedName("shop", "pod-web-0-from-web-cfg"): desired(web, "web"),
        NamespacedName("shop", "pod-web-0-from-all-cfg"): desired(web, "all"),
        NamespacedName("shop", "pod-api-0-from-all-cfg"): desired(api, "all"),
    }
    assert (built.unresolved, built.name_conflicts, built.invalid) == ({}, (), {})


def test_a_config_selects_in_its_own_namespace_alone() -> None:
    """behavior.md §1: namespaced."""
    built = build(snapshot(pod(), pod(namespace="other"), pcmc()))
    assert list(built.config_maps) == [NamespacedName("shop", "pod-web-0-from-web-cfg")]


@pytest.mark.parametrize("phase", ["Pending", "Running", "Succeeded", "Failed", "Unknown", ""])
def test_all_phases_count(phase: str) -> None:
    """behavior.md §3: all phases of a Pod count."""
    assert len(build(snapshot(pod(phase=phase), pcmc())).config_maps) == 1


def test_matched_pods_are_those_selected_and_not_terminating() -> None:
    pods = [pod("a", labels={"x": ""}), pod("b", labels={"x": ""}, terminating=True), pod("c")]
    built = build(snapshot(*pods, pcmc(match_expressions=[("x", "Exists", ())])))
    assert built.matched_pods == {WEB: 1}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (pcmc(), True),
        (pcmc(suspend=True), False),
        (pcmc(terminating=True), False),
        (pcmc(labels=["a b"]), True),
    ],
)
def test_active_is_what_is_neither_suspended_nor_going(
    config: PodConfigMapConfig, expected: bool
) -> None:
    assert is_active(config) is expected


@pytest.mark.parametrize("config", [pcmc(suspend=True), pcmc(terminating=True)])
def test_a_config_that_is_not_active_asks_for_nothing(config: PodConfigMapConfig) -> None:
    """behavior.md §1 (suspend), §3 (a config being deleted counts as gone)."""
    built = build(snapshot(pod(), config))
    assert (built.config_maps, built.unresolved, built.invalid) == ({}, {}, {})
    assert built.matched_pods == {}


def test_a_suspended_config_with_an_invalid_spec_is_just_suspended() -> None:
    assert build(snapshot(pod(), pcmc(suspend=True, labels=["a b"]))).invalid == {}


@pytest.mark.parametrize("config", [pcmc(labels=["a b"]), pcmc(spec_error="spec: no")])
def test_an_invalid_config_asks_for_nothing_and_says_why(config: PodConfigMapConfig) -> None:
    built = build(snapshot(pod(), config, pcmc("other")))
    assert holders(built) == {"pod-web-0-from-other-cfg": "other"}
    assert joined(built.invalid[WEB]).startswith("spec")
    assert WEB not in built.matched_pods


def test_an_undecodable_config_is_among_the_invalid() -> None:
    unreadable = problem("PodConfigMapConfig", "web", message="generation: not a number")
    built = build(snapshot(pod(), problems=[unreadable]))
    assert said(built) == {WEB: "generation: not a number"}


@pytest.mark.parametrize(
    ("of_b_from_c", "of_c", "winner"),
    [
        (OLD, NEW, "b-from-c"),
        (NEW, OLD, "c"),
        (OLD, OLD, "b-from-c"),
        ("", NEW, "c"),
        ("", "", "b-from-c"),
    ],
)
def test_the_older_config_has_a_name_that_two_pairs_give(
    of_b_from_c: str, of_c: str, winner: str
) -> None:
    """behavior.md §3: creationTimestamp, then name; one without a timestamp is not created yet."""
    built = build(
        snapshot(
            pod("a", labels={"for": "b-from-c"}),
            pod("a-from-b", labels={"for": "c"}),
            pcmc("b-from-c", created=of_b_from_c, match_labels={"for": "b-from-c"}),
            pcmc("c", created=of_c, match_labels={"for": "c"}),
        )
    )
    assert holders(built) == {"pod-a-from-b-from-c-cfg": winner}
    (loser,) = built.name_conflicts
    assert loser.namespaced_name == BOTH_GIVE
    assert {loser.pcmc_name, winner} == {"b-from-c", "c"}
    assert loser.reason is Reason.NAME_TAKEN
    assert winner in loser.message


def test_a_loser_keeps_the_rest_of_what_it_asks_for() -> None:
    built = build(
        snapshot(pod("a"), pod("a-from-b"), pcmc("b-from-c", created=OLD), pcmc("c", created=NEW))
    )
    assert holders(built) == {
        "pod-a-from-b-from-c-cfg": "b-from-c",
        "pod-a-from-b-from-b-from-c-cfg": "b-from-c",
        "pod-a-from-c-cfg": "c",
    }


def test_names_do_not_meet_across_namespaces() -> None:
    built = build(
        snapshot(
            pod("a", namespace="one"),
            pcmc("b-from-c", namespace="one"),
            pod("a-from-b", namespace="two"),
            pcmc("c", namespace="two"),
        )
    )
    assert len(built.config_maps) == 2
    assert built.name_conflicts == ()


def test_a_terminating_pod_has_its_name_withheld() -> None:
    """behavior.md §3: what it has stays and nothing new is made."""
    built = build(snapshot(pod(terminating=True), pcmc()))
    assert unresolved(built) == {"pod-web-0-from-web-cfg": Reason.POD_TERMINATING}
    assert built.config_maps == {}


def test_a_terminating_pod_that_is_not_selected_holds_no_name() -> None:
    built = build(snapshot(pod(terminating=True), pcmc(match_labels={"app": "web"})))
    assert built.unresolved == {}


def test_a_withheld_name_is_a_held_name() -> None:
    """The older config has the name although its Pod is about to go."""
    built = build(
        snapshot(
            pod("a", terminating=True, labels={"for": "b-from-c"}),
            pod("a-from-b", labels={"for": "c"}),
            pcmc("b-from-c", created=OLD, match_labels={"for": "b-from-c"}),
            pcmc("c", created=NEW, match_labels={"for": "c"}),
        )
    )
    assert unresolved(built) == {"pod-a-from-b-from-c-cfg": Reason.POD_TERMINATING}
    assert [each.pcmc_name for each in built.name_conflicts] == ["c"]
    assert built.config_maps == {}


def test_an_undecodable_pod_matches_unless_its_labels_say_otherwise() -> None:
    """behavior.md §3: no update and no delete of the ConfigMaps concerned."""
    lost = [
        problem(name="unknown"),
        problem(name="web-9", labels={"app": "web"}),
        problem(name="api-9", labels={"app": "api"}),
    ]
    built = build(snapshot(pcmc(match_labels={"app": "web"}), problems=lost))
    assert unresolved(built) == {
        "pod-unknown-from-web-cfg": Reason.UNDECODABLE,
        "pod-web-9-from-web-cfg": Reason.UNDECODABLE,
    }
    assert built.matched_pods == {WEB: 0}


def test_an_undecodable_pod_is_lost_to_its_own_namespace() -> None:
    built = build(snapshot(pcmc(namespace="other"), problems=[problem()]))
    assert built.unresolved == {}


def test_an_undecodable_config_map_is_no_lost_pod() -> None:
    assert build(snapshot(pcmc(), problems=[problem("ConfigMap", "x")])).unresolved == {}


@pytest.mark.parametrize(
    ("characters", "value", "fits"),
    [
        pytest.param(1_048_576 - 24, "x", True, id="1 MiB to the byte"),
        pytest.param(1_048_576 - 23, "x", False, id="a byte over 1 MiB"),
        pytest.param(262_138, "\N{GRINNING FACE}", True, id="4-byte characters, 1 MiB"),
        pytest.param(262_139, "\N{GRINNING FACE}", False, id="4-byte characters, over 1 MiB"),
        pytest.param(500_000, "\x01", True, id="six bytes in JSON, under 3 MiB"),
        pytest.param(600_000, "\x01", False, id="six bytes in JSON, over 3 MiB"),
        pytest.param(1_000_000, "é", False, id="two bytes each"),
    ],
)
def test_what_the_api_server_would_refuse_for_its_size_is_withheld(
    characters: int, value: str, fits: bool
) -> None:
    """behavior.md §3: the sum of the values' bytes over 1 MiB, or the body over 3 MiB as UTF-8.

    The four facts of the Pod have 5 + 4 + 6 + 7 bytes here, and label_a has 2.
    """
    large = pod(annotations={"big": value * characters}, labels={"a": "xy"})
    built = build(snapshot(large, pcmc(annotations=["big"], labels=["a"])))
    assert bool(built.config_maps) is fits
    assert list(unresolved(built).values()) == ([] if fits else [Reason.TOO_LARGE])


def test_one_pod_that_is_too_large_is_no_other_pods_business() -> None:
    large = pod("large", annotations={"big": "x" * 1_048_576})
    built = build(snapshot(large, pod("small"), pcmc(annotations=["big"])))
    assert holders(built) == {"pod-small-from-web-cfg": "web"}


class Templates:
    """A Renderer: a template is its own result, with the Pod's name where it says POD."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str]]] = []

    def render(self, requests: Sequence[Request], **_: bool) -> Sequence[Rendering]:
        return list(map(self._rendering, requests))

    def _rendering(self, request: Request) -> Rendering:
        templates = request.templates
        if broken := [key for key, source in templates.items() if "{" in source]:
            message = "does not parse"
            return Rendering(findings=tuple(Finding(path=key, message=message) for key in broken))
        names = [pod.namespaced_name.name for pod in request.pods]
        if names:
            self.asked.append((request.config.name, names))
        return Rendering(
            pods=[
                Rendered(failure="it fails on this Pod")
                if name.startswith("bad")
                else Rendered(data={key: x.replace("POD", name) for key, x in templates.items()})
                for name in names
            ]
        )


def test_each_pod_has_what_the_templates_make_of_it() -> None:
    """behavior.md §1: rendered once per Pod; §3: a template key may replace any other key."""
    config = pcmc(labels=["app"], templates={"url": "http://POD", "label_app": "mine"})
    going = pod("web-1", terminating=True)
    pods = (pod("web-0", labels={"app": "web"}), going, pod("web-2"))
    engine = Templates()
    built = build(snapshot(*pods, config), engine)
    assert engine.asked == [("web", ["web-0", "web-2"])]
    data = {name.name: each.data for name, each in built.config_maps.items()}
    assert data["pod-web-0-from-web-cfg"] == {
        "podName": "web-0",
        "namespace": "shop",
        "nodeName": "node-a",
        "phase": "Running",
        "label_app": "mine",
        "url": "http://web-0",
    }
    assert data["pod-web-2-from-web-cfg"]["url"] == "http://web-2"
    assert unresolved(built) == {"pod-web-1-from-web-cfg": Reason.POD_TERMINATING}


def test_a_template_that_fails_on_a_pod_withholds_that_pods_alone() -> None:
    """behavior.md §3: where the desired state cannot be computed, what exists stays untouched."""
    built = build(snapshot(pod("bad-0"), pod("web-0"), pcmc(templates={"a": "b"})), Templates())
    assert holders(built) == {"pod-web-0-from-web-cfg": "web"}
    (held,) = built.unresolved.values()
    assert (held.reason, held.message) == (Reason.TEMPLATE_FAILED, "it fails on this Pod")
    assert built.matched_pods == {WEB: 2}


class Bounded:
    """A Renderer that is past a bound, or out of time, before it has parsed anything."""

    def __init__(self, reason: Reason) -> None:
        self._failure = Rendered(failure="not rendered", reason=reason)

    def render(self, requests: Sequence[Request], **_: bool) -> Sequence[Rendering]:
        return [
            Rendering(pods=[self._failure] * len(request.pods), is_parsed=False)
            for request in requests
        ]


@pytest.mark.parametrize("reason", [Reason.TEMPLATE_BUDGET_EXCEEDED, Reason.INTERRUPTED])
def test_templates_that_nobody_parsed_withhold_their_pods_and_judge_no_config(
    reason: Reason,
) -> None:
    built = build(snapshot(pod(), pcmc(templates={"a": "b"}), pcmc("other")), Bounded(reason))
    assert unresolved(built) == {"pod-web-0-from-web-cfg": reason}
    assert holders(built) == {"pod-web-0-from-other-cfg": "other"}
    assert built.invalid == {}
    assert built.unjudged == {WEB}


def test_a_closed_namespace_does_not_hide_what_nobody_judged_in_another() -> None:
    hostile = [pod(f"web-{number}", namespace="hostile") for number in range(2)]
    seen = snapshot(*hostile, pcmc(namespace="hostile"), pcmc(templates={"a": "b"}))
    engine = Bounded(Reason.INTERRUPTED)
    built = build(seen, engine, {**LIMITS, Bound.DESIRED: 1})
    assert list(built.closed) == ["hostile"]
    assert built.unjudged == {WEB}


def test_templates_that_do_not_parse_make_the_spec_invalid() -> None:
    engine = Templates()
    built = build(snapshot(pod(), pcmc(templates={"a": "{{"})), engine)
    assert said(built) == {WEB: "a: does not parse"}
    assert (built.config_maps, engine.asked) == ({}, [])


def test_without_an_engine_a_config_with_templates_is_invalid_and_others_are_not() -> None:
    built = build(snapshot(pod(), pcmc(templates={"a": "b"}), pcmc("other")))
    assert holders(built) == {"pod-web-0-from-other-cfg": "other"}
    assert list(built.invalid) == [WEB]


@pytest.mark.parametrize(
    "config",
    [
        pcmc(),
        pcmc(templates={"a": "b"}, suspend=True),
        pcmc(templates={"a": "b"}, terminating=True),
        pcmc(templates={"a": "b"}, labels=["a b"]),
        pcmc(templates={"a": "b"}, match_labels={"app": "other"}),
    ],
)
def test_an_engine_is_asked_to_render_only_where_something_is_to_be_rendered(
    config: PodConfigMapConfig,
) -> None:
    engine = Templates()
    build(snapshot(pod(), config), engine)
    assert engine.asked == []


def test_what_templates_make_counts_for_the_size_too() -> None:
    large = pcmc(templates={"a": "POD" * 20_000})
    built = build(snapshot(pod("p" * 60), large), Templates())
    assert list(unresolved(built).values()) == [Reason.TOO_LARGE]


def test_an_undecodable_pod_without_a_name_withholds_nothing() -> None:
    """No reader lets one through: its whole list is incomplete."""
    assert build(snapshot(pcmc(), problems=[problem(name="")])).unresolved == {}


@pytest.mark.parametrize("uid", ["not a label value", "u" * 64])
def test_a_uid_that_no_label_can_hold_is_withheld(uid: str) -> None:
    """Only a manifest can have one."""
    built = build(snapshot(pod(uid=uid), pcmc()))
    assert unresolved(built) == {"pod-web-0-from-web-cfg": Reason.INVALID_NAME}


def test_what_exists_changes_nothing_of_what_is_desired() -> None:
    assert build(snapshot(pod(), pcmc(), config_map())) == build(snapshot(pod(), pcmc()))


def test_a_terminating_pod_loses_no_name() -> None:
    """§3: nothing new is made for it, so that another's name is no failure of its config."""
    older = pcmc("c", created="2026-01-01T00:00:00Z")
    newer = pcmc("b-from-c", created="2026-06-01T00:00:00Z")
    going = pod("a", terminating=True)
    built = build(snapshot(pod("a-from-b"), going, older, newer))
    assert [each.pod_name for each in built.name_conflicts if each.pod_name == "a"] == []
    assert holders(built)["pod-a-from-b-from-c-cfg"] == "c"
