"""The text of `explain`: a line for each config, what matters first, no control characters."""

import re

from podcm_sync.api.reasons import REASONS, Reason
from podcm_sync.explain.explanation_text import explained
from podcm_sync.output.terminal import Style
from podcm_sync.template.lazy import LazySandbox
from tests.builders import Object, config_map, pcmc, pod
from tests.explanations import explanation_of, valid_explanation
from tests.laws.test_rendered_text_is_printable import OWN_COLOURS

PCMC = "PodConfigMapConfig"


def lines_of(kind: str, name: str, *objects: Object, is_verbose: bool = False) -> list[str]:
    return explained(explanation_of(kind, name, *objects), is_verbose=is_verbose).splitlines()


def marks_of(lines: list[str]) -> list[str]:
    """The marks at the beginning of the verdicts' lines."""
    return [line[2] for line in lines[1:] if line[2] != " " and line[3] == " "]


def test_a_pod_is_a_line_and_then_a_line_for_each_config_that_says_why() -> None:
    objects = [
        pcmc(match_labels={"app": "web"}, match_expressions=[("tier", "Exists", [])]),
        pcmc("all"),
    ]
    assert lines_of("Pod", "web-0", pod(uid="u", labels={"app": "db"}), *objects) == [
        "Pod shop/web-0  Running on node-a  app=db",
        "  + all  would create pod-web-0-from-all-cfg",
        "  · web  not selected: needs app=web and tier Exists, Pod has app=db, no label tier",
    ]


def test_no_advice_that_would_not_help() -> None:
    """To resume or fix a config does nothing for a Pod that it doesn't select."""
    objects = [
        pcmc("asleep", match_labels={"app": "db"}, suspend=True),
        pcmc("broken", match_labels={"app": "db"}, templates={"a": "{{ if }}"}),
    ]
    explanation = explanation_of("Pod", "web-0", pod(), *objects, renderer=LazySandbox())
    assert explained(explanation).splitlines()[1:] == [
        "  · asleep  not selected: needs app=db, Pod has no label app; also suspended",
        "  · broken  not selected: needs app=db, Pod has no label app; also invalid",
    ]
    (selected,) = explanation_of("Pod", "web-0", pod(), pcmc("asleep", suspend=True)).verdicts
    assert selected.action == REASONS[Reason.SUSPENDED].action


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
    lines = lines_of("Pod", "web-0", *objects)
    assert marks_of(lines) == ["✘", "✘", "-", "~", "+", "✔", "·", "·"]
    ascii_only = explained(explanation_of("Pod", "web-0", *objects), Style(is_ascii=True))
    assert marks_of(ascii_only.splitlines()) == ["x", "x", "-", "~", "+", "v", ".", "."]
    assert ascii_only.isascii()


def test_a_configs_equal_verdicts_share_a_line_and_with_v_all_names_are_in_it() -> None:
    config = pcmc(match_labels={"app": "web"})
    pods = [pod(f"w{n}", labels={"app": "web"}) for n in range(5)]
    short = lines_of(PCMC, "web", config, *pods)
    assert "selects Pods with app=web (5 of 5 Pods)" in short[0]
    names = "pod-w0-from-web-cfg, pod-w1-from-web-cfg, pod-w2-from-web-cfg"
    assert f"  + would create 5 ConfigMaps: {names} and 2 more" in short
    whole = lines_of(PCMC, "web", config, *pods, is_verbose=True)
    all_names = f"{names}, pod-w3-from-web-cfg, pod-w4-from-web-cfg"
    assert f"  + would create 5 ConfigMaps: {all_names}" in whole


def test_a_template_that_fails_on_300_pods_is_one_line() -> None:
    pods = [pod(f"w{n:03}") for n in range(300)]
    config = pcmc(templates={"u": '{{ fail "no IP yet" }}'})
    lines = explained(explanation_of(PCMC, "web", config, *pods, renderer=LazySandbox()))
    (line,) = [line for line in lines.splitlines() if "✘" in line]
    assert line.startswith("  ✘ blocked: 300 ConfigMaps: template")
    names = "pod-w000-from-web-cfg, pod-w001-from-web-cfg, pod-w002-from-web-cfg and 297 more"
    assert line.endswith(f"no IP yet (TemplateFailed) ({names})")


def test_a_configs_differing_verdicts_are_three_and_a_count() -> None:
    pods = [pod(f"w{n}") for n in range(5)]
    drifted = [config_map(made_for=each, more_data={f"k{n}": ""}) for n, each in enumerate(pods)]
    short = lines_of(PCMC, "web", pcmc(), *pods, *drifted)
    assert sum(line.startswith("  ~ would update pod-") for line in short) == 3
    assert short[-1] == "  ~ would update: 2 ConfigMaps more; -v shows all"
    whole = lines_of(PCMC, "web", pcmc(), *pods, *drifted, is_verbose=True)
    assert sum(line.startswith("  ~ would update pod-") for line in whole) == 5


def test_a_pod_without_any_config_says_so() -> None:
    assert lines_of("Pod", "web-0", pod())[1] == (
        "  · there is no PodConfigMapConfig in namespace shop"
    )


def test_lines_fold_on_words_at_the_screens_width() -> None:
    labels = {f"label-{n}": "x" for n in range(9)}
    explanation = explanation_of("Pod", "web-0", pod(labels=labels), pcmc(match_labels={"a": "b"}))
    lines = explained(explanation, Style(columns=40)).splitlines()
    assert all(len(line) <= 40 for line in lines)
    whole = explained(explanation)
    assert " ".join(" ".join(lines).split()) == " ".join(whole.split())


def test_colours_are_the_texts_own_and_change_nothing_else() -> None:
    explanation = explanation_of("Pod", "web-0", pod(labels={"a": "\x1b[2J"}), pcmc())
    coloured, plain = explained(explanation, Style(is_colored=True)), explained(explanation)
    assert "\x1b[38;5;28m  + web" in coloured
    assert OWN_COLOURS.sub("", coloured) == plain


def test_values_of_others_are_escaped() -> None:
    evil = "\x1b[2J\u202e\nDone"
    shown = explained(explanation_of("Pod", "web-0", pod(labels={"a": evil}, phase=evil), pcmc()))
    assert re.search(r"\x1b|\u202e|^Done", shown, flags=re.MULTILINE) is None
    assert "\\x1b[2J\\u202e\\nDone" in shown


def test_it_has_its_version_and_what_is_at_its_default_is_absent() -> None:
    content = valid_explanation(explanation_of("Pod", "web-0", pod(uid="u"), pcmc()))
    assert content.pop("tool").startswith("podcm-sync ")
    assert content == {
        "version": "podcm-sync/explanation/v2",
        "kind": "Pod",
        "namespace": "shop",
        "name": "web-0",
        "exists": True,
        "pod": {
            "name": "web-0",
            "exists": True,
            "uid": "u",
            "phase": "Running",
            "nodeName": "node-a",
        },
        "verdicts": [
            {
                "verb": "create",
                "pod": "web-0",
                "podConfigMapConfig": "web",
                "configMap": "pod-web-0-from-web-cfg",
                "exists": False,
                "reason": "Missing",
                "kind": "routine",
                "message": "a selected Pod has no ConfigMap yet",
            }
        ],
    }


def test_a_label_that_is_absent_is_not_one_that_is_empty() -> None:
    config = pcmc(match_labels={"app": "web", "tier": "x"})
    content = valid_explanation(explanation_of("Pod", "web-0", pod(labels={"app": ""}), config))
    empty, absent = content["verdicts"][0]["requirements"]
    assert empty["actual"] == ""
    assert "actual" not in absent


def test_label_values_stand_in_fields_of_their_own_alone() -> None:
    """So that they can be masked: `labels` and `actual`."""
    made_for = pod(labels={"app": "s3cret"})
    for kind, name in [("Pod", "web-0"), ("ConfigMap", "pod-web-0-from-web-cfg")]:
        for objects in [(made_for, pcmc()), (made_for, pcmc(match_labels={"app": "a"}))]:
            content = valid_explanation(explanation_of(kind, name, *objects, config_map()))
            for verdict in content["verdicts"]:
                for each in verdict.get("requirements", ()):
                    each.pop("actual")
            content["pod"].pop("labels")
            assert "s3cret" not in str(content)


def test_a_config_that_no_run_has_seen_says_so() -> None:
    first, status, *_ = lines_of("PodConfigMapConfig", "web", pod(), pcmc())
    assert "observed" not in first
    assert status.split(maxsplit=1) == ["status", "no run has finished for it yet"]
    suspended = lines_of("PodConfigMapConfig", "web", pod(), pcmc(suspend=True))
    assert "no run" not in "".join(suspended)
