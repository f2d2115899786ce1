"""The check of each fact, in a cluster where everything else is right."""

from typing import Any

import msgspec
import pytest

from podcm_sync.doctor.checks import Check, Level
from podcm_sync.doctor.contents import Contents
from podcm_sync.doctor.crd_schema import FIELDS
from podcm_sync.doctor.diagnosis import Diagnosis, diagnose
from podcm_sync.doctor.facts import Facts, Lease, NotChecked, Policy
from podcm_sync.rbac.rights import RunProfile, needed
from podcm_sync.reconcile.snapshot import Scope, Shard

RBAC = "podcm-sync rbac -n shop"
VERBS = frozenset({"create", "delete", "get", "list", "patch"})
RESOURCES = {"podconfigmapconfigs": VERBS, "podconfigmapconfigs/status": frozenset({"patch"})}
INSTALL = "kubectl apply -f crd/podconfigmapconfig_crd.yaml"
SHOP = Scope(namespaces=("shop",))
UNKNOWN = NotChecked(why="the server answered HTTP 500")
WELL = Facts(
    scope=SHOP,
    version="v1.37.2",
    username="jane",
    resources=RESOURCES,
    schema=FIELDS,
    rights=9,
    missing={},
    skew_seconds=0.4,
    leases=(),
    policies=(
        Policy(
            name="own",
            conditions="request.userInfo.username.matches("
            "'^system:serviceaccount:[^:]+:podcm-sync$')",
            actions=frozenset({"Deny"}),
        ),
    ),
    workloads=(),
    contents=Contents(configs=1, config_maps=3),
)
RIGHTS = {str(right): right for right in needed(RunProfile())}


def checks_of(**facts: Any) -> dict[str, Check]:
    checks = diagnose(msgspec.structs.replace(WELL, **facts), RBAC, RunProfile())
    return {check.name: check for check in checks}


def others(checks: dict[str, Check]) -> list[Check]:
    """The checks that differ from those of a cluster where everything is right."""
    return [check for check in checks.values() if check.level is not Level.OK]


def exit_code(**facts: Any) -> int:
    answers = msgspec.structs.replace(WELL, **facts).is_examined
    checks = tuple(checks_of(**facts).values())
    return Diagnosis(server="s", scope=SHOP, checks=checks, answers=answers).exit_code


def test_where_all_is_well() -> None:
    assert {check.name: check.detail for check in checks_of().values()} == {
        "server": "Kubernetes v1.37.2",
        "credentials": "jane",
        "crd": "served, with its status subresource",
        "schema": "the CRD's schema is the one that this version expects",
        "permissions": "all 9 in namespace shop",
        "clock": "within 5 s of the server's",
        "go-controller": "no Lease of it",
        "admission": "the policy own limits podcm-sync to its own ConfigMaps",
        "workloads": "no CronJob or Deployment runs podcm-sync",
        "configs": "1 PodConfigMapConfig",
        "configmaps": "3 generated ConfigMaps",
    }
    assert {check.level for check in checks_of().values()} == {Level.OK}
    assert exit_code() == 0


def test_a_server_that_cannot_be_asked_is_all_that_is_said() -> None:
    (check,) = checks_of(failure="cannot be reached: refused").values()
    assert (check.name, check.level) == ("server", Level.FAIL)
    assert exit_code(failure="no") == 5


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ("v1.31.0", Level.OK),
        ("v1.30.9", Level.FAIL),
        ("v1.9.0", Level.FAIL),
        ("v2.0.0", Level.OK),
        ("1.32-eks-1", Level.OK),
        ("unknown", Level.WARN),
        ("", Level.WARN),
        (UNKNOWN, Level.FAIL),
    ],
)
def test_versions(version: str | NotChecked, level: Level) -> None:
    assert checks_of(version=version)["server"].level is level


@pytest.mark.parametrize(
    ("resources", "level", "text"),
    [
        ({}, Level.FAIL, "isn't installed"),
        ({"others": VERBS}, Level.FAIL, "isn't installed"),
        (RESOURCES | {"podconfigmapconfigs": frozenset({"get"})}, Level.FAIL, "being removed"),
        ({"podconfigmapconfigs": VERBS}, Level.FAIL, "status subresource is off"),
        (UNKNOWN, Level.FAIL, "not checked: the server answered HTTP 500"),
    ],
)
def test_the_crd(resources: Any, level: Level, text: str) -> None:
    check = checks_of(resources=resources)["crd"]
    assert check.level is level
    assert text in check.detail
    assert check.action or check.commands


@pytest.mark.parametrize("resources", [{}, UNKNOWN])
def test_a_crd_that_is_not_there_has_no_schema(resources: Any) -> None:
    assert "schema" not in checks_of(resources=resources, schema=UNKNOWN)


@pytest.mark.parametrize(
    ("fact", "check", "level", "code"),
    [
        ("version", "server", Level.FAIL, 5),
        ("username", "credentials", Level.FAIL, 5),
        ("resources", "crd", Level.FAIL, 5),
        ("schema", "schema", Level.SKIP, 0),
        ("missing", "permissions", Level.SKIP, 0),
        ("leases", "go-controller", Level.SKIP, 0),
    ],
)
def test_what_was_not_checked_is_not_ok_and_tells_why(
    fact: str, check: str, level: Level, code: int
) -> None:
    (other,) = others(checks_of(**{fact: UNKNOWN}))
    assert (other.name, other.level) == (check, level)
    assert other.detail == "not checked: the server answered HTTP 500"
    assert exit_code(**{fact: UNKNOWN}) == code


def test_credentials_that_are_accepted_need_no_name() -> None:
    assert checks_of(username="")["credentials"].level is Level.OK


def test_the_schema() -> None:
    lacking = {path: digest for path, digest in FIELDS.items() if path != "spec.suspend"}
    check = checks_of(schema=lacking)["schema"]
    assert (check.level, check.commands) == (Level.FAIL, (INSTALL,))
    assert check.detail.endswith("it lacks spec.suspend")
    assert checks_of(schema=FIELDS | {"spec.new": "x"})["schema"].action == "upgrade podcm-sync"
    assert checks_of(schema=FIELDS | {"spec.suspend": "x"})["schema"].level is Level.WARN
    many = checks_of(schema={})["schema"]
    assert many.detail.endswith("it lacks spec, status")


def test_a_namespace_that_is_not_there() -> None:
    check = checks_of(absent=("shpo",))["namespaces"]
    assert (check.level, check.detail) == (Level.FAIL, "namespace shpo does not exist")
    assert checks_of(absent=("a", "b"))["namespaces"].detail == "namespaces a, b do not exist"


def test_missing_rights_are_named_by_namespace_and_resource() -> None:
    names = ("list configmaps", "get configmaps", "list pods")
    check = checks_of(missing={"a": tuple(RIGHTS[name] for name in names), "b": ()})["permissions"]
    assert check.level is Level.FAIL
    assert check.detail == "missing in namespace a: list, get configmaps; list pods"
    assert check.commands[0] == f"{RBAC} | kubectl apply -f -"
    everywhere = checks_of(missing={"": (RIGHTS["list pods"],)})["permissions"]
    assert everywhere.detail == "missing in all namespaces: list pods"


@pytest.mark.parametrize(
    ("scope", "binding"),
    [
        (SHOP, "kubectl create rolebinding podcm-sync -n shop --role=podcm-sync"),
        (
            Scope(namespaces=None),
            "kubectl create clusterrolebinding podcm-sync --clusterrole=podcm-sync",
        ),
    ],
)
def test_a_users_fix_binds_the_role_and_reaches_the_same_cluster(
    scope: Scope, binding: str
) -> None:
    """A Role without a binding gives nobody a permission."""
    facts = msgspec.structs.replace(
        WELL, scope=scope, username="o'neil", missing={"shop": (RIGHTS["list pods"],)}
    )
    checks = diagnose(facts, RBAC, RunProfile(), " --context=prod")
    (check,) = [check for check in checks if check.name == "permissions"]
    assert check.commands == (
        f"{RBAC} | kubectl apply --context=prod -f -",
        f"""{binding} --user='o'"'"'neil' --context=prod""",
    )


def test_every_role_is_bound_the_leases_too() -> None:
    facts = msgspec.structs.replace(WELL, missing={"shop": (RIGHTS["list pods"],)})
    profile = RunProfile(leader_elect=True, lease_namespace="ops")
    (check,) = [x for x in diagnose(facts, RBAC, profile) if x.name == "permissions"]
    assert "-n ops --role=podcm-sync-leader --user=jane" in check.commands[2]


def test_a_service_account_is_bound_by_rbac_itself() -> None:
    account = "system:serviceaccount:shop:sync"
    check = checks_of(username=account, missing={"shop": (RIGHTS["list pods"],)})["permissions"]
    assert check.commands == (f"{RBAC} | kubectl apply -f -",)


def test_a_user_whose_name_is_unknown_is_to_be_named() -> None:
    check = checks_of(username="", missing={"shop": (RIGHTS["list pods"],)})["permissions"]
    assert check.commands[1].endswith("--user=USER")
    assert "USER" in check.action


def test_the_right_to_events_is_no_need() -> None:
    event = RIGHTS["create events.events.k8s.io"]
    check = checks_of(missing={"shop": (event,)})["permissions"]
    assert check.level is Level.WARN
    assert "--no-events" in check.action
    both = checks_of(missing={"shop": (event,), "b": (RIGHTS["list pods"],)})["permissions"]
    assert both.level is Level.FAIL


def test_a_loop_works_without_the_right_to_watch() -> None:
    """But not with --watch, so that it fails here and not at midnight."""
    watch = tuple(right for right in needed(RunProfile(watch=True)) if right.verb == "watch")
    assert len(watch) == 3
    check = checks_of(missing={"shop": watch})["permissions"]
    assert (check.level, check.action) == (Level.FAIL, "or run without --watch")
    check = checks_of(username="", missing={"shop": watch})["permissions"]
    assert check.action == "replace USER with the name of the user; or run without --watch"
    lists = checks_of(missing={"shop": (RIGHTS["list pods"], *watch)})["permissions"]
    assert "--watch" not in lists.action


def test_the_role_to_watch_is_bound_too() -> None:
    facts = msgspec.structs.replace(WELL, missing={"shop": (RIGHTS["list pods"],)})
    (check,) = [x for x in diagnose(facts, RBAC, RunProfile(watch=True)) if x.name == "permissions"]
    assert "rolebinding podcm-sync-watch -n shop --role=podcm-sync-watch" in check.commands[2]


def test_rights_of_a_shard() -> None:
    scope = Scope(namespaces=None, shard=Shard(index=1, count=4))
    assert checks_of(scope=scope)["permissions"].detail == "all 9 in all namespaces"


@pytest.mark.parametrize(
    ("skew", "level", "text"),
    [
        (4.9, Level.OK, "within 5 s"),
        (5.1, Level.WARN, "this clock is 5 s behind the server's"),
        (-30, Level.WARN, "this clock is 30 s ahead of the server's"),
        (61, Level.FAIL, "61 s behind"),
        (-3600, Level.FAIL, "3600 s ahead"),
    ],
)
def test_the_clock(skew: float, level: Level, text: str) -> None:
    check = checks_of(skew_seconds=skew)["clock"]
    assert check.level is level
    assert text in check.detail


def test_a_clock_that_is_not_known_is_not_judged() -> None:
    assert "clock" not in checks_of(skew_seconds=None)


@pytest.mark.parametrize(
    ("leases", "level", "text"),
    [
        ((("go-1", 3.0),), Level.FAIL, "go-1 renewed its Lease in namespace ops 3 s ago"),
        ((("go-1", -2.0),), Level.FAIL, "0 s ago"),
        ((("go-1", 15.0),), Level.OK, "stopped"),
        ((("", 3.0),), Level.OK, "stopped"),
        ((("", 3.0), ("go-2", 1.0)), Level.FAIL, "go-2"),
        ((), Level.OK, "no Lease of it"),
    ],
)
def test_the_go_controller(leases: tuple[tuple[str, float], ...], level: Level, text: str) -> None:
    known = [
        Lease(namespace="ops", holder=holder, renewed_seconds=seconds, duration_seconds=15)
        for holder, seconds in leases
    ]
    check = checks_of(leases=tuple(known))["go-controller"]
    assert check.level is level
    assert text in check.detail


def test_contents() -> None:
    names = tuple(f"shop/{number}" for number in range(6))
    checks = checks_of(contents=Contents(configs=9, invalid=names, unadopted=1, of_suspended=2))
    assert [(other.name, other.level) for other in others(checks)] == [
        ("adoption", Level.WARN),
        ("configs", Level.WARN),
    ]
    assert checks["configs"].detail == (
        "9 PodConfigMapConfigs: 6 invalid (shop/0, shop/1, shop/2, shop/3 and 2 more)"
    )
    assert checks["configs"].action == "podcm-sync explain pcmc/0 -n shop"
    assert checks["adoption"].action.endswith(": podcm-sync -n shop --dry-run")
    assert checks["configmaps"].detail == "0 generated ConfigMaps: 2 of suspended configs"
    assert exit_code(contents=Contents(invalid=names)) == 0


def test_a_list_that_failed_hides_what_was_not_counted() -> None:
    checks = checks_of(contents=Contents(incomplete="cannot list pods: gone"))
    assert checks["lists"].level is Level.FAIL
    assert not checks.keys() & {"configs", "configmaps", "adoption"}
    assert "lists" not in checks_of(contents=None)


def test_contents_that_nobody_may_list_are_not_checked() -> None:
    checks = checks_of(contents=None)
    for name in ("configs", "configmaps"):
        assert checks[name].level is Level.SKIP
        assert checks[name].detail == "not checked: no permission to list"
    assert "configs" not in checks_of(contents=None, resources={})


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"version": "v1.30.0"}, 3),
        ({"resources": {}}, 3),
        ({"missing": {"shop": (RIGHTS["list pods"],)}}, 3),
        ({"skew_seconds": 10}, 0),
    ],
)
def test_exit_codes(facts: Any, code: int) -> None:
    assert exit_code(**facts) == code


def test_a_cluster_without_the_admission_policy_is_told_how_to_install_it() -> None:
    (check,) = others(checks_of(policies=()))
    assert (check.name, check.level) == ("admission", Level.WARN)
    assert check.commands == ("kubectl apply -f deploy/admission-policy.yaml",)
    assert exit_code(policies=()) == 0


@pytest.mark.parametrize("actions", [frozenset(), frozenset({"Audit", "Warn"})])
def test_a_policy_that_denies_nothing_is_none(actions: frozenset[str]) -> None:
    (check,) = others(checks_of(policies=(Policy(name="own", conditions="", actions=actions),)))
    assert check.level is Level.WARN
    assert "has no binding with Deny" in check.detail


@pytest.mark.parametrize(
    ("username", "conditions", "is_named"),
    [
        ("jane", "nobody", True),
        ("system:serviceaccount:shop:sync", "x in ['system:serviceaccount:shop:sync']", True),
        ("system:serviceaccount:shop:sync", "x in ['system:serviceaccount:shop:sync-2']", False),
        ("system:serviceaccount:shop:sync", "x in ['system:serviceaccount:bank:sync']", False),
        ("system:serviceaccount:a:b", "x.matches('^system:serviceaccount:[^:]+:b$')", True),
        ("system:serviceaccount:a:b", "x.matches('^system:serviceaccount:[^:]+:ab$')", False),
    ],
)
def test_a_policy_must_name_the_service_account_of_the_runs(
    username: str, conditions: str, is_named: bool
) -> None:
    """The policy needn't name a person, because runs have their own account."""
    policy = Policy(name="own", conditions=conditions, actions=frozenset({"Deny"}))
    (check,) = [
        x
        for x in checks_of(username=username, policies=(policy,)).values()
        if x.name == "admission"
    ]
    assert (check.level is Level.OK) == is_named
    if not is_named:
        assert username in check.detail


def test_without_permission_to_see_policies_nobody_knows() -> None:
    (check,) = others(checks_of(policies=NotChecked(why="no permission")))
    assert (check.level, check.detail) == (Level.SKIP, "not checked: no permission")
