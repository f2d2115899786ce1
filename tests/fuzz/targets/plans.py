"""Any plan file that is accepted: every format of it is harmless, and redacted it shows no value.

The input edits a plan that a run has made, and the digest and the checksum are then put right, as
a forger would.
"""

import copy
import hashlib
import json
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import structs

from podcm_sync.api.meta import GROUP
from podcm_sync.api.objects import ConfigMap
from podcm_sync.cluster.interfaces import Origin
from podcm_sync.errors import InputError
from podcm_sync.output.document import as_json, as_yaml, document
from podcm_sync.output.markdown import markdown
from podcm_sync.output.redact import redacted
from podcm_sync.output.terminal import Style
from podcm_sync.output.text import text
from podcm_sync.plans import plan_file
from podcm_sync.plans.plan_file import SavedPlan
from podcm_sync.reconcile.changes import AnyOutcome, Prediction, Verb
from podcm_sync.reconcile.data import FACTS
from podcm_sync.reconcile.digest import digest
from podcm_sync.reconcile.report import Report, exit_code
from podcm_sync.sync import Policy, run
from tests.builders import NOW, Json, config_map, pcmc, pod
from tests.fakes import FakeCluster
from tests.laws.gfm import Page
from tests.laws.test_rendered_text_is_printable import OWN_COLOURS, is_harmless
from tests.laws.worlds import EVERYWHERE

PLANTED: Final = "QZXJKVWQ"
"""Stands in an accepted plan in place of every value that --redact must hide."""
OWN_ANNOTATION: Final = f"{GROUP}/"
VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1 << 70,
    1e308,
    "",
    [],
    {},
    "\ud800",
    "x" * 600,
)
"""What an edit can put somewhere, beside text and what stands elsewhere in the plan."""


def test_one_input(data: bytes) -> None:
    """Each line is an edit: two bytes for the place, one for the kind of value, then the value."""
    content = copy.deepcopy(_plan())
    places = list(_places(content))
    for edit in data.split(b"\n"):
        if len(edit) > 2:
            _edit(places, edit)
    plan = _loaded(content)
    if plan is None:
        return
    for shown in _formats(plan.report):
        assert is_harmless(shown)
    assert Page(markdown(plan.report, exit_code=0)).odd == []
    # What is not in the report is in none of its formats.
    assert PLANTED not in repr(redacted(_with_secrets(plan.report)))


@cache
def _plan() -> Json:
    """A plan with every verb, an invalid config, and statuses."""
    cluster = FakeCluster(
        pod(annotations={"note": "a\nb"}),
        pod("web-1"),
        pod("web-2"),
        pcmc(annotations=["note"]),
        pcmc("broken", match_expressions=[("a", "Sideways", ["b"])]),
        config_map(annotations={"other": "c"}, binary_data={"b": "AA=="}),
        config_map(made_for=pod("web-1")),
        config_map(made_for=pod("gone")),
        config_map(made_for=pod("orphan"), owners=()),
    )
    report = run(EVERYWHERE, cluster, None, Policy(), now=NOW)
    plan = SavedPlan(
        created=NOW,
        origin=Origin(server="https://a"),
        run_id="1",
        exit_code=exit_code(report),
        report=report,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan")
        plan_file.write(path, plan)
        content: Json = json.loads(path.read_bytes())
    verbs = {each["change"]["verb"] for each in content["outcomes"]}
    assert verbs == set(Verb)
    return content


def _edit(places: list[tuple[Any, Any]], edit: bytes) -> None:
    """Replace one value of the plan, wherever in it, or its key, or copy another one there."""
    holder, key = places[int.from_bytes(edit[:2], "big") % len(places)]
    kind, rest = edit[2], edit[3:]
    if isinstance(holder, dict) and key not in holder:
        return  # it has another key by now
    value: Any = rest.decode(errors="replace")
    if kind % 4 == 1:
        value = VALUES[(rest[0] if rest else 0) % len(VALUES)]
    elif kind % 4 == 2:
        # Of the untouched plan: copies of copies would soon fill the memory.
        others = list(_places(_plan()))
        other, its_key = others[int.from_bytes(rest[:2], "big") % len(others)]
        value = copy.deepcopy(other[its_key])
    elif kind % 4 == 3 and isinstance(holder, dict):
        key, value = value, holder.pop(key)
    holder[key] = value


def _places(content: Any) -> Iterator[tuple[Any, Any]]:
    """Where each value stands: its mapping or list, and its key there."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _loaded(content: Json) -> SavedPlan | None:
    """The plan, with a digest and a checksum that fit; None if it is refused."""
    try:
        outcomes = msgspec.convert(content["outcomes"], tuple[Prediction, ...])
        content["report"]["digest"] = digest(each.change for each in outcomes)
    except (msgspec.ValidationError, KeyError, TypeError, ValueError):
        pass
    body = (json.dumps({key: content[key] for key in content if key != "checksum"}))[:-2]
    raw = f"{body}],\n".encode()
    raw += b'"checksum":"sha256:%s"}\n' % hashlib.sha256(raw).hexdigest().encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "plan")
        path.write_bytes(raw)
        try:
            return plan_file.load(path)
        except InputError as error:
            assert str(error)
            return None


def _formats(report: Report) -> Iterator[str]:
    """What any option could show of it."""
    content = document(report, exit_code=0, run_id="0")
    for width in (None, 80):
        style = Style(is_colored=True, columns=width)
        for is_full_diff in (False, True):
            shown = text(report, style=style, is_verbose=True, is_full_diff=is_full_diff)
            yield OWN_COLOURS.sub("", shown)
    yield as_json(content)
    yield as_yaml(content)
    yield markdown(report, exit_code=0)


def _with_secrets(report: Report) -> Report:
    """The report with a secret value wherever there is one to be hidden."""

    def planted(outcome: AnyOutcome) -> AnyOutcome:
        change = outcome.change
        existing, desired = change.existing, change.desired
        if existing is not None:
            existing = _existing(existing)
        if desired is not None:
            desired = structs.replace(desired, data=_data(desired.data))
        change = structs.replace(change, existing=existing, desired=desired)
        return structs.replace(outcome, change=change)

    return structs.replace(report, outcomes=tuple(map(planted, report.outcomes)))


def _existing(existing: ConfigMap) -> ConfigMap:
    annotations = {
        key: value if key.startswith(OWN_ANNOTATION) else PLANTED
        for key, value in existing.annotations.items()
    }
    return structs.replace(
        existing,
        data=_data(existing.data),
        binary_data=dict.fromkeys(existing.binary_data, PLANTED),
        annotations=annotations,
    )


def _data(data: dict[str, str]) -> dict[str, str]:
    return {key: value if key in FACTS else PLANTED for key, value in data.items()}
