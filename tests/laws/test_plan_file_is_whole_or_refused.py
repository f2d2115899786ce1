"""A plan file gives back what was saved, and one with any other byte or field is refused."""

import json
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from podcm_sync.cluster.interfaces import Origin
from podcm_sync.errors import InputError
from podcm_sync.plans import plan_file
from podcm_sync.plans.plan_file import SavedPlan
from podcm_sync.reconcile.changes import AnyOutcome, Verb
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.sync import Policy, run
from tests.builders import NOW
from tests.laws.worlds import EVERYWHERE, World, worlds

ORIGINS = st.builds(
    Origin,
    server=st.sampled_from(["", "https://one:6443"]),
    certificate=st.sampled_from(["", "sha256:00"]),
    directory=st.sampled_from(["", "shop"]),
    files=st.lists(st.sampled_from(["a.yaml", "-"])).map(tuple),
    only_files=st.booleans(),
)


def plan(world: World, origin: Origin = Origin()) -> SavedPlan:  # noqa: B008 - frozen
    report = run(EVERYWHERE, world.cluster(), None, Policy(), now=NOW)
    return SavedPlan(
        created=NOW, origin=origin, run_id="1", exit_code=exit_code(report), report=report
    )


def without_bodies(report: Report) -> Report:
    """The one thing that is not saved: what a KEEP keeps."""

    def lean(outcome: AnyOutcome) -> AnyOutcome:
        change = structs.replace(outcome.change, existing=None, desired=None)
        is_kept = outcome.change.verb is Verb.KEEP
        return structs.replace(outcome, change=change) if is_kept else outcome

    outcomes: Iterable[AnyOutcome] = report.outcomes
    return structs.replace(report, outcomes=tuple(map(lean, outcomes)))


@given(world=worlds(), origin=ORIGINS)
def test_what_is_loaded_is_what_was_saved(world: World, origin: Origin) -> None:
    saved = plan(world, origin)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        plan_file.write(path, saved)
        assert [each.name for each in Path(folder).iterdir()] == ["plan.json"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_text().replace("\n", "").isprintable()
        loaded = plan_file.load(path)
    assert loaded == structs.replace(saved, report=without_bodies(saved.report))


@given(world=worlds(), where=st.integers(0), byte=st.integers(1, 255), cut=st.integers(1))
def test_any_other_byte_and_any_shorter_file_is_refused(
    world: World, where: int, byte: int, cut: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        plan_file.write(path, plan(world))
        raw = path.read_bytes()
        altered = bytearray(raw)
        altered[where % len(raw)] ^= byte
        for content in (bytes(altered), raw[: -(cut % len(raw) or 1)], raw + b" "):
            path.write_bytes(content)
            with pytest.raises(InputError) as refused:
                plan_file.load(path)
            assert refused.value.hint.startswith("make a new plan")


@given(world=worlds(), which=st.integers(0))
def test_any_other_field_is_refused(world: World, which: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plan.json"
        plan_file.write(path, plan(world))
        content = json.loads(path.read_text())
        places = list(_places(content))
        holder, key = places[which % len(places)]
        value = holder[key]
        holder[key] = value + 1 if isinstance(value, int) else f"{value}x"
        path.write_text(json.dumps(content, separators=(",", ":")))
        with pytest.raises(InputError) as refused:
            plan_file.load(path)
        assert refused.value.hint.startswith("make a new plan")


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Where a leaf stands: its mapping or list, and its key there."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in items:
        if isinstance(value, dict | list):
            yield from _places(value)
        else:
            yield content, key
