"""Dry run, explain, saved plan and real runs agree on a real API server, object for object.

Each world is made three times: one is previewed, explained and applied as planned, one is run, and
one is run as `--expect-plan` says. All that differs between them are uids, versions and times.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import command
from tests.controlplane.api import Api, Object, Objects
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import KIND
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    FINALIZER,
    INVALID,
    PRUNE,
    all_config_maps,
    change_config,
    config_map,
    made_for,
    make_config,
    selecting,
)
from tests.controlplane.syncing import sync

WEB = {"tier": "web"}
METADATA = ("name", "labels", "annotations", "ownerReferences")
RESULTS = {
    "create": "created",
    "update": "updated",
    "delete": "deleted",
    "keep": "unchanged",
    "skip": "skipped",
}


def every_verb(api: Api, namespace: str, kubeconfig: Path) -> None:
    """Create, update, delete, keep; a suspended config, one to be kept, one that is going."""
    for name in ("kept", "moved", "leaves", "stays"):
        api.make_pod(namespace, name, labels=WEB)
    spec = selecting(**WEB) | {
        "labelsToInclude": ["tier"],
        "configMapDataTemplate": {"who": "{{ .name }}\n{{ .phase }}\n"},
    }
    make_config(api, namespace, spec=spec)
    make_config(api, namespace, "paused")
    assert sync(kubeconfig, namespace).counts == {"created": 8}
    change_config(api, namespace, {"suspend": True}, "paused")
    for name in ("leaves", "stays"):
        api.patch("Pod", namespace, name, {"metadata": {"labels": {"tier": "db"}}})
    keep = {"metadata": {"annotations": {PRUNE: "disabled"}}}
    api.patch("ConfigMap", namespace, "pod-stays-from-mine-cfg", keep)
    api.patch("Pod", namespace, "moved", {"status": {"phase": "Running"}}, "status")
    added = {"data": {"who": None, "by-hand": "x"}, "binaryData": {"blob": "AAE="}}
    api.patch("ConfigMap", namespace, "pod-moved-from-mine-cfg", added)
    going = {"metadata": {"finalizers": [FINALIZER]}}
    api.make_pod(namespace, "going", labels=WEB)
    api.patch("Pod", namespace, "going", going)
    api.delete("Pod", namespace, "going")
    api.make_pod(namespace, "new", labels=WEB, annotations={"note": "two\nlines\u202e\x1b[2J"})
    change_config(api, namespace, {"annotationsToInclude": ["note"]})


def much_in_the_way(api: Api, namespace: str, _: Path) -> None:
    """A foreign object, an immutable one, a template that fails, an invalid spec, a name taken."""
    pods = {name: api.make_pod(namespace, name, labels=WEB) for name in ("a", "b", "c")}
    api.make_pod(namespace, "a-from-b")
    make_config(api, namespace, spec=selecting(**WEB))
    make_config(api, namespace, "fails", {"configMapDataTemplate": {"t": '{{ fail "no" }}'}})
    make_config(api, namespace, "wrong", INVALID)
    make_config(api, namespace, "b-from-c", selecting(**WEB))
    make_config(api, namespace, "c")
    api.create(config_map(namespace, "pod-a-from-mine-cfg", {"a": "b"}))
    fixed = config_map(namespace, "pod-b-from-mine-cfg", {"phase": "x"}, **made_for(pods["b"]))
    api.create(fixed | {"immutable": True})
    wrong = made_for(pods["c"], "wrong")
    api.create(config_map(namespace, "pod-c-from-wrong-cfg", {"phase": "x"}, **wrong))


def too_many_deletes(api: Api, namespace: str, kubeconfig: Path) -> None:
    """Two deletions where --max-prune allows one, and the rest of the work."""
    for name in ("one", "two", "three"):
        api.make_pod(namespace, name, labels=WEB)
    make_config(api, namespace, spec=selecting(**WEB))
    make_config(api, namespace, "gone", selecting(**WEB))
    assert sync(kubeconfig, namespace).counts == {"created": 6}
    api.delete(KIND, namespace, "gone")
    api.make_pod(namespace, "new", labels=WEB)


def nothing(api: Api, namespace: str, kubeconfig: Path) -> None:
    """All is in step already."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    sync(kubeconfig, namespace)


@pytest.mark.parametrize(
    ("world", "options", "code", "verbs"),
    [
        (every_verb, [], 0, {"create": 1, "update": 1, "delete": 1, "keep": 1, "skip": 6}),
        (much_in_the_way, [], 3, {"create": 7, "skip": 8}),
        (too_many_deletes, ["--max-prune", "1"], 4, {"create": 1, "keep": 3, "skip": 3}),
        (nothing, [], 0, {"keep": 1}),
    ],
)
def test_what_was_previewed_explained_and_saved_is_what_apply_and_runs_do(
    *,
    api: Api,
    audit: Audit,
    kubeconfig: Path,
    tmp_path: Path,
    world: Callable[[Api, str, Path], None],
    options: list[str],
    code: int,
    verbs: dict[str, int],
) -> None:
    planned, plain, expecting = (new_namespace(api) for _ in range(3))
    for each in (planned, plain, expecting):
        world(api, each, kubeconfig)
    plan = str(tmp_path / "plan.json")

    mark = audit.mark()
    dry = report(kubeconfig, planned, "--dry-run", "--plan-out", plan, *options, code=code)
    assert_explained(dry, kubeconfig, api, planned, options)
    shown = podcm(kubeconfig, "show", plan, "-o", "json")
    assert json.loads(shown.stdout) == dry
    assert {each.verb for each in audit.since(mark, user_agent="podcm-sync/")} <= {"list", "get"}
    changes = dry["changes"]
    assert {verb: sum(x["verb"] == verb for x in changes) for verb in verbs} == verbs

    there = report(kubeconfig, expecting, "--dry-run", *options, code=code)
    expected = ["--expect-plan", there["digest"], *options]
    done = podcm(kubeconfig, "apply", plan, "-o", "json")
    assert done.code == code, done.stderr
    reports = {
        planned: json.loads(done.stdout),
        plain: report(kubeconfig, plain, *options, code=code),
        expecting: report(kubeconfig, expecting, *expected, code=code),
    }
    assert reports[planned]["digest"] == dry["digest"]
    assert reports[expecting]["digest"] == there["digest"]
    foretold = told(api, planned, dry)
    assert told(api, expecting, there) == foretold
    for namespace, came in reports.items():
        assert told(api, namespace, came) == foretold
        assert [each["result"] for each in came["changes"]] == [
            RESULTS[each["verb"]] for each in changes
        ]
    stored = [state(api, each) for each in (planned, plain, expecting)]
    assert stored[0] == stored[1] == stored[2]
    after = report(kubeconfig, planned, "--dry-run", *options, code=code)
    assert {each["verb"] for each in after["changes"]} <= {"keep", "skip"}


def podcm(kubeconfig: Path, *arguments: str) -> command.Completed:
    """The command; all of a test's find the template engine compiled by its first one."""
    env = {
        "KUBECONFIG": str(kubeconfig),
        "PODCM_SYNC_CACHE_DIR": str(kubeconfig.parent / "cache"),
    }
    return command.run(*arguments, kubeconfig=None, env=env)


def report(kubeconfig: Path, namespace: str, *options: str, code: int) -> Object:
    done = podcm(kubeconfig, "-n", namespace, "-o", "json", *options)
    assert done.code == code, done.stderr
    content: Object = json.loads(done.stdout)
    assert content["exitCode"] == code
    return content


def assert_explained(
    dry: Object, kubeconfig: Path, api: Api, namespace: str, options: list[str]
) -> None:
    """Each change is told once by its config, once by its ConfigMap's name, once by its Pod."""
    changes = dry["changes"]
    planned = sorted(said(each, each["name"]) for each in changes)
    subjects = {
        "pcmc": {each["podConfigMapConfig"] for each in changes},
        "cm": {each["name"] for each in changes},
        "pod": {each["metadata"]["name"] for each in api.list("Pod", namespace)},
    }
    for kind, names in subjects.items():
        verdicts: Objects = []
        for name in sorted(names):
            where = ("-n", namespace, "-o", "json", *options)
            done = podcm(kubeconfig, "explain", f"{kind}/{name}", *where)
            assert done.code == 0, done.stderr
            verdicts += json.loads(done.stdout)["verdicts"]
        found = sorted(said(each, each["configMap"]) for each in verdicts if "verb" in each)
        assert found == planned, kind


def said(each: Object, config_map: str) -> tuple[str, str, str, str]:
    """What a change and a verdict both say."""
    return config_map, each["podConfigMapConfig"], each["verb"], each["reason"]


def told(api: Api, namespace: str, content: Object) -> object:
    """What a report says of objects, before and after the work alike."""
    changes = [
        {key: each[key] for key in each.keys() - {"result", "diff", "code", "planned"}}
        for each in content["changes"]
    ]
    statuses = [{**each, "result": ""} for each in content["statuses"]]
    return plain(api, namespace, [changes, statuses, content["problems"], content["summary"]])


def state(api: Api, namespace: str) -> object:
    """Every ConfigMap, and every config's status, as they are stored."""
    config_maps = [
        {key: each[key] for key in each.keys() & {"data", "binaryData", "immutable"}}
        | {part: each["metadata"].get(part) for part in METADATA}
        for each in all_config_maps(api, namespace)
    ]
    statuses = [[each["metadata"]["name"], each["status"]] for each in api.list(KIND, namespace)]
    return plain(api, namespace, [config_maps, statuses])


def plain(api: Api, namespace: str, content: object) -> object:
    """Without what another namespace and another moment give other values."""
    text = json.dumps(content).replace(namespace, "HERE")
    for each in api.list("Pod", namespace):
        text = text.replace(each["metadata"]["uid"], f"uid of {each['metadata']['name']}")
    text = re.sub(r'"lastTransitionTime": "[^"]+"', '"lastTransitionTime": ""', text)
    return json.loads(text)
