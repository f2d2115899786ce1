"""Whatever templates do, they stay within their bounds and cost no other namespace time.

Costs are in instructions of the sandbox (`reconcile.bounds`), which are the same on every machine.
"""

import gc
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import pytest

from podcm_sync.api.objects import Pod
from podcm_sync.api.reasons import Reason, ReasonClass, class_of
from podcm_sync.reconcile import bounds
from podcm_sync.reconcile.renderer import Rendering, Request
from podcm_sync.template import job
from podcm_sync.template.fuel import DATA, FUEL, INSTANCE_FUEL, Account, Shared
from podcm_sync.template.sandbox import Sandbox
from tests import command
from tests.template.pods import pod, request

ENDLESS = {"k": "{{ range 100000000000 }}{{ end }}"}
MODEST = {"k": "{{ .name }}"}
MIB = 1 << 20


def pods(count: int, prefix: str = "web") -> list[Pod]:
    return [pod(f"{prefix}-{number:03}") for number in range(count)]


def spent(run: Sandbox, namespace: str = "shop") -> int:
    return run._accounts[namespace][0].spent


def bound(objects: int) -> int:
    return bounds.TEMPLATE_NAMESPACE + bounds.TEMPLATE_PER_OBJECT * objects


def reasons(rendering: Rendering) -> set[Reason]:
    return {rendered.reason for rendered in rendering.pods if rendered.failure}


def failures(rendering: Rendering) -> set[str]:
    return {rendered.failure for rendered in rendering.pods}


def test_comments_and_a_double_loop_in_four_configs_stay_within_the_namespaces_bound() -> None:
    """Parsing is charged, each time that it is done."""
    comment = "{{/*" + "x" * 65_000 + "*/}}"
    loop = "{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}"
    run = Sandbox()
    made = run.render(
        [
            request({"a": comment, "b": comment[:60_000] + "*/}}" + loop}, *pods(25), name=name)
            for name in ("c0", "c1", "c2", "c3")
        ]
    )
    assert spent(run) <= bound(100)
    assert {reason for each in made for reason in reasons(each)} == {
        Reason.TEMPLATE_BUDGET_EXCEEDED
    }


def test_an_endless_loop_on_250_pods_costs_its_config_and_no_other() -> None:
    run = Sandbox()
    endless, modest = run.render(
        [request(ENDLESS, *pods(250), name="a"), request(MODEST, *pods(250), name="b")]
    )
    assert failures(endless) == {job.CONFIG_SPENT}
    assert class_of(Reason.TEMPLATE_BUDGET_EXCEEDED) is ReasonClass.BLOCKING
    assert reasons(endless) == {Reason.TEMPLATE_BUDGET_EXCEEDED}
    assert failures(modest) == {""}
    # A round that ends in the middle of a Pod wastes what it had cost.
    waste = bounds.TEMPLATE_POD
    assert spent(run) < bounds.TEMPLATE_CONFIG + 500 * bounds.TEMPLATE_PER_OBJECT + waste


def test_a_namespace_past_its_bound_fails_at_once_and_others_are_rendered() -> None:
    """A later pass of the run has the rest, and what its objects add."""
    run = Sandbox()
    hostile = [request(ENDLESS, *pods(4), name=f"c{number:02}") for number in range(10)]
    elsewhere = request(MODEST, pod(), namespace="other")
    *closed, fine = run.render([*hostile, elsewhere])
    assert failures(closed[-1]) == {job.NAMESPACE_SPENT}
    assert not closed[-1].is_parsed
    assert spent(run) <= bound(40)
    assert fine.pods[0].data == {"k": "web-0"}
    *closed, fine = run.render([*hostile, elsewhere])
    assert failures(closed[-1]) == {job.NAMESPACE_SPENT}
    assert spent(run) <= bound(80)
    assert fine.pods[0].data == {"k": "web-0"}


def test_the_next_run_begins_with_new_accounts_and_spends_the_same() -> None:
    first, second = Sandbox(), Sandbox()
    assert first.render([request(ENDLESS, pod())]) == second.render([request(ENDLESS, pod())])
    assert spent(first) == spent(second) < bound(1)


def test_modest_pods_among_bombs_are_rendered() -> None:
    bombs, modest = pods(2, "bomb"), pods(100, "modest")
    source = {"k": '{{ if hasPrefix "bomb" .name }}{{ range 100000000000 }}{{ end }}{{ end }}x'}
    (made,) = Sandbox().render([request(source, *bombs, *modest)])
    assert [rendered.failure for rendered in made.pods[2:]] == [""] * 100
    assert failures(made) == {"", 'template "k": stopped after using its CPU budget'}


HEAVY = {
    "k": '{{ $n := 0 }}{{ range (index .annotations "example.com/loops" | atoi) }}'
    "{{ $n = add $n 1 }}{{ end }}{{ $n }}"
}

LOOP_FUEL = 27_500
"""The fuel of one of its loops."""


def heavy(name: str, loops: int) -> Pod:
    return pod(name, annotations={"example.com/loops": str(loops)})


def verdicts(made: Rendering, of: Sequence[Pod]) -> dict[str, tuple[dict[str, str], str]]:
    return {
        each.namespaced_name.name: (rendered.data, rendered.failure)
        for each, rendered in zip(of, made.pods, strict=True)
    }


def test_a_pods_verdict_is_the_same_at_every_place_in_a_batch() -> None:
    """A Pod that needs most of its bound passes, and one that needs more fails."""
    most = bounds.TEMPLATE_POD // LOOP_FUEL
    of_interest = [heavy("m-some", most * 3 // 4), heavy("m-too-many", most * 3 // 2)]
    crowd = [heavy(f"{letter}-{n:02}", 300) for letter in "az" for n in range(40)]
    alone: dict[str, tuple[dict[str, str], str]] = {}
    for each in of_interest:
        (made,) = Sandbox().render([request(HEAVY, each)])
        alone |= verdicts(made, [each])
    assert alone["m-some"][1] == ""
    assert alone["m-too-many"][1] == 'template "k": stopped after using its CPU budget'
    for listed in ([*of_interest, *crowd], [*crowd, *of_interest], [*crowd, *of_interest][::-1]):
        (made,) = Sandbox().render([request(HEAVY, *listed)])
        among = verdicts(made, listed)
        assert {name: among[name] for name in alone} == alone


def test_decoding_a_pod_is_charged_to_that_pod() -> None:
    """An annotation of 250 KB costs its own Pod, and no other Pod's budget."""

    def cost(annotations: dict[str, str]) -> int:
        run = Sandbox()
        run.render([request(MODEST, pod(annotations=annotations))])
        return spent(run)

    many = {f"example.com/{number}": "x" for number in range(10_000)}
    assert cost(many) > cost({}) + 10_000 * 100


def test_hostile_namespaces_leave_ordinary_ones_alone_and_share_what_the_run_grants() -> None:
    hostile = [
        request(ENDLESS, *pods(5), name=f"c{number}", namespace=f"hostile-{space}")
        for space in range(4)
        for number in range(4)
    ]
    ordinary = [request(MODEST, *pods(5), namespace=f"ordinary-{n:02}") for n in range(50)]
    run = Sandbox()
    run._fuel.remaining = granted = FUEL.free * 3
    made = run.render([*hostile, *ordinary])
    assert {text for each in made[len(hostile) :] for text in failures(each)} == {""}
    everyone = [account for account, _ in run._accounts.values()]
    own = 54 * FUEL.free + 50 * 5 * FUEL.per_object
    assert sum(account.spent for account in everyone) <= granted + own
    assert {text for each in made[: len(hostile)] for text in failures(each)} == {job.RUN_SPENT}


def test_the_cheaper_namespace_goes_before_the_expensive_one() -> None:
    """Both need more than their free parts, and the shared part isn't enough for both."""
    run = Sandbox()
    run._fuel.remaining = FUEL.free * 2
    dear = request(ENDLESS, *pods(8), name="dear", namespace="a")
    cheap = request(HEAVY, *[heavy(f"web-{n}", 12_000) for n in range(4)], namespace="b")
    expensive, affordable = run.render([dear, cheap])
    assert failures(expensive) == {job.RUN_SPENT}
    assert failures(affordable) == {""}


def test_data_held_for_a_namespace_is_bounded_and_so_is_that_of_the_run() -> None:
    megabyte = {"k": '{{ repeat 1048576 "x" }}'}
    run = Sandbox()
    made = run.render(
        [
            request(megabyte, *pods(10), name=f"c{number}", namespace=f"ns-{space}")
            for space in range(6)
            for number in range(5)
        ]
    )
    held = {name: data.spent for name, (_, data) in run._accounts.items()}
    assert max(held.values()) <= DATA.namespace + 50 * DATA.per_object
    assert sum(held.values()) <= DATA.run + 6 * (DATA.free + 50 * DATA.per_object)
    texts = {text for each in made for text in failures(each)}
    assert texts == {"", job.RUN_FULL}
    (one,) = Sandbox().render([request(megabyte, *pods(50))])
    assert failures(one) == {"", job.NAMESPACE_FULL}
    assert sum(bool(rendered.data) for rendered in one.pods) == 32


def test_a_wide_character_counts_as_the_memory_that_it_takes() -> None:
    """One emoji makes Python store each character of a text in four bytes."""
    wide = {"k": '😀{{ repeat 1000000 "x" }}'}
    (made,) = Sandbox().render([request(wide, *pods(20))])
    assert sum(bool(rendered.data) for rendered in made.pods) == 8


def test_answers_of_a_finished_config_are_freed_without_a_garbage_collection() -> None:
    run = Sandbox()
    run.render([request(MODEST, pod())])
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for templates in (
            {"k": '{{ repeat 1000000 "x" }}'},
            {"k": '{{ if eq .name "web-003" }}{{ fail "no" }}{{ end }}{{ repeat 1000000 "x" }}'},
            {
                "k": '{{ if eq .name "web-003" }}{{ repeat 99999999 "x" }}{{ end }}'
                '{{ repeat 1000000 "x" }}'
            },
        ):
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(3):
                Sandbox().render([request(templates, *pods(10))])
            after, _ = tracemalloc.get_traced_memory()
            assert after - before < MIB, "the answers were dropped, and must be gone"
    finally:
        tracemalloc.stop()
        gc.enable()


def test_no_more_answers_are_held_than_a_bound_allows_while_a_batch_is_at_work() -> None:
    tracemalloc.start()
    try:
        Sandbox().render([request({"k": '{{ repeat 1000000 "x" }}'}, *pods(150))])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < DATA.namespace + 8 * MIB


def test_what_is_not_rendered_in_time_is_interrupted_and_did_not_fail() -> None:
    calls = iter(range(1_000))
    run = Sandbox(is_over=lambda: next(calls) > 20)
    first, second = run.render([request(MODEST, *pods(50), name=name) for name in "ab"])
    assert failures(first) == {"", job.NOT_BEGUN}
    assert failures(second) == {job.NOT_BEGUN}
    assert reasons(first) == reasons(second) == {Reason.INTERRUPTED}
    assert (first.is_parsed, second.is_parsed) == (True, False)


def test_small_namespaces_are_rendered_before_time_runs_out() -> None:
    calls = iter(range(1_000))
    run = Sandbox(is_over=lambda: next(calls) > 60)
    large, small = run.render(
        [request(MODEST, *pods(300), namespace="a"), request(MODEST, *pods(5), namespace="b")]
    )
    assert failures(small) == {""}
    assert failures(large) == {"", job.NOT_BEGUN}


def test_time_is_looked_at_after_each_pod() -> None:
    ends = [False]

    def is_over() -> bool:
        return ends[0]

    rendered = 0

    class Counting(Account):
        def charge(self, amount: int) -> None:
            nonlocal rendered
            rendered += 1
            ends[0] = rendered > 10
            super().charge(amount)

    run = Sandbox(is_over)
    run._accounts["shop"] = (Counting(Shared(FUEL)), Account(Shared(DATA)))
    (made,) = run.render([request(MODEST, *pods(100))])
    assert sum(bool(each.data) for each in made.pods) < 12


SCRIPT = """
import resource, sys
from tests.template.pods import pod, request
from podcm_sync.template.sandbox import Sandbox, machine
if sys.argv[1] == "loaded":
    machine()
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20), used + (64 << 20)))
(made,) = Sandbox().render([request({"k": "{{ .name }}"}, pod("a"), pod("b"))])
print(len(made.pods), made.is_parsed, made.pods[0].reason, made.pods[0].failure)
"""


@pytest.mark.parametrize("when", ["loaded", "unloaded"])
def test_without_room_for_the_engine_templates_fail_and_the_run_goes_on(when: str) -> None:
    """RLIMIT_AS forbids the 4 GiB of addresses that an instance reserves."""
    done = command.python("-c", SCRIPT, when, env={"PYTHONPATH": str(Path(__file__).parents[2])})
    assert done.code == 0, done.stderr
    start = f"2 False {Reason.TEMPLATE_ENGINE_UNAVAILABLE} the template engine cannot start: "
    assert done.stdout.startswith(start)
    assert len(done.stdout.strip()) > len(start)


def test_an_account_takes_from_the_shared_part_only_what_is_not_its_own() -> None:
    shared = Shared(FUEL)
    account = Account(shared)
    account.begin_pass()
    account.begin_round(0)
    for _ in range(10):
        account.earn()
    own = FUEL.free + 10 * FUEL.per_object
    assert account.remaining_in_round == own
    account.charge(own)
    assert (account.remaining_in_round, shared.remaining) == (0, FUEL.run)
    account.begin_round(1)
    assert account.remaining_in_round == FUEL.free
    account.charge(FUEL.free)
    assert shared.remaining == FUEL.run - FUEL.free


def test_a_new_instance_is_charged() -> None:
    run = Sandbox()
    run.render([Request(config=request(MODEST).config, templates=MODEST, pods=[])])
    assert spent(run) > INSTANCE_FUEL


def test_what_is_put_off_is_rendered_later_as_if_nothing_had_been() -> None:
    requests = [
        request(ENDLESS, *pods(5), namespace="expensive"),
        request(MODEST, *pods(300), namespace="large"),
        request(MODEST, namespace="expensive", name="without-pods"),
    ]
    run, other = Sandbox(), Sandbox()
    first = run.render(requests, may_defer=True)
    assert [each.is_deferred for each in first] == [True, False, True]
    assert {text for each in first[1:] for text in failures(each)} == {""}
    assert "expensive" not in run._accounts
    expensive = [requests[0], requests[2]]
    assert run.render(expensive) == other.render(expensive)
    assert spent(run, "expensive") == spent(other, "expensive")


def test_a_run_spends_a_short_turn_for_each_expensive_namespace_before_it_writes() -> None:
    requests = [request(ENDLESS, *pods(5), namespace=f"hostile-{n}") for n in range(3)]
    run = Sandbox()
    turns: list[int] = []
    charge = Account.charge

    def noted(account: Account, amount: int) -> None:
        turns.append(amount)
        charge(account, amount)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Account, "charge", noted)
        run.render(requests, may_defer=True)
    assert 0 < sum(turns) <= 3 * FUEL.first
