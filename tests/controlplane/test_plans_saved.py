"""`--plan-out`, `apply`, `show`: what was reviewed is done, and only that, on a real server."""

import json
from pathlib import Path

import pytest
import yaml

from tests import command
from tests.controlplane.accounts import with_server
from tests.controlplane.api import Api
from tests.controlplane.audit import Audit
from tests.controlplane.crd_objects import pcmc
from tests.controlplane.harness import ControlPlane
from tests.controlplane.sync_objects import (
    change_config,
    condition,
    config_map,
    generated,
    make_config,
    names,
    selecting,
    settle,
    status_of,
)
from tests.controlplane.syncing import sync


def podcm(kubeconfig: Path, *arguments: str) -> command.Completed:
    """A subcommand: its options come after it."""
    return command.run(*arguments, kubeconfig=None, env={"KUBECONFIG": str(kubeconfig)})


@pytest.fixture
def plan(tmp_path: Path) -> str:
    return str(tmp_path / "plan.json")


def put_work(api: Api, namespace: str, kubeconfig: Path) -> None:
    """In step before; then one ConfigMap to create, two to update, two to delete."""
    for name in ("gone-1", "gone-2", "moved-1", "moved-2"):
        api.make_pod(namespace, name, labels={"tier": "web"})
    make_config(api, namespace, "mine", selecting(tier="web"))
    assert sync(kubeconfig).counts == {"created": 4}
    for name in ("gone-1", "gone-2"):
        api.patch("Pod", namespace, name, {"metadata": {"labels": {"tier": "db"}}})
    for name in ("moved-1", "moved-2"):
        api.patch("Pod", namespace, name, {"status": {"phase": "Running"}}, "status")
    api.make_pod(namespace, "new", labels={"tier": "web"})


def test_a_plan_is_applied_as_it_was_shown_and_the_next_run_writes_nothing(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path, plan: str
) -> None:
    put_work(api, namespace, kubeconfig)
    dry = command.run("--dry-run", "--plan-out", plan, kubeconfig=kubeconfig)
    assert "1 to create, 2 to update, 2 to delete" in dry.stdout
    assert Path(plan).stat().st_mode & 0o777 == 0o600
    assert podcm(kubeconfig, "show", plan).stdout == dry.stdout

    done = podcm(kubeconfig, "apply", plan)
    assert done.code == 0, done.stdout + done.stderr
    assert "Done: 1 created, 2 updated, 2 deleted, 0 unchanged" in done.stdout
    assert len(names(api, namespace)) == 3
    assert condition(status_of(api, namespace))["reason"] == "Synced"
    mark = audit.mark()
    assert command.run(kubeconfig=kubeconfig).code == 0
    verbs = {each.verb for each in audit.since(mark, user_agent="podcm-sync/")}
    assert verbs <= {"list", "get"}


def test_where_the_world_has_moved_that_object_is_refused_and_the_rest_is_done(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path, plan: str
) -> None:
    """A ConfigMap edited, a Pod that is selected again, one that is gone, and an unseen one."""
    put_work(api, namespace, kubeconfig)
    assert command.run("--dry-run", "--plan-out", plan, kubeconfig=kubeconfig).code == 0
    before = status_of(api, namespace)
    edited = "pod-moved-1-from-mine-cfg"
    api.patch("ConfigMap", namespace, edited, {"data": {"phase": "Edited"}})
    api.patch("Pod", namespace, "gone-1", {"metadata": {"labels": {"tier": "web"}}})
    settle(api, namespace, "new")
    api.make_pod(namespace, "unseen", labels={"tier": "web"})

    mark = audit.mark()
    done = podcm(kubeconfig, "apply", plan, "-v")
    assert done.code == 4, done.stderr
    said = {
        line.split()[2].partition("/")[2]: line
        for line in done.stdout.splitlines()
        if line.startswith("held back")
    }
    assert "the ConfigMap changed since the plan was made: data.phase" in said[edited]
    assert "PodConfigMapConfig mine needs it now" in said["pod-gone-1-from-mine-cfg"]
    assert "Pod new is gone" in said["pod-new-from-mine-cfg"]
    assert len(said) == 3
    unseen = f"skipped    {namespace}/pod-unseen-from-mine-cfg  NotInPlan"
    assert unseen in done.stdout
    writes = [
        (each.verb, each.name)
        for each in audit.since(mark, namespace=namespace, user_agent="podcm-sync/")
        if each.verb not in {"list", "get"}
    ]
    assert sorted(writes) == [
        ("delete", "pod-gone-2-from-mine-cfg"),
        ("patch", "pod-moved-2-from-mine-cfg"),
    ]
    assert generated(api, namespace, edited)["data"]["phase"] == "Edited"
    assert status_of(api, namespace) == before


def test_a_config_suspended_since_is_left_alone_and_another_is_done_and_stamped(
    api: Api, namespace: str, kubeconfig: Path, plan: str
) -> None:
    api.make_pod(namespace, "web")
    for name in ("one", "two"):
        make_config(api, namespace, name)
    assert command.run("--dry-run", "--plan-out", plan, kubeconfig=kubeconfig).code == 0
    change_config(api, namespace, {"suspend": True}, "one")
    done = podcm(kubeconfig, "apply", plan)
    assert done.code == 4
    assert (
        "pod-web-from-one-cfg held back  PlanOutdated: the config is suspended now" in done.stdout
    )
    assert names(api, namespace) == ["pod-web-from-two-cfg"]
    assert condition(status_of(api, namespace, "two"))["status"] == "True"
    assert condition(status_of(api, namespace, "one"))["reason"] == "Pending"


def test_a_foreign_configmap_that_came_between_is_not_touched(
    api: Api, namespace: str, kubeconfig: Path, plan: str
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    assert command.run("--dry-run", "--plan-out", plan, kubeconfig=kubeconfig).code == 0
    foreign = api.create(config_map(namespace, "pod-web-from-mine-cfg", {"a": "b"}))
    done = podcm(kubeconfig, "apply", plan)
    assert done.code == 4
    assert "a run would leave it alone now: Foreign" in done.stdout
    assert generated(api, namespace) == foreign


def test_what_the_guard_held_back_stays_and_the_rest_is_done(
    api: Api, namespace: str, kubeconfig: Path, plan: str
) -> None:
    """Exit 4 as in a run; a limit is the plan's, and apply has none of its own."""
    put_work(api, namespace, kubeconfig)
    options = ("--dry-run", "--max-prune", "1", "--plan-out", plan)
    assert command.run(*options, kubeconfig=kubeconfig).code == 4
    done = podcm(kubeconfig, "apply", plan)
    assert done.code == 4
    assert "1 created, 2 updated, 0 deleted, 0 unchanged, 2 held back" in done.stdout
    assert condition(status_of(api, namespace))["reason"] == "PruneBlocked"


def test_a_plan_of_files_waits_for_kubectl_apply(
    api: Api, namespace: str, kubeconfig: Path, plan: str, tmp_path: Path
) -> None:
    api.make_pod(namespace, "web")
    file = tmp_path / "new.yaml"
    file.write_text(yaml.safe_dump(pcmc({}, namespace, "new")))
    options = ("--dry-run", "-f", str(file), "--plan-out", plan)
    assert command.run(*options, kubeconfig=kubeconfig).code == 0
    early = podcm(kubeconfig, "apply", plan)
    assert early.code == 4
    assert "new doesn't exist; the plan was made with -f: run kubectl apply" in early.stdout
    assert names(api, namespace) == []
    make_config(api, namespace, "new")
    assert podcm(kubeconfig, "apply", plan).code == 0
    assert names(api, namespace) == ["pod-web-from-new-cfg"]


def test_an_altered_file_and_another_version_are_refused_before_anything_is_asked(
    api: Api, audit: Audit, namespace: str, kubeconfig: Path, plan: str
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    command.run("--dry-run", "--plan-out", plan, kubeconfig=kubeconfig)
    good = Path(plan).read_text()
    mark = audit.mark()
    for bad, why in (
        (good.replace('"nodeName":""', '"nodeName":"x"'), "was changed"),
        (good[:-200], "isn't a complete plan"),
        (good.replace("plan/v2", "plan/v9"), "podcm-sync/plan/v9"),
        ("{}", "isn't a complete plan"),
        ("", "isn't a complete plan"),
    ):
        assert bad != good
        Path(plan).write_text(bad)
        for what in ("apply", "show"):
            done = podcm(kubeconfig, what, plan)
            assert (done.code, done.stdout) == (2, "")
            assert why in command.error_of(done)
    assert audit.since(mark, user_agent="podcm-sync/") == []
    assert podcm(kubeconfig, "apply", "/nowhere/plan.json").code == 2


def test_another_server_is_refused(
    *,
    api: Api,
    control_plane: ControlPlane,
    namespace: str,
    kubeconfig: Path,
    plan: str,
    tmp_path: Path,
) -> None:
    """The same server by another name is another one, for all that a plan can know."""
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    command.run("--dry-run", "--plan-out", plan, kubeconfig=kubeconfig)
    other = control_plane.kubeconfig(tmp_path / "other", namespace=namespace)
    with_server(other, control_plane.server.replace("127.0.0.1", "localhost"))
    done = podcm(other, "apply", plan)
    assert (done.code, names(api, namespace)) == (4, [])
    assert f"the plan was made for {control_plane.server}" in command.error_of(done)
    offline = podcm(other, "apply", plan, "--from", str(tmp_path))
    assert (offline.code, "leave out --from" in command.error_of(offline)) == (4, True)


def test_the_reports_of_apply_are_those_of_a_run_in_json_too(
    api: Api, namespace: str, kubeconfig: Path, plan: str
) -> None:
    api.make_pod(namespace, "web")
    make_config(api, namespace)
    dry = command.run("--dry-run", "--plan-out", plan, "-o", "json", kubeconfig=kubeconfig)
    assert podcm(kubeconfig, "show", plan, "-o", "json").stdout == dry.stdout
    done = podcm(kubeconfig, "apply", plan, "-o", "json", "--log-format", "json")
    report = json.loads(done.stdout)
    assert report["digest"] == json.loads(dry.stdout)["digest"]
    assert report["summary"]["created"] == 1
    assert [each["result"] for each in report["statuses"]] == ["updated"]
    logged = [json.loads(line) for line in done.stderr.splitlines()]
    assert [each["configMap"] for each in logged if "configMap" in each] == [
        "pod-web-from-mine-cfg"
    ]
