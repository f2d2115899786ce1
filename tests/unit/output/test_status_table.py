"""`podcm-sync status`: a row for each config, of what is in place and what a run would do."""

from typing import Any

import msgspec
import pytest

from podcm_sync.output.status_table import Row, document, rows, table
from podcm_sync.output.terminal import PLAIN, Style
from podcm_sync.reconcile.changes import SyncPolicy
from podcm_sync.reconcile.prune import Guards
from podcm_sync.reconcile.renderer import NO_RENDERER
from podcm_sync.reconcile.report import forecast
from podcm_sync.reconcile.snapshot import Scope
from podcm_sync.sync import plan_first_pass
from tests.builders import GENERATED_BY, NOW, Object, config_map, pcmc, pod
from tests.fakes import FakeCluster


def of(*objects: Object, namespaces: tuple[str, ...] = ("shop",)) -> tuple[Row, ...]:
    """The rows for a cluster of these objects."""
    reader: Any = FakeCluster(*objects)
    planned = plan_first_pass(
        Scope(namespaces=namespaces), reader, Guards(), NO_RENDERER, is_reviewed=True
    )
    report = forecast(planned, NOW, sync_policy=SyncPolicy.SYNC, digest="", expected_digest="")
    return rows(report, planned.snapshot.configs, dict(planned.desired.matched_pods))


def test_a_config_whose_config_maps_are_in_sync_is_ready() -> None:
    (row,) = of(pod(), pcmc(), config_map())
    assert row == Row(namespace="shop", config="web", in_sync=True, pods=1, in_place=1, wanted=1)


def test_what_a_run_would_do_is_pending_whatever_the_last_run_stored() -> None:
    (row,) = of(
        pod(), pod("web-1"), pcmc(), config_map(), config_map(made_for=pod("gone"), owners=())
    )
    assert (row.in_sync, row.pods, row.in_place, row.wanted) == (False, 2, 1, 2)
    assert (row.create, row.update, row.delete, row.pending) == (1, 0, 1, 2)
    assert row.message == "1 to create, 1 to delete"


def test_a_foreign_config_map_is_wanted_and_not_in_place() -> None:
    (row,) = of(pod(), pcmc(), config_map(labels={GENERATED_BY: None}))
    assert (row.in_sync, row.in_place, row.wanted, row.pending) == (False, 0, 1, 0)
    assert row.message.startswith("SomeConfigMapsFailed: ")


def test_suspended_invalid_and_deleted_configs_have_a_row_each() -> None:
    configs = [
        pcmc("rests", suspend=True),
        pcmc("wrong", labels=["not a key"]),
        pcmc("goes", terminating=True),
    ]
    left = config_map(made_for=pod(), made_by="gone")
    shown = {row.config: (row.in_sync, row.message) for row in of(pod(), *configs, left)}
    assert shown.keys() == {"rests", "wrong", "goes", "gone"}
    assert shown["rests"] == (None, "suspended")
    assert shown["goes"] == (None, "the config is being deleted")
    assert shown["gone"] == (None, "the config is deleted")
    in_sync, message = shown["wrong"]
    assert in_sync is False
    assert message.startswith("InvalidSpec: ")


def test_no_config_is_no_row() -> None:
    assert of(pod()) == ()


ROW = Row(
    namespace="shop",
    config="web",
    in_sync=False,
    pods=12,
    in_place=3,
    wanted=12,
    create=9,
    message="SomeConfigMapsFailed: 9 ConfigMaps failed, each of them for a reason",
)
OTHER = Row(namespace="warehouse", config="a", in_sync=None, pods=None, in_place=0, wanted=0)


def test_columns_are_aligned_and_a_pipe_has_no_width() -> None:
    assert list(table([ROW, OTHER], PLAIN)) == [
        "NAMESPACE  CONFIG  IN SYNC  PODS  CONFIGMAPS  PENDING  MESSAGE",
        "shop       web     No       12    3/12        9        " + ROW.message,
        "warehouse  a       -        -     0/0         0",
    ]


@pytest.mark.parametrize("width", [60, 80, 90, 200])
def test_on_a_terminal_no_line_is_wider(width: int) -> None:
    lines = list(table([ROW, OTHER], Style(columns=width)))
    assert all(len(line) <= width for line in lines)
    assert " ".join(" ".join(lines).split()).count("for a reason") == 1


def test_color_is_of_in_sync_alone() -> None:
    lines = list(table([ROW], Style(is_colored=True)))
    assert lines[1].count("\x1b[") == 2
    assert "\x1b[38;5;130mNo\x1b[0m" in lines[1]


def test_control_characters_are_escaped() -> None:
    row = Row(
        namespace="shop",
        config="web",
        in_sync=False,
        pods=1,
        in_place=0,
        wanted=1,
        message="\x1b[2J",
    )
    assert "\x1b" not in "".join(table([row], PLAIN))


def test_programs_get_every_field() -> None:
    content = document([OTHER], {"shop": "why"}, is_redacted=True)
    assert content["version"] == "podcm-sync/status/v1"
    assert content["redacted"] is True
    assert content["incomplete"] == {"shop": "why"}
    assert content["configs"] == [
        {
            "namespace": "warehouse",
            "config": "a",
            "inSync": None,
            "pods": None,
            "inPlace": 0,
            "wanted": 0,
            "create": 0,
            "update": 0,
            "delete": 0,
            "message": "",
        }
    ]


def test_a_message_that_does_not_fit_stands_below_in_whole_words() -> None:
    """At 80 columns, a narrow column of its own broke words."""
    selector = "spec.podSelector.matchExpressions[0].operator:"
    row = msgspec.structs.replace(ROW, message=f"InvalidSpec: {selector} not an operator")
    lines = list(table([row], Style(columns=80)))
    assert lines[1].split() == ["shop", "web", "No", "12", "3/12", "9"]
    assert " ".join(lines[2:]).split() == row.message.split()
