"""--max-prune and --max-prune-total: what would delete too much deletes nothing (§6)."""

from pathlib import Path

import pytest

from tests import command
from tests.controlplane.api import Api, Object
from tests.controlplane.plugin import new_namespace
from tests.controlplane.sync_objects import (
    GENERATED_BY,
    all_config_maps,
    change_config,
    config_map,
    make_config,
    names,
    settle,
)
from tests.controlplane.syncing import meddling, sync


@pytest.fixture
def other(api: Api) -> str:
    """A second namespace of the test's own."""
    return new_namespace(api)


def without(*pods: int) -> Object:
    """A spec that selects all Pods but these."""
    values = [str(number) for number in pods] or ["none"]
    return {
        "podSelector": {"matchExpressions": [{"key": "n", "operator": "NotIn", "values": values}]}
    }


def make(api: Api, namespace: str, kubeconfig: Path, count: int) -> None:
    """So many Pods with a ConfigMap each, and three of another's, which no limit counts."""
    for number in range(count):
        api.make_pod(namespace, f"p{number}", labels={"n": str(number)})
    make_config(api, namespace)
    assert sync(kubeconfig, namespace).counts == {"created": count}
    for name in ("another-1", "another-2", "another-3"):
        api.create(config_map(namespace, name, labels={GENERATED_BY: "mine"}))


def ours(api: Api, namespace: str) -> list[str]:
    return [name for name in names(api, namespace) if not name.startswith("another")]


@pytest.mark.parametrize(
    ("limits", "unwanted", "is_held_back"),
    [
        (("2",), 3, True),
        (("3",), 3, False),
        (("0",), 1, True),
        (("0",), 0, False),
        (("20%",), 3, True),
        (("30%",), 3, False),
        (("21%",), 3, False),  # 2.1 rounded up
        (("0%",), 1, True),
        (("100%",), 10, False),
        (("1", "30%"), 3, False),
        (("30%", "1"), 3, False),
        (("3", "1%"), 3, False),
        (("1", "2", "20%"), 3, True),
        ((), 10, False),
    ],
)
def test_a_limit_is_a_number_a_percentage_or_the_most_generous_of_several(
    api: Api,
    namespace: str,
    kubeconfig: Path,
    limits: tuple[str, ...],
    unwanted: int,
    *,
    is_held_back: bool,
) -> None:
    """behavior.md §6: of our ConfigMaps in the scope, rounded up; without a limit all may go."""
    make(api, namespace, kubeconfig, 10)
    change_config(api, namespace, without(*range(unwanted)))
    run = sync(kubeconfig, max_prune=limits)
    assert run.code == (4 if is_held_back else 0)
    assert len(ours(api, namespace)) == (10 if is_held_back else 10 - unwanted)


def test_all_deletes_are_held_back_and_all_else_is_done(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§6: it says what it held back, and the option that it names does let it through."""
    make(api, namespace, kubeconfig, 5)
    api.make_pod(namespace, "new", labels={"n": "new"})
    api.patch("Pod", namespace, "p4", {"status": {"phase": "Running"}}, "status")
    change_config(api, namespace, without(0, 1, 2))

    dry = command.run("--max-prune", "2", "--dry-run", kubeconfig=kubeconfig)
    assert (dry.code, len(ours(api, namespace))) == (4, 5)
    done = command.run("--max-prune", "2", kubeconfig=kubeconfig)

    assert done.code == 4
    held_back = ", ".join(f"{namespace}/pod-p{number}-from-mine-cfg" for number in range(3))
    assert f"    {held_back}\n" in done.stdout
    assert "1 created, 1 updated, 0 deleted, 1 unchanged, 3 held back" in done.stdout
    for said in (dry.stdout, done.stdout):
        (guard,) = (
            line for line in said.splitlines() if line.startswith("! 3 deletions held back")
        )
        assert guard.endswith("to allow them, use --max-prune 3")
    assert len(ours(api, namespace)) == 6

    done = command.run("--max-prune", "3", kubeconfig=kubeconfig)
    assert (done.code, len(ours(api, namespace))) == (0, 3)


def test_orphans_of_pods_that_are_gone_are_counted(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """behavior.md §6: every ConfigMap that the run would delete."""
    make(api, namespace, kubeconfig, 5)
    settle(api, namespace, "p0", propagationPolicy="Orphan")
    change_config(api, namespace, without(1, 2))
    before = all_config_maps(api, namespace)
    run = sync(kubeconfig, max_prune=("2",))
    assert (run.counts, run.code) == ({"skipped": 3, "unchanged": 2}, 4)
    assert run.message("pod-p1-from-mine-cfg").endswith("use --max-prune 3")
    assert all_config_maps(api, namespace) == before
    run = sync(kubeconfig, max_prune=("3",))
    assert (run.counts, run.code) == ({"deleted": 3, "unchanged": 2}, 0)


def test_each_namespace_is_judged_alone(
    api: Api, namespace: str, other: str, kubeconfig: Path
) -> None:
    """§6: a namespace over its limit deletes nothing, and the others are not affected."""
    make(api, namespace, kubeconfig, 4)
    make(api, other, kubeconfig, 2)
    change_config(api, namespace, without(0, 1))
    change_config(api, other, without(0, 1))
    assert sync(kubeconfig, namespace, other, max_prune=("50%",)).code == 4
    assert (len(ours(api, namespace)), len(ours(api, other))) == (2, 2)


def test_the_total_leaves_out_the_namespace_with_the_most_deletions(
    api: Api, namespace: str, other: str, kubeconfig: Path
) -> None:
    for where in (namespace, other):
        make(api, where, kubeconfig, 3)
    change_config(api, namespace, without(0, 1, 2))
    change_config(api, other, without(0))
    assert sync(kubeconfig, namespace, max_prune_total=("2",)).code == 4
    assert sync(kubeconfig, namespace, other, max_prune_total=("0",)).code == 4
    assert (len(ours(api, namespace)), len(ours(api, other))) == (3, 3)
    assert sync(kubeconfig, namespace, other, max_prune_total=("1",)).code == 0
    assert (len(ours(api, namespace)), len(ours(api, other))) == (0, 2)


def test_the_limit_is_one_for_all_passes(api: Api, namespace: str, kubeconfig: Path) -> None:
    """§6, §2: what an earlier pass deleted counts; else each pass would have its own."""
    make(api, namespace, kubeconfig, 5)
    api.patch("Pod", namespace, "p4", {"status": {"phase": "Running"}}, "status")
    change_config(api, namespace, without(0, 1))

    def act() -> None:
        change_config(api, namespace, without(0, 1, 2, 3))
        # And so that there is another pass:
        api.patch("ConfigMap", namespace, "pod-p4-from-mine-cfg", {"data": {"phase": "x"}})

    run = sync(kubeconfig, max_prune=("2",), interfere=meddling(namespace, "update", act))
    assert (run.counts, run.code) == ({"deleted": 2, "skipped": 2, "updated": 1}, 4)
    assert ours(api, namespace) == [f"pod-p{number}-from-mine-cfg" for number in (2, 3, 4)]


def test_held_back_comes_before_failed_and_failed_can_be_tolerated(
    api: Api, namespace: str, kubeconfig: Path
) -> None:
    """§7: of several exit codes 4 comes before 3; both are of single namespaces here."""
    make(api, namespace, kubeconfig, 2)
    change_config(api, namespace, without(0))
    api.make_pod(namespace, "taken", labels={"n": "taken"})
    api.create(config_map(namespace, "pod-taken-from-mine-cfg"))
    tolerant = "--tolerate-object-failures"
    codes = [
        command.run(*options, kubeconfig=kubeconfig).code
        for options in (("--max-prune", "0"), ("--max-prune", "0", tolerant), (), (tolerant,))
    ]
    assert codes == [4, 0, 3, 0]
