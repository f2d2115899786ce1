"""Facts → checks: each fact alone, from a cluster in which all else is well."""

from typing import Any

import msgspec
import pytest

from podcm_sync.core.doctor.checks import Check, Level
from podcm_sync.core.doctor.contents import Contents
from podcm_sync.core.doctor.diagnosis import Diagnosis, diagnose
from podcm_sync.core.doctor.facts import Facts, Lease, NotChecked, Policy
from podcm_sync.core.doctor.schema import FIELDS
from podcm_sync.core.rights import needed
from podcm_sync.model.objects import Scope, Shard
from podcm_sync.model.rights import Use

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
    contents=Contents(configs=1, config_maps=3),
)
RIGHTS = {str(right): right for right in needed(Use())}


def found(**facts: Any) -> dict[str, Check]:
    checks = diagnose(msgspec.structs.replace(WELL, **facts), RBAC)
    return {check.name: check for check in checks}


def others(checks: dict[str, Check]) -> list[Check]:
    """Those that are not as they are where all is well."""
    return [check for check in checks.values() if check.level is not Level.OK]


def exit_code(**facts: Any) -> int:
    answers = msgspec.structs.replace(WELL, **facts).is_examined
    checks = tuple(found(**facts).values())
    return Diagnosis(server="s", scope=SHOP, checks=checks, answers=answers).exit_code


def test_where_all_is_well() -> None:
    assert {check.name: check.detail for check in found().values()} == {
        "server": "Kubernetes v1.37.2",
        "credentials": "jane",
        "crd": "served, with its status subresource",
        "schema": "the one that this version expects",
        "rights": "all 9 in namespace shop",
        "clock": "within 5 s of the server's",
        "go-controller": "no sign of it",
        "admission": "the policy own limits podcm-sync to ConfigMaps of its own",
        "configs": "1 PodConfigMapConfig",
        "configmaps": "3 generated ConfigMaps",
    }
    assert {check.level for check in found().values()} == {Level.OK}
    assert exit_code() == 0


def test_a_server_that_cannot_be_asked_is_all_that_is_said() -> None:
    (check,) = found(failure="cannot be reached: refused").values()
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
    assert found(version=version)["server"].level is level


@pytest.mark.parametrize(
    ("resources", "level", "said"),
    [
        ({}, Level.FAIL, "does not know PodConfigMapConfigs"),
        ({"others": VERBS}, Level.FAIL, "does not know PodConfigMapConfigs"),
        (RESOURCES | {"podconfigmapconfigs": frozenset({"get"})}, Level.FAIL, "being removed"),
        ({"podconfigmapconfigs": VERBS}, Level.FAIL, "status subresource is off"),
        (UNKNOWN, Level.FAIL, "not checked: the server answered HTTP 500"),
    ],
)
def test_the_crd(resources: Any, level: Level, said: str) -> None:
    check = found(resources=resources)["crd"]
    assert check.level is level
    assert said in check.detail
    assert check.action


@pytest.mark.parametrize("resources", [{}, UNKNOWN])
def test_a_crd_that_is_not_there_has_no_schema(resources: Any) -> None:
    assert "schema" not in found(resources=resources, schema=UNKNOWN)


@pytest.mark.parametrize(
    ("fact", "check", "level", "code"),
    [
        ("version", "server", Level.FAIL, 5),
        ("username", "credentials", Level.FAIL, 5),
        ("resources", "crd", Level.FAIL, 5),
        ("schema", "schema", Level.SKIP, 0),
        ("missing", "rights", Level.SKIP, 0),
        ("leases", "go-controller", Level.SKIP, 0),
    ],
)
def test_what_was_not_checked_is_not_ok_and_tells_why(
    fact: str, check: str, level: Level, code: int
) -> None:
    (other,) = others(found(**{fact: UNKNOWN}))
    assert (other.name, other.level) == (check, level)
    assert other.detail == "not checked: the server answered HTTP 500"
    assert exit_code(**{fact: UNKNOWN}) == code


def test_credentials_that_are_accepted_need_no_name() -> None:
    assert found(username="")["credentials"].level is Level.OK


def test_the_schema() -> None:
    lacking = {path: digest for path, digest in FIELDS.items() if path != "spec.suspend"}
    check = found(schema=lacking)["schema"]
    assert (check.level, check.action) == (Level.FAIL, INSTALL)
    assert check.detail.endswith("it lacks spec.suspend")
    assert found(schema=FIELDS | {"spec.new": "x"})["schema"].action == "upgrade podcm-sync"
    assert found(schema=FIELDS | {"spec.suspend": "x"})["schema"].level is Level.WARN
    many = found(schema={})["schema"]
    assert many.detail.endswith("it lacks spec, status")


def test_a_namespace_that_is_not_there() -> None:
    check = found(absent=("shpo",))["namespaces"]
    assert (check.level, check.detail) == (Level.FAIL, "there is no namespace shpo")
    assert found(absent=("a", "b"))["namespaces"].detail == "there are no namespaces a, b"


def test_missing_rights_are_named_by_namespace_and_resource() -> None:
    names = ("list configmaps", "get configmaps", "list pods")
    check = found(missing={"a": tuple(RIGHTS[name] for name in names), "b": ()})["rights"]
    assert check.level is Level.FAIL
    assert check.detail == "missing in namespace a: list, get configmaps; list pods"
    assert check.action == f"{RBAC} | kubectl apply -f -"
    everywhere = found(missing={"": (RIGHTS["list pods"],)})["rights"]
    assert everywhere.detail == "missing in all namespaces: list pods"


def test_the_right_to_events_is_no_need() -> None:
    event = RIGHTS["create events.events.k8s.io"]
    check = found(missing={"shop": (event,)})["rights"]
    assert check.level is Level.WARN
    assert "--no-events" in check.action
    both = found(missing={"shop": (event,), "b": (RIGHTS["list pods"],)})["rights"]
    assert both.level is Level.FAIL


def test_rights_of_a_shard() -> None:
    scope = Scope(namespaces=None, shard=Shard(index=1, count=4))
    assert found(scope=scope)["rights"].detail == "all 9 in all namespaces"


@pytest.mark.parametrize(
    ("skew", "level", "said"),
    [
        (4.9, Level.OK, "within 5 s"),
        (5.1, Level.WARN, "ours is 5 s behind the server's"),
        (-30, Level.WARN, "ours is 30 s ahead of the server's"),
        (61, Level.FAIL, "61 s behind"),
        (-3600, Level.FAIL, "3600 s ahead"),
    ],
)
def test_the_clock(skew: float, level: Level, said: str) -> None:
    check = found(skew_seconds=skew)["clock"]
    assert check.level is level
    assert said in check.detail


def test_a_clock_that_is_not_known_is_not_judged() -> None:
    assert "clock" not in found(skew_seconds=None)


@pytest.mark.parametrize(
    ("leases", "level", "said"),
    [
        ((("go-1", 3.0),), Level.FAIL, "go-1 renewed its Lease in namespace ops 3 s ago"),
        ((("go-1", -2.0),), Level.FAIL, "0 s ago"),
        ((("go-1", 15.0),), Level.OK, "stopped"),
        ((("", 3.0),), Level.OK, "stopped"),
        ((("", 3.0), ("go-2", 1.0)), Level.FAIL, "go-2"),
        ((), Level.OK, "no sign of it"),
    ],
)
def test_the_go_controller(leases: tuple[tuple[str, float], ...], level: Level, said: str) -> None:
    known = [
        Lease(namespace="ops", holder=holder, renewed_seconds=seconds, duration_seconds=15)
        for holder, seconds in leases
    ]
    check = found(leases=tuple(known))["go-controller"]
    assert check.level is level
    assert said in check.detail


def test_contents() -> None:
    names = tuple(f"shop/{number}" for number in range(6))
    checks = found(contents=Contents(configs=9, invalid=names, unadopted=1, of_suspended=2))
    assert [(each.name, each.level) for each in others(checks)] == [
        ("adoption", Level.WARN),
        ("configs", Level.WARN),
    ]
    assert checks["configs"].detail == (
        "9 PodConfigMapConfigs: 6 invalid (shop/0, shop/1, shop/2, shop/3 and 2 more)"
    )
    assert checks["configmaps"].detail == "0 generated ConfigMaps: 2 of suspended configs"
    assert exit_code(contents=Contents(invalid=names)) == 0


def test_a_list_that_failed_hides_what_was_not_counted() -> None:
    checks = found(contents=Contents(incomplete="cannot list pods: gone"))
    assert checks["lists"].level is Level.FAIL
    assert not checks.keys() & {"configs", "configmaps", "adoption"}
    assert "lists" not in found(contents=None)


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
    (check,) = others(found(policies=()))
    assert (check.name, check.level) == ("admission", Level.WARN)
    assert check.action == "kubectl apply -f deploy/admission-policy.yaml"
    assert exit_code(policies=()) == 0


@pytest.mark.parametrize("actions", [frozenset(), frozenset({"Audit", "Warn"})])
def test_a_policy_that_denies_nothing_is_none(actions: frozenset[str]) -> None:
    (check,) = others(found(policies=(Policy(name="own", conditions="", actions=actions),)))
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
    """Of a person nobody expects that: runs have an account of their own."""
    policy = Policy(name="own", conditions=conditions, actions=frozenset({"Deny"}))
    (check,) = [
        x for x in found(username=username, policies=(policy,)).values() if x.name == "admission"
    ]
    assert (check.level is Level.OK) == is_named
    if not is_named:
        assert username in check.detail


def test_without_permission_to_see_policies_nobody_knows() -> None:
    (check,) = others(found(policies=NotChecked(why="no permission")))
    assert (check.level, check.detail) == (Level.SKIP, "not checked: no permission")
