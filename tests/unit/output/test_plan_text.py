"""What a dry run would change, field by field: deletions first, equal changes once."""

from collections.abc import Mapping

import pytest
from msgspec import structs

from podcm_sync.api.reasons import Reason
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import text
from podcm_sync.reconcile.changes import Outcome, Result, Verb
from podcm_sync.reconcile.report import Report
from podcm_sync.reconcile.selector import Requirement
from podcm_sync.reconcile.snapshot import Scope
from tests.builders import change, config_map, desired, outcome, pod


def update(
    name: str,
    before: Mapping[str, str],
    after: Mapping[str, str],
    reason: Reason = Reason.OUT_OF_SYNC,
    *,
    earlier_uid: str = "",
) -> Outcome:
    now = pod(name, uid=f"u-{name}")
    earlier = pod(name, uid=earlier_uid) if earlier_uid else now
    existing, wanted = config_map(made_for=earlier, more_data=before), desired(now, more_data=after)
    of = change(Verb.UPDATE, reason, name=named(name), existing=existing, wanted=wanted)
    return outcome(Result.UPDATED, reason, of=of)


def named(pod_name: str) -> str:
    return f"pod-{pod_name}-from-web-cfg"


def create(name: str, **data: str) -> Outcome:
    return outcome(
        of=change(Verb.CREATE, name=named(name), wanted=desired(pod(name), more_data=data))
    )


def delete(name: str, reason: Reason, message: str, *failing: Requirement) -> Outcome:
    of = change(Verb.DELETE, reason, name=named(name), existing=config_map(made_for=pod(name)))
    of = structs.replace(of, message=message, failing=failing)
    return outcome(Result.DELETED, reason, of=of)


def lines(*outcomes: Outcome, style: Style | None = None, is_verbose: bool = False) -> list[str]:
    """The changes of a dry run, without the verdict."""
    report = Report(
        is_prediction=True,
        scope=Scope(namespaces=("shop",)),
        outcomes=outcomes,
        statuses=(),
        problems=(),
        incomplete={},
    )
    shown = text(report, style=style or Style(), is_verbose=is_verbose)
    return shown.partition("\n\n· shop/web  ")[0].splitlines()


def test_an_update_shows_each_key_in_aligned_columns() -> None:
    changed = update(
        "web-0", {"label_version": "2.4.0", "old": "x"}, {"label_version": "2.4.1", "b": ""}
    )
    assert lines(changed) == [
        "shop/web",
        "  ~ pod-web-0-from-web-cfg",
        '    + b              ""',
        "      label_version  2.4.0 → 2.4.1",
        "    - old            x",
    ]


def test_equal_updates_are_shown_once_with_a_count() -> None:
    updates = [update(f"web-{number}", {"v": "2"}, {"v": "3"}) for number in range(300)]
    heading, names, *fields = lines(*updates)
    assert heading == "shop/web"
    assert names.startswith("  ~ 300 ConfigMaps: pod-web-0-from-web-cfg, pod-web-1-from-web-cfg, ")
    assert names.endswith(" and 297 more")
    assert fields == ["      v  2 → 3"]
    assert named("web-299") in lines(*updates, is_verbose=True)[1]


def test_updates_that_differ_are_shown_up_to_ten() -> None:
    updates = [update(f"web-{number:02}", {"v": "x"}, {"v": f"{number}"}) for number in range(12)]
    shown = lines(*updates)
    assert shown[-1] == "  ~ … 2 more updates; -v shows all of them"
    assert "      v  x → 9" in shown
    assert "      v  x → 11" not in shown
    verbose = lines(*updates, is_verbose=True)
    assert "      v  x → 11" in verbose
    assert not any("more update" in line for line in verbose)


def test_recreated_pods_are_equal_although_each_has_its_own_uid() -> None:
    recreated = [
        update(name, {}, {}, Reason.POD_RECREATED, earlier_uid=f"old-{name}") for name in ("a", "b")
    ]
    shown = lines(*recreated)
    assert shown[1].endswith("pod-a-from-web-cfg, pod-b-from-web-cfg  the Pod was recreated")
    assert "      labels[podconfig.example.com/pod-uid]  old-a → u-a" in shown
    assert not any("u-b" in line for line in shown)


def test_a_text_of_lines_is_a_small_diff() -> None:
    before = "".join(f"{number}\n" for number in range(9))
    assert lines(update("web-0", {"t": before}, {"t": before.replace("4", "four")}))[2:] == [
        "      t",
        "         3",
        "        -4",
        "        +four",
        "         5",
    ]


def test_a_long_text_is_cut_by_lines_without_v() -> None:
    long = "".join(f"{number}\n" for number in range(50))
    shown = lines(create("web-0", t=long))
    assert "          … 30 more lines; --diff full shows all of them".strip() in {
        line.strip() for line in shown
    }
    assert len(shown) < 32
    assert "          49" in lines(create("web-0", t=long), is_verbose=True)


def test_no_line_of_a_new_text_is_a_command() -> None:
    """Its lines lose the sign that stood before them."""
    shown = lines(create("web-0", t="a\n::error::b\n"))
    assert r"          \u003a:error::b" in shown


def test_a_long_value_has_both_sides_on_lines_of_their_own() -> None:
    alike = "0123456789" * 9
    shown = lines(update("web-0", {"v": f"{alike}a"}, {"v": f"{alike}b"}))
    assert shown[2:] == [f"      -v: {alike}a", f"      +v: {alike}b"]
    shown = lines(update("web-0", {"v": f"{alike}a"}, {"v": f"{alike}b"}), style=Style(columns=60))
    assert shown[2:] == ["      -v: … 82 alike …23456789a", "      +v: … 82 alike …23456789b"]


def test_creates_are_names_and_one_sample() -> None:
    creates = [create(f"web-{number:02}", label_v="1") for number in range(12)]
    shown = lines(*creates)
    assert shown[1].startswith("  + 12 ConfigMaps: pod-web-00-from-web-cfg, ")
    assert shown[1].endswith(", pod-web-09-from-web-cfg and 2 more")
    assert shown[2:] == [
        "    pod-web-00-from-web-cfg:",
        "      label_v    1",
        "      namespace  shop",
        "      nodeName   node-a",
        "      phase      Running",
        "      podName    web-00",
    ]


def test_deletions_come_first_with_the_requirement_that_fails() -> None:
    backend = Requirement(
        key="tier", operator="In", values=("backend",), satisfied=False, actual="frontend"
    )
    shown = lines(
        create("a"),
        delete("x", Reason.NOT_SELECTED, "no longer", backend),
        delete("y", Reason.POD_GONE, "its Pod is gone"),
        delete("z", Reason.POD_GONE, "its Pod is gone"),
    )
    why = "no longer selected: needs tier In [backend], Pod has tier=frontend"
    assert shown[:6] == [
        "shop/web",
        f"  - pod-x-from-web-cfg  {why}",
        "  - 2 ConfigMaps: its Pod is gone",
        "    pod-y-from-web-cfg, pod-z-from-web-cfg",
        "",
        "shop/web",
    ]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", '""'),
        (" a", '" a"'),
        ("a\tb", r'"a\tb"'),
        ('"a"', r'"\"a\""'),
        ("a → b", '"a → b"'),
        ("a b", "a b"),
        ("4711", "4711"),
    ],
)
def test_a_value_is_quoted_if_its_ends_would_be_unclear(value: str, expected: str) -> None:
    assert f"    + v  {expected}" in lines(update("web-0", {}, {"v": value}))


def test_without_utf_8_the_marks_are_ascii() -> None:
    changed = update("web-0", {"v": "1"}, {"v": "2"})
    assert lines(changed, style=Style(is_ascii=True))[2] == "      v  1 -> 2"
