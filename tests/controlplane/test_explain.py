"""`podcm-sync explain` on a real API server: why, with nothing but the right to list."""

import json
from pathlib import Path
from typing import Any

from tests import command
from tests.controlplane.accounts import LISTS, account, kubeconfig_of
from tests.controlplane.api import Api, Object
from tests.controlplane.audit import Audit
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    FINALIZER,
    GENERATED_BY,
    INVALID,
    PRUNE,
    all_config_maps,
    change_config,
    config_map,
    make_config,
    selecting,
    status_of,
)
from tests.controlplane.syncing import sync
from tests.documents import EXPLANATION, valid_by

NAME = "pod-web-from-mine-cfg"


def run(kubeconfig: Path, *arguments: str) -> command.Completed:
    """The command to its end; its options stand after its name."""
    return command.run("explain", *arguments, "--kubeconfig", str(kubeconfig), kubeconfig=None)


def said(kubeconfig: Path, *arguments: str) -> str:
    """The explanation of an object, as text."""
    done = run(kubeconfig, *arguments)
    assert done.code == 0, done.stderr
    return done.stdout


def document(kubeconfig: Path, *arguments: str) -> Object:
    """The explanation of an object, as JSON that is valid."""
    content: dict[str, Any] = json.loads(said(kubeconfig, *arguments, "-o", "json"))
    valid_by(EXPLANATION, content)
    return content


def verdict(content: Object, config: str = "mine") -> Object:
    """The one verdict on a config."""
    (found,) = [each for each in content["verdicts"] if each["podConfigMapConfig"] == config]
    assert isinstance(found, dict)
    return found


def test_it_needs_only_the_right_to_list_and_asks_for_nothing_else(
    api: Api, control_plane: ControlPlane, audit: Audit, namespace: str, tmp_path: Path
) -> None:
    """Of each kind; and the server's own log has lists alone."""
    pod = api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace, spec=selecting(app="web"))
    api.create(config_map(namespace, "settings", {"a": "b"}))
    path = kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, LISTS))
    before = all_config_maps(api, namespace), status_of(api, namespace)
    mark = audit.mark()

    text = said(path, "pod/web")
    assert text.startswith(f"Pod {namespace}/web  Pending, not scheduled  app=web\n")
    assert pod["metadata"]["uid"] in said(path, "pod/web", "-v")
    assert f"  + mine  would create {NAME}\n" in text
    assert "selects Pods with app=web (1 of 1 Pods)" in said(path, "pcmc", "mine")
    assert "does not exist" in said(path, f"cm/{NAME}")
    foreign = said(path, "configmaps/settings")
    assert f"not podcm-sync's, so no run changes it: it has no label {GENERATED_BY}" in foreign

    events = audit.since(mark, user=f"system:serviceaccount:{namespace}:tested")
    asked = {(each.verb, each.resource) for each in events}
    assert asked == {("list", resource) for resource in LISTS}
    assert all(each.code == 200 for each in events)
    assert (all_config_maps(api, namespace), status_of(api, namespace)) == before


def test_the_requirement_that_fails_is_named_with_the_pods_own_value(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "db", labels={"app": "db"})
    expressions = [
        {"key": "app", "operator": "In", "values": ["web", "api"]},
        {"key": "tier", "operator": "Exists"},
        {"key": "app", "operator": "NotIn", "values": ["cache"]},
    ]
    make_config(api, namespace, spec={"podSelector": {"matchExpressions": expressions}})
    lines = said(kubeconfig, "po/db").splitlines()
    assert [line.strip() for line in lines[1:]] == [
        (
            "· mine  not selected: needs app In [web, api] and tier Exists, Pod has app=db, "
            "no label tier"
        ),
    ]
    found = verdict(document(kubeconfig, "pod", "db"))
    assert "verb" not in found
    assert [(each["satisfied"], each.get("actual")) for each in found["requirements"]] == [
        (False, "db"),
        (False, None),
        (True, "db"),
    ]


def test_what_it_says_comes_true(api: Api, namespace: str, kubeconfig: Path) -> None:
    """Missing, then in step, then drifted, then no longer selected: the run does what was said."""
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace, spec=selecting(app="web"))
    for verb, came_to, meddle in [
        ("create", ("created", "Missing"), {"data": {"phase": "x"}}),
        ("update", ("updated", "OutOfSync"), None),
        ("keep", ("unchanged", "InSync"), None),
    ]:
        found = verdict(document(kubeconfig, "pod/web"))
        assert (found["verb"], found["reason"]) == (verb, came_to[1])
        assert sync(kubeconfig).came_to == {NAME: came_to}
        if meddle:
            api.patch("ConfigMap", namespace, NAME, meddle)
    change_config(api, namespace, selecting(app="other"))
    found = verdict(document(kubeconfig, f"cm/{NAME}"))
    assert (found["verb"], found["reason"]) == ("delete", "NotSelected")
    assert sync(kubeconfig).came_to == {NAME: ("deleted", "NotSelected")}


def test_the_winner_of_a_contested_name_is_named(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """Of two configs of one age the first by name has it, as with one that is older."""
    api.make_pod(namespace, "a", labels={"n": "a"})
    api.make_pod(namespace, "a-from-b", labels={"n": "b"})
    make_config(api, namespace, "b-from-c", selecting(n="a"))
    make_config(api, namespace, "c", selecting(n="b"))
    content = document(kubeconfig, "cm/pod-a-from-b-from-c-cfg")
    by_reason = {each["reason"]: each for each in content["verdicts"]}
    assert by_reason.keys() == {"Missing", "NameTaken"}
    winner, loser = by_reason["Missing"], by_reason["NameTaken"]
    of_winner = f"{winner['podConfigMapConfig']} has it for Pod {winner['pod']}"
    assert of_winner in said(kubeconfig, f"pod/{loser['pod']}")
    of_loser = f"also wanted by config {loser['podConfigMapConfig']} for Pod {loser['pod']}"
    assert of_loser in said(kubeconfig, f"pod/{winner['pod']}")


def test_a_name_that_another_has_is_blocked_and_says_why(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    api.create(config_map(namespace, NAME, {}, labels={GENERATED_BY: "mine"}))
    text = said(kubeconfig, f"cm/{NAME}")
    assert "no run changes it: it has no label podconfig.example.com/pod-uid\n" in text
    found = verdict(document(kubeconfig, "pod/web"))
    assert (found["verb"], found["reason"], found["kind"]) == ("skip", "Foreign", "blocking")
    assert found["message"].endswith("it has no label podconfig.example.com/pod-uid")


def test_a_template_that_fails_on_the_pod_says_its_error(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web")
    template = '{{ required "a Pod needs an address" .podIP }}'
    make_config(api, namespace, spec={"configMapDataTemplate": {"url": template}})
    found = verdict(document(kubeconfig, "pod/web"))
    assert (found["reason"], found["exists"]) == ("TemplateFailed", False)
    assert "a Pod needs an address" in found["message"]
    change_config(api, namespace, INVALID)
    content = document(kubeconfig, "pcmc/mine")
    config = content["podConfigMapConfig"]
    assert "spec.configMapDataTemplate" in config["findings"][0]
    assert config["readyPlanned"]["reason"] == "InvalidSpec"


def test_a_deletion_that_the_guard_holds_back_says_so_and_why_it_was_to_be(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace)
    assert sync(kubeconfig).code == 0
    change_config(api, namespace, selecting(app="other"))
    assert verdict(document(kubeconfig, "pod/web"))["verb"] == "delete"
    found = verdict(document(kubeconfig, "pod/web", "--max-prune", "0"))
    assert (found["verb"], found["reason"]) == ("skip", "PruneBlocked")
    assert found["heldBack"]["reason"] == "NotSelected"
    assert "to allow it, use --max-prune 1" in found["message"]
    assert document(kubeconfig, "pcmc/mine", "--max-prune", "0")["podConfigMapConfig"][
        "readyPlanned"
    ]["reason"] == ("PruneBlocked")


def test_what_is_kept_on_purpose_says_so(api: Api, namespace: str, kubeconfig: Path) -> None:
    api.make_pod(namespace, "web", labels={"app": "web"})
    make_config(api, namespace)
    assert sync(kubeconfig).code == 0
    kept = {"metadata": {"annotations": {PRUNE: "disabled"}}, "immutable": True}
    api.patch("ConfigMap", namespace, NAME, kept)
    change_config(api, namespace, selecting(app="other"))
    content = document(kubeconfig, f"cm/{NAME}")
    assert content["configMap"]["pruneDisabled"] is content["configMap"]["immutable"] is True
    assert (verdict(content)["verb"], verdict(content)["reason"]) == ("skip", "PruneDisabled")
    change_config(api, namespace, {"suspend": True})
    content = document(kubeconfig, f"cm/{NAME}")
    assert (verdict(content)["reason"], verdict(content)["kind"]) == ("Suspended", "intended")


def test_a_terminating_pod_is_left_alone_and_says_so(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    api.make_pod(namespace, "web")
    api.patch("Pod", namespace, "web", {"metadata": {"finalizers": [FINALIZER]}})
    make_config(api, namespace)
    api.delete("Pod", namespace, "web")
    content = document(kubeconfig, "pod/web")
    assert content["pod"]["terminating"] is True
    found = verdict(content)
    assert (found["verb"], found["reason"]) == ("skip", "PodTerminating")
    api.patch("Pod", namespace, "web", {"metadata": {"finalizers": None}})


def test_what_there_is_not_exits_3_and_names_what_is_near(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    # No other test has a Pod nearby-1: the hint would name its namespace.
    api.make_pod(namespace, "nearby-0")
    make_config(api, namespace)
    would = "\n  hint: config mine would generate it for Pod nearby-1, which does not exist"
    for subject, error in [
        (
            "pod/nearby-1",
            f'pod "nearby-1" not found in namespace {namespace}\n  hint: similar names: nearby-0',
        ),
        (
            "pcmc/mane",
            f'podconfigmapconfig "mane" not found in namespace {namespace}\n  hint: similar names',
        ),
        (
            "cm/pod-nearby-1-from-mine-cfg",
            f'configmap "pod-nearby-1-from-mine-cfg" not found in namespace {namespace}{would}',
        ),
    ]:
        done = run(kubeconfig, subject)
        assert (done.code, done.stdout) == (3, "")
        assert command.advice_of(done).startswith(error)


def test_a_list_that_is_refused_is_no_sure_ground(
    api: Api, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """What cannot be listed is not said to be missing: exit 5."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    rights = {each: verbs for each, verbs in LISTS.items() if each != "pods"}
    path = kubeconfig_of(control_plane, tmp_path, namespace, account(api, namespace, rights))
    for subject in ("pod/web", "pod/other"):
        done = run(path, subject)
        assert (done.code, done.stdout) == (5, "")
        assert "pods" in command.error_of(done)
    done = run(path, "pcmc/mine")
    assert done.code == 5
    assert "; nothing is deleted" in done.stdout
