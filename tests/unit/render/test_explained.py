"""The text of `explain`: what matters first, what is alike once, no control characters."""

import re

from podcm_sync.render.explained import explained
from tests.builders import Object, config_map, pcmc, pod
from tests.explanations import explanation_of
from tests.laws.test_rendered_text_is_printable import OWN_COLOURS

PCMC = "PodConfigMapConfig"


def lines_of(kind: str, name: str, *objects: Object, is_verbose: bool = False) -> list[str]:
    return explained(explanation_of(kind, name, *objects), is_verbose=is_verbose).splitlines()


def words_of(lines: list[str]) -> list[str]:
    """The words at the beginning of the lines, of those that have one."""
    return [line[:13].strip() for line in lines[1:] if line[:13].strip()]


def test_a_pod_is_a_line_and_then_each_config_what_fails_and_why() -> None:
    config = pcmc(match_labels={"app": "web"}, match_expressions=[("tier", "Exists", [])])
    assert lines_of("Pod", "web-0", pod(uid="u", labels={"app": "db"}), config) == [
        "Pod shop/web-0: Running on node-a; app=db; uid u",
        "not selected  PodConfigMapConfig web: no ConfigMap",
        "              fails app=web: the Pod has app=db",
        "              fails tier Exists: the Pod has no label tier",
    ]


def test_what_fails_or_goes_comes_before_what_is_well() -> None:
    objects: list[Object] = [
        pod(),
        pcmc("a-well"),
        config_map(made_by="a-well"),
        pcmc("b-new"),
        pcmc("c-other", match_labels={"x": "y"}),
        config_map(made_by="d-gone"),
        pcmc("e-taken"),
        config_map("pod-web-0-from-e-taken-cfg", labels={"podconfig.example.com/pod-uid": None}),
        pcmc("f-asleep", suspend=True),
        pcmc("g-broken", spec_error="garbage"),
        pcmc("h-drifted"),
        config_map(made_by="h-drifted", data={}),
    ]
    assert words_of(lines_of("Pod", "web-0", *objects)) == [
        "blocked",
        "invalid",
        "to delete",
        "to update",
        "to create",
        "in step",
        "suspended",
        "not selected",
    ]


def test_of_a_config_what_is_alike_is_said_once_and_with_v_whole() -> None:
    config = pcmc(match_labels={"app": "web"})
    pods = [pod(f"w{n}", labels={"app": "web"}) for n in range(5)]
    short = lines_of(PCMC, "web", config, *pods)
    assert short[0].endswith("5 of 5 Pods selected by app=web")
    names = "pod-w0-from-web-cfg, pod-w1-from-web-cfg, pod-w2-from-web-cfg"
    assert f"to create     5 ConfigMaps: {names} and 2 more" in short
    whole = lines_of(PCMC, "web", config, *pods, is_verbose=True)
    assert f"to create     5 ConfigMaps: {names}, pod-w3-from-web-cfg, pod-w4-from-web-cfg" in whole


def test_of_a_config_what_is_not_alike_is_three_and_a_count() -> None:
    pods = [pod(f"w{n}") for n in range(5)]
    drifted = [config_map(made_for=each, more_data={f"k{n}": ""}) for n, each in enumerate(pods)]
    short = lines_of(PCMC, "web", pcmc(), *pods, *drifted)
    assert sum(line.startswith("to update     ConfigMap ") for line in short) == 3
    assert short[-1] == "to update     2 ConfigMaps more; -v shows all"
    whole = lines_of(PCMC, "web", pcmc(), *pods, *drifted, is_verbose=True)
    assert sum(line.startswith("to update     ConfigMap ") for line in whole) == 5


def test_a_pod_without_any_config_says_so() -> None:
    assert lines_of("Pod", "web-0", pod())[1] == (
        "no config     there is no PodConfigMapConfig in this namespace"
    )


def test_colours_are_the_texts_own_and_change_nothing_else() -> None:
    explanation = explanation_of("Pod", "web-0", pod(labels={"a": "\x1b[2J"}), pcmc())
    coloured, plain = explained(explanation, is_coloured=True), explained(explanation)
    assert "\x1b[32mto create" in coloured
    assert OWN_COLOURS.sub("", coloured) == plain


def test_values_of_others_are_escaped() -> None:
    evil = "\x1b[2J\u202e\nDone"
    shown = explained(explanation_of("Pod", "web-0", pod(labels={"a": evil}, phase=evil), pcmc()))
    assert re.search(r"\x1b|\u202e|^Done", shown, flags=re.MULTILINE) is None
    assert "\\x1b[2J\\u202e\\nDone" in shown
