"""What is shown holds no control character: no value, name or message moves a terminal's cursor.

Spec §7. Line ends are the renderer's own, and so are its colours, where it was asked for them.
"""

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from podcm_sync.core.report import Report
from podcm_sync.model.changes import Outcome, Result, StatusOutcome, StatusUpdate, Verb
from podcm_sync.model.meta import NamespacedName, OwnerReference
from podcm_sync.model.objects import PodConfigMapConfigStatus, Problem, Scope
from podcm_sync.model.reasons import Reason
from podcm_sync.render.document import as_json, as_yaml, document
from podcm_sync.render.escape import printable, scalar
from podcm_sync.render.text import text
from tests.builders import change, condition, config_map, desired, outcome, problem

OWN_COLOURS = re.compile(r"\x1b\[(1|2|31|32|33|36)m|\x1b\[0m")
EVIL = st.sampled_from(
    [
        "\x1b[31m",
        "\x1b]0;title\x07",
        "\x9b2J",
        "\r",
        "\x00",
        "\x7f",
        "\x85",
        "\u202e",
        "\u2066",
        "\u2028",
        "\ufeff",
        "\u200b",
        "\U000e0041",
        "\n",
        "\n\n",
        "a",
        " ",
        "--- a\n",
        ": ",
    ]
)
TEXTS = st.lists(EVIL | st.text(max_size=3), max_size=6).map("".join)
DATA = st.dictionaries(TEXTS, TEXTS, max_size=3)


@st.composite
def planned(draw: st.DrawFn) -> Outcome:
    """Any outcome; names alone are legal, since no reader lets others through."""
    owners = [
        OwnerReference(api_version=draw(TEXTS), kind=draw(TEXTS), name=draw(TEXTS), uid=draw(TEXTS))
        for _ in range(draw(st.integers(0, 2)))
    ]
    existing = config_map(
        owners=owners,
        data=draw(DATA),
        binary_data=draw(DATA),
        labels={"podconfig.example.com/generated-by-pcmc": draw(TEXTS)},
        annotations={"podconfig.example.com/pcmc-name": draw(TEXTS)},
    )
    verb = draw(st.sampled_from(Verb))
    of = change(
        verb,
        draw(st.sampled_from(Reason)),
        pod_name=draw(TEXTS),
        pcmc_name=draw(TEXTS),
        message=draw(TEXTS),
        existing=None if verb is Verb.CREATE else existing,
        wanted=None if verb in {Verb.DELETE, Verb.SKIP} else desired(data=draw(DATA)),
    )
    return outcome(
        draw(st.sampled_from(Result)), draw(st.sampled_from(Reason)), of=of, message=draw(TEXTS)
    )


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    kind = draw(st.sampled_from(["Pod", "PodConfigMapConfig", "ConfigMap"]))
    return problem(kind, draw(TEXTS), namespace=draw(TEXTS), message=draw(TEXTS))


@st.composite
def statuses(draw: st.DrawFn) -> StatusOutcome:
    ready = condition(message=draw(TEXTS), reason=draw(st.sampled_from(["Synced", "InvalidSpec"])))
    update = StatusUpdate(
        namespaced_name=NamespacedName("shop", "web"),
        uid="uid-1",
        resource_version="1",
        existing=PodConfigMapConfigStatus(),
        desired=PodConfigMapConfigStatus(conditions=(ready,)),
    )
    return StatusOutcome(
        update=update,
        result=draw(st.sampled_from(Result)),
        reason=draw(st.none() | st.sampled_from(Reason)),
        message=draw(TEXTS),
    )


@st.composite
def reports(draw: st.DrawFn) -> Report:
    """Any report: what its parts say need not fit together."""
    return Report(
        is_prediction=draw(st.booleans()),
        scope=Scope(namespaces=None),
        outcomes=tuple(draw(st.lists(planned(), max_size=3))),
        statuses=tuple(draw(st.lists(statuses(), max_size=2))),
        problems=tuple(draw(st.lists(problems(), max_size=2))),
        incomplete=dict.fromkeys(draw(st.lists(st.sampled_from(["", "a", "b"]))), draw(TEXTS)),
    )


def is_harmless(shown: str) -> bool:
    """No control, format or surrogate character, and no line end but the usual one."""
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        for char in shown
    )


@given(report=reports(), is_verbose=st.booleans())
def test_text_without_colours_is_harmless(report: Report, is_verbose: bool) -> None:
    assert is_harmless(text(report, is_verbose=is_verbose))


@given(report=reports(), is_verbose=st.booleans())
def test_text_with_colours_has_none_but_its_own(report: Report, is_verbose: bool) -> None:
    shown = text(report, is_coloured=True, is_verbose=is_verbose)
    assert is_harmless(OWN_COLOURS.sub("", shown))
    assert OWN_COLOURS.sub("", shown) == text(report, is_verbose=is_verbose)


@given(report=reports())
def test_documents_are_harmless_and_read_back_as_they_were(report: Report) -> None:
    content = document(report, exit_code=0, run_id="0")
    shown = as_json(content)
    assert is_harmless(shown)
    assert json.loads(shown) == json.loads(json.dumps(content))
    assert is_harmless(as_json(content, is_one_line=True))
    assert is_harmless(as_yaml(content))


@given(value=TEXTS | st.text())
def test_any_text_is_one_harmless_line(value: str) -> None:
    for shown in (printable(value), scalar(value)):
        assert is_harmless(shown)
        assert "\n" not in shown
