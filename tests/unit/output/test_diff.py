"""A change as a unified diff of what podcm-sync owns (behavior.md §7)."""

import pytest

from podcm_sync.api.meta import OwnerReference
from podcm_sync.api.reasons import Reason
from podcm_sync.output.diff import unified
from podcm_sync.reconcile.changes import Change, Verb
from tests.builders import change, config_map, desired, owner, pod

POD = pod(uid="u-1")


def lines(of: Change) -> list[str]:
    return list(unified(of))


def create(**data: str) -> Change:
    return change(Verb.CREATE, wanted=desired(POD, more_data=data))


def update(existing: dict[str, str], wanted: dict[str, str]) -> Change:
    return change(
        Verb.UPDATE,
        Reason.OUT_OF_SYNC,
        existing=config_map(made_for=POD, more_data=existing),
        wanted=desired(POD, more_data=wanted),
    )


def added(**data: str) -> list[str]:
    """The data lines of a created ConfigMap, without the four fixed keys."""
    facts = {"+  namespace: shop", "+  nodeName: node-a", "+  phase: Running", "+  podName: web-0"}
    diff = lines(create(**data))
    return [line for line in diff[diff.index("+data:") + 1 :] if line not in facts]


def test_a_create_shows_all_that_will_be_ours() -> None:
    assert lines(create()) == [
        "--- /dev/null",
        "+++ shop/pod-web-0-from-web-cfg",
        "@@ -0,0 +1,16 @@",
        "+metadata:",
        "+  labels:",
        "+    app.kubernetes.io/managed-by: podcm-sync",
        "+    podconfig.example.com/generated-by-pcmc: web",
        "+    podconfig.example.com/pod-uid: u-1",
        "+  ownerReferences:",
        "+  - apiVersion: v1",
        "+    kind: Pod",
        "+    name: web-0",
        "+    uid: u-1",
        "+    controller: true",
        "+data:",
        "+  namespace: shop",
        "+  nodeName: node-a",
        "+  phase: Running",
        "+  podName: web-0",
    ]


def test_an_update_shows_what_differs_with_three_lines_around_it() -> None:
    assert lines(update({"phase": "Pending"}, {})) == [
        "--- shop/pod-web-0-from-web-cfg",
        "+++ shop/pod-web-0-from-web-cfg",
        "@@ -12,5 +12,5 @@",
        " data:",
        "   namespace: shop",
        "   nodeName: node-a",
        "-  phase: Pending",
        "+  phase: Running",
        "   podName: web-0",
    ]


def test_a_delete_shows_all_that_goes() -> None:
    gone = change(Verb.DELETE, Reason.POD_GONE, existing=config_map(made_for=POD))
    diff = lines(gone)
    assert diff[:2] == ["--- shop/pod-web-0-from-web-cfg", "+++ /dev/null"]
    assert len(diff) == 19
    assert all(line.startswith("-") for line in diff[3:])


def test_what_others_put_there_is_not_shown() -> None:
    theirs = config_map(
        made_for=POD,
        labels={"team": "blue"},
        annotations={"note": "x"},
        resource_version="99",
        more_data={"phase": "Pending"},
    )
    shown = "\n".join(lines(change(Verb.UPDATE, existing=theirs, wanted=desired(POD))))
    assert "blue" not in shown
    assert "note" not in shown
    assert "99" not in shown


def test_where_nothing_differs_there_is_no_diff() -> None:
    assert lines(update({}, {})) == []
    assert lines(change(Verb.SKIP, Reason.FOREIGN)) == []


def test_the_order_of_data_is_that_of_its_keys() -> None:
    assert added(zone="1", area="2") == ['+  area: "2"', '+  zone: "1"']
    assert lines(create(zone="1", area="2")) == lines(create(area="2", zone="1"))


def test_a_text_of_lines_is_shown_line_by_line() -> None:
    assert added(text="one\n two\n\nthree\n") == [
        "+  text: |",
        "+    one",
        "+     two",
        "+    ",
        "+    three",
    ]
    assert added(text="one\ntwo") == ["+  text: |-", "+    one", "+    two"]


def test_one_line_of_a_text_is_what_differs() -> None:
    shown = lines(update({"text": "a\nb\nc\n"}, {"text": "a\nB\nc\n"}))
    assert [line for line in shown[2:] if line[0] in "+-"] == ["-    b", "+    B"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("\n", r'"\n"'),
        ("\na", r'"\na"'),
        ("a\n\n", r'"a\n\n"'),
        (" a\nb", r'" a\nb"'),
        ("a\n\x1b[2Jb\n", r'"a\n\x1b[2Jb\n"'),
        ("a\r\nb\n", r'"a\r\nb\n"'),
    ],
)
def test_a_text_that_a_block_cannot_hold_is_escaped_on_one_line(value: str, shown: str) -> None:
    assert added(text=value) == [f"+  text: {shown}"]


def test_a_text_that_looks_like_a_diff_stays_inside_its_block() -> None:
    assert added(text="--- a\n+++ b\n@@ -1 +1 @@\n") == [
        "+  text: |",
        "+    --- a",
        "+    +++ b",
        "+    @@ -1 +1 @@",
    ]


def test_line_ends_alone_make_a_difference() -> None:
    shown = lines(update({"text": "a\nb\n"}, {"text": "a\nb"}))
    assert [line for line in shown[2:] if line[0] in "+-"] == ["-  text: |", "+  text: |-"]


def test_binary_data_is_shown_as_it_goes() -> None:
    binary = config_map(made_for=POD, binary_data={"blob": "AAE="})
    shown = lines(change(Verb.UPDATE, existing=binary, wanted=desired(POD)))
    assert [line for line in shown[2:] if line[0] in "+-"] == ["-binaryData:", "-  blob: AAE="]


def test_no_owners_and_no_data_are_shown_as_empty() -> None:
    bare = config_map(made_for=POD, owners=[], data={})
    shown = lines(change(Verb.DELETE, existing=bare))
    assert "-  ownerReferences: []" in shown
    assert "-data: {}" in shown


def test_an_owner_reference_without_any_field_is_shown() -> None:
    """Only a manifest can have that."""
    odd = config_map(made_for=POD, owners=[OwnerReference()])
    assert "-  - {}" in lines(change(Verb.DELETE, existing=odd))


def test_another_owner_is_shown_since_it_is_written_back() -> None:
    shared = config_map(made_for=POD, owners=[owner("t", uid="u-t", kind="Team", controller=False)])
    shown = lines(change(Verb.UPDATE, existing=shared, wanted=desired(POD)))
    assert "     kind: Team" in shown
    assert "+    kind: Pod" in shown


def test_sides_that_are_too_long_to_match_are_shown_whole() -> None:
    """The time of difflib grows with the square of the number of lines."""
    long = "".join(f"{number}\n" for number in range(2_100))
    shown = lines(update({"text": long}, {"text": f"{long}end\n"}))
    assert shown[2] == "@@ -1,2117 +1,2118 @@"
    assert [line[0] for line in shown[3:]] == ["-"] * 2_117 + ["+"] * 2_118
