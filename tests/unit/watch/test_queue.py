"""§10: a pass comes at once for what an event concerns, and later, but surely, for the rest."""

import pytest

from podcm_sync.watch.namespace import QUIET, WHOLE, Touched
from podcm_sync.watch.queue import (
    CPU_BURST_SECONDS,
    CPU_SHARE,
    LATEST_SECONDS,
    LONGEST_RETRY_SECONDS,
    MANY_PODS,
    MAX_REST_SECONDS,
    POD_WRITES,
    QUIET_SECONDS,
    RETRY_SECONDS,
    Queue,
    Work,
)

WEB = Touched(pods=frozenset({"web-0"}))


class Timed:
    """A queue that is active, and its clock."""

    def __init__(self, *, is_active: bool = True) -> None:
        self.now = 100.0
        self.queue = Queue(now=lambda: self.now)
        self.queue.activate(is_active=is_active)

    def touch(self, touched: Touched = QUIET, namespace: str = "shop") -> None:
        self.queue.touch(namespace, touched, self.now)

    def next(self, after: float = 0.0) -> Work | None:
        self.now += after
        return self.queue.next(0.0)

    def work(self, after: float = 0.0) -> Work:
        work = self.next(after)
        assert work is not None
        return work

    def done(self, work: Work, *, cpu_seconds: float = 0.0, has_failed: bool = False) -> None:
        self.queue.done(work, cpu_seconds=cpu_seconds, has_failed=has_failed)

    def drained(self) -> "Timed":
        """Once nothing waits any more."""
        while (work := self.next(QUIET_SECONDS)) is not None:
            self.done(work)
        return self


@pytest.fixture
def timed() -> Timed:
    return Timed()


def test_the_pods_of_an_event_get_a_pass_at_once(timed: Timed) -> None:
    timed.touch(WEB)
    work = timed.work()
    assert (work.namespace, work.focus, work.is_final) == ("shop", frozenset({"web-0"}), False)
    assert work.since("web-0") == timed.now
    assert work.since("web-1") is None


def test_an_event_of_a_whole_namespace_has_no_focus(timed: Timed) -> None:
    timed.touch(WEB)
    timed.now += 0.5
    timed.touch(WHOLE)
    work = timed.work()
    assert work.focus is None
    assert work.since("web-0") == timed.now - 0.5
    assert work.since("web-1") == timed.now


def test_the_pass_over_a_quiet_namespace_comes_after_a_second(timed: Timed) -> None:
    timed.touch()
    assert timed.next(QUIET_SECONDS - 0.01) is None
    work = timed.work(0.01)
    assert (work.is_final, work.focus) == (True, None)


def test_each_event_puts_that_pass_off_but_not_for_more_than_ten_seconds(timed: Timed) -> None:
    began = timed.now
    timed.touch()
    while (work := timed.next(QUIET_SECONDS / 2)) is None:
        timed.touch()
    assert work.is_final
    assert timed.now - began == LATEST_SECONDS


def test_a_stream_of_prompt_work_doesnt_put_it_off_either(timed: Timed) -> None:
    began = timed.now
    kinds: list[bool] = []
    while not any(kinds):
        timed.touch(WEB)
        work = timed.work()
        kinds.append(work.is_final)
        timed.done(work)
        timed.now += QUIET_SECONDS / 2
        if (more := timed.next()) is not None:
            kinds.append(more.is_final)
        assert timed.now - began <= LATEST_SECONDS


def test_prompt_work_that_fails_for_ever_doesnt_put_it_off(timed: Timed) -> None:
    timed.touch(WEB)
    for _ in range(100):
        work = timed.next(0.5)
        if work is not None and work.is_final:
            return
        if work is not None:
            timed.done(work, has_failed=True)
    raise AssertionError("no final pass")


def test_a_prompt_pass_and_a_final_one_may_overlap_but_none_with_its_own_kind(
    timed: Timed,
) -> None:
    timed.touch(WEB)
    prompt = timed.work()
    final = timed.work(QUIET_SECONDS)
    assert (prompt.is_final, final.is_final) == (False, True)
    timed.touch(WEB)
    assert timed.next(LATEST_SECONDS) is None
    timed.done(prompt)
    assert not timed.work().is_final
    timed.done(final)
    assert timed.work().is_final


def test_other_namespaces_dont_wait(timed: Timed) -> None:
    timed.touch(WEB)
    timed.touch(WEB, "other")
    assert {timed.work().namespace, timed.work().namespace} == {"shop", "other"}


def test_what_comes_during_a_pass_gets_another_one(timed: Timed) -> None:
    timed.touch(WEB)
    work = timed.work()
    timed.now += 0.1
    timed.touch(Touched(pods=frozenset({"web-1"})))
    timed.done(work)
    assert timed.work().focus == frozenset({"web-1"})


def test_a_pass_that_failed_comes_again_later_each_time_with_what_it_had(timed: Timed) -> None:
    timed.touch(WEB)
    began, pauses = timed.now, []
    work = timed.work()
    for _ in range(10):
        timed.done(work, has_failed=True)
        ended = timed.now
        while (again := timed.next(0.25)) is None or again.is_final:
            pass
        work = again
        assert work.since("web-0") == began
        pauses.append(timed.now - ended)
    assert pauses[:3] == [RETRY_SECONDS, 2 * RETRY_SECONDS, 4 * RETRY_SECONDS]
    assert pauses[-1] == LONGEST_RETRY_SECONDS


def test_a_final_pass_that_failed_comes_again(timed: Timed) -> None:
    timed.touch()
    timed.done(timed.work(QUIET_SECONDS), has_failed=True)
    assert timed.next(QUIET_SECONDS - 0.01) is None
    assert timed.work(0.01).is_final


def test_after_a_success_failures_are_forgotten(timed: Timed) -> None:
    timed.touch(WEB)
    timed.done(timed.work(), has_failed=True)
    timed.done(timed.work(RETRY_SECONDS))
    timed.touch(WEB)
    timed.done(timed.work(), has_failed=True)
    assert timed.work(RETRY_SECONDS).focus == frozenset({"web-0"})


def until_prompt(timed: Timed) -> float:
    """The seconds until the next prompt pass."""
    began = timed.now
    while (work := timed.next()) is None or work.is_final:
        timed.now += 0.125
    return timed.now - began


def test_a_namespace_that_took_too_much_time_rests(timed: Timed) -> None:
    timed.touch(WEB)
    timed.done(timed.work(), cpu_seconds=CPU_BURST_SECONDS + 0.4)
    timed.touch(WEB)
    assert until_prompt(timed) == 0.4 / CPU_SHARE


def test_one_that_took_no_more_than_its_burst_doesnt(timed: Timed) -> None:
    timed.touch(WEB)
    timed.done(timed.work(), cpu_seconds=CPU_BURST_SECONDS)
    timed.touch(WEB)
    assert until_prompt(timed) == 0.0


def test_no_rest_is_longer_than_five_minutes(timed: Timed) -> None:
    timed.touch(WEB)
    timed.done(timed.work(), cpu_seconds=1000.0)
    timed.touch(WEB)
    assert until_prompt(timed) == MAX_REST_SECONDS


def test_the_rest_outlasts_the_pass_that_is_not_due_any_more(timed: Timed) -> None:
    timed.touch()
    timed.done(timed.work(QUIET_SECONDS), cpu_seconds=1000.0)
    timed.touch()
    assert timed.next(MAX_REST_SECONDS - 0.01) is None
    assert timed.work(0.01).is_final


def test_final_passes_wait_for_a_full_run_and_prompt_ones_dont(timed: Timed) -> None:
    timed.touch(WEB)
    timed.queue.hold_final(is_held=True)
    assert not timed.work(LATEST_SECONDS).is_final
    assert timed.next() is None
    timed.queue.hold_final(is_held=False)
    assert timed.work().is_final


def test_a_full_run_settles_what_came_before_it(timed: Timed) -> None:
    timed.touch()
    timed.queue.settle(timed.now + 0.1)
    assert timed.queue.is_idle()
    assert timed.next(LATEST_SECONDS) is None


def test_a_full_run_settles_nothing_that_came_after_it_began(timed: Timed) -> None:
    timed.touch()
    timed.queue.settle(timed.now)
    assert timed.work(QUIET_SECONDS).is_final


def test_a_full_run_doesnt_settle_prompt_work_or_a_pass_under_way(timed: Timed) -> None:
    timed.touch(WEB)
    timed.queue.settle(timed.now + 0.1)
    work = timed.work()
    timed.queue.settle(timed.now + 0.1)
    timed.done(work, has_failed=True)
    assert timed.work(RETRY_SECONDS).focus == frozenset({"web-0"})


def test_a_standby_makes_no_passes_and_forgets_what_waited(timed: Timed) -> None:
    timed.touch(WEB)
    timed.queue.activate(is_active=False)
    assert timed.next(LATEST_SECONDS) is None
    timed.touch(WEB)
    timed.queue.activate(is_active=True)
    assert timed.next(LATEST_SECONDS) is None


def test_a_pass_that_ends_after_its_process_stopped_leading_is_not_repeated(timed: Timed) -> None:
    timed.touch(WEB)
    work = timed.work()
    timed.queue.activate(is_active=False)
    assert timed.queue.running == 1
    timed.done(work, has_failed=True)
    assert timed.queue.running == 0
    timed.queue.activate(is_active=True)
    assert timed.next(LATEST_SECONDS) is None


def test_due_counts_the_namespaces_that_wait(timed: Timed) -> None:
    timed.touch(WEB)
    timed.touch(QUIET, "other")
    assert timed.queue.due() == 1
    timed.now += QUIET_SECONDS
    assert timed.queue.due() == 2
    timed.done(timed.work())
    assert not timed.queue.is_idle()
    assert timed.drained().queue.is_idle()


def test_a_pod_whose_config_map_somebody_else_writes_too_gets_one_write_a_second(
    timed: Timed,
) -> None:
    """Each write leads to an event, as with a rival that writes the opposite."""

    def react(seconds: float) -> int:
        ends, writes = timed.now + seconds, 0
        while timed.now < ends:
            timed.touch(WEB)
            while (work := timed.next()) is not None:
                if not work.is_final:
                    timed.queue.wrote("shop", ["web-0"])
                    writes += 1
                timed.done(work)
            timed.now += 0.02
        return writes

    assert POD_WRITES <= react(1.0) <= POD_WRITES + 1
    assert 28 <= react(30.0) <= 32
    timed.now += POD_WRITES + 1
    assert react(0.1) >= 5  # it is forgiven


def test_other_pods_dont_wait_for_one_that_is_held(timed: Timed) -> None:
    timed.touch(QUIET)
    for _ in range(POD_WRITES):
        timed.queue.wrote("shop", ["web-0"])
    timed.touch(WEB)
    timed.touch(Touched(pods=frozenset({"web-1"})))
    assert timed.work().focus == frozenset({"web-1"})


def test_a_quiet_namespace_waits_for_a_pass_over_all_of_it(timed: Timed) -> None:
    """Both would do the same writes. One over some Pods doesn't get in its way."""
    for touched, is_in_its_way in ((WHOLE, True), (WEB, False)):
        timed.touch(touched)
        prompt = timed.work()
        final = timed.next(LATEST_SECONDS)
        assert (final is None) is is_in_its_way
        timed.done(prompt)
        final = final or timed.work()
        assert final.is_final
        timed.done(final)


def test_with_a_limit_for_all_namespaces_one_pass_deletes_at_a_time(timed: Timed) -> None:
    """Nobody blocks a worker meanwhile: other passes come."""
    timed.queue.is_one_final_at_a_time = True
    for namespace in ("one", "two"):
        timed.touch(QUIET, namespace)
    first = timed.work(QUIET_SECONDS)
    assert timed.next(LATEST_SECONDS) is None
    timed.touch(WEB, "three")
    prompt = timed.work()
    assert prompt.namespace == "three"
    timed.done(first)
    second = timed.work()
    assert {first.namespace, second.namespace} == {"one", "two"}
    timed.done(second)
    timed.done(prompt)
    assert timed.work(QUIET_SECONDS).namespace == "three"


def test_an_event_that_comes_late_hides_no_newer_one(timed: Timed) -> None:
    timed.touch()
    timed.queue.touch("shop", QUIET, timed.now - 5.0)
    timed.queue.settle(timed.now - 1.0)
    assert timed.work(QUIET_SECONDS).is_final


def test_a_pass_of_an_earlier_term_ends_nothing_of_this_one(timed: Timed) -> None:
    timed.touch(WEB)
    before = timed.work()
    timed.queue.activate(is_active=False)
    timed.queue.activate(is_active=True)
    timed.touch(WEB)
    timed.work()
    timed.done(before, has_failed=True)
    timed.touch(WEB)
    assert timed.next() is None
    assert timed.queue.running == 1


def test_pods_that_come_and_go_are_forgotten(timed: Timed) -> None:
    for number in range(5 * MANY_PODS):
        timed.touch()
        timed.queue.wrote("shop", [f"web-{number}"])
        timed.now += 1.0
    assert len(timed.queue._waiting["shop"]._writes) <= MANY_PODS


def test_a_pass_that_fails_rests_as_long_as_any(timed: Timed) -> None:
    timed.touch(WEB)
    timed.done(timed.work(), cpu_seconds=1000.0, has_failed=True)
    assert until_prompt(timed) == MAX_REST_SECONDS
