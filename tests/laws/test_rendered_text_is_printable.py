"""What is shown holds no control character: no value, name or message moves a terminal's cursor.

Spec §7. Line ends are the renderer's own, and so are its colours, where it was asked for them.
"""

import json
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from podcm_sync.core.report import Report
from podcm_sync.render.document import as_json, as_yaml, document
from podcm_sync.render.escape import printable, scalar
from podcm_sync.render.text import NARROWEST, text
from tests.laws.reports import TEXTS, reports

OWN_COLOURS = re.compile(r"\x1b\[(1|2|31|32|33|36)m|\x1b\[0m")


def is_harmless(shown: str) -> bool:
    """No control, format or surrogate character, and no line end but the usual one."""
    return all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        for char in shown
    )


@given(
    report=reports(),
    is_verbose=st.booleans(),
    width=st.integers(NARROWEST, 200),
    is_coloured=st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(
    report: Report, is_verbose: bool, width: int, is_coloured: bool
) -> None:
    shown = text(report, is_verbose=is_verbose, width=width, is_coloured=is_coloured)
    plain = OWN_COLOURS.sub("", shown)
    assert is_harmless(plain)
    assert plain == text(report, is_verbose=is_verbose, width=width)
    assert max(cell_len(line) for line in plain.split("\n")) <= width


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
