"""What is shown moves no cursor, hides nothing, and is not obeyed by any CI system.

§7. Line ends are the renderer's own, and so are its colours, where it was asked for them.
"""

import json
import logging
import re
import sys
import unicodedata

import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from podcm_sync.cli import logs
from podcm_sync.output.document import as_json, as_yaml, document
from podcm_sync.output.escape import json_text, printable, scalar, yaml_text
from podcm_sync.output.markdown import markdown
from podcm_sync.output.terminal import NARROWEST, Color, Style, folded
from podcm_sync.output.text import text
from podcm_sync.reconcile.report import Report
from tests.laws.reports import TEXTS, reports

COMMAND = re.compile(r"##[\w.-]*\[|^\s*::", re.MULTILINE)
"""microsoft/azure-pipelines-agent Command.cs, actions/runner ActionCommand.cs, TeamCity's docs."""
BLANK = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U00013441\U00013442\U00016fe4\U0001bca0-\U0001bca3"
    "\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""DerivedCoreProperties.txt, Default_Ignorable_Code_Point; and signs that are drawn blank."""
OWN_COLOURS = re.compile("|".join(re.escape(f"\x1b[{color}m") for color in (*Color, "0")))


def is_harmless(shown: str) -> bool:
    """No control, format or invisible character, no line end but the usual one, no command."""
    is_plain = all(
        char == "\n" or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        for char in set(shown)
    )
    return is_plain and not (COMMAND.search(shown) or BLANK.search(shown))


@given(
    report=reports(),
    is_verbose=st.booleans(),
    is_full_diff=st.booleans(),
    width=st.integers(NARROWEST, 200),
    is_coloured=st.booleans(),
    is_ascii=st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(
    *,
    report: Report,
    is_verbose: bool,
    is_full_diff: bool,
    width: int,
    is_coloured: bool,
    is_ascii: bool,
) -> None:
    style = Style(is_colored=is_coloured, is_ascii=is_ascii, columns=width)
    shown = text(report, style=style, is_verbose=is_verbose, is_full_diff=is_full_diff)
    plain = OWN_COLOURS.sub("", shown)
    assert is_harmless(plain)
    style = Style(is_ascii=is_ascii, columns=width)
    assert plain == text(report, style=style, is_verbose=is_verbose, is_full_diff=is_full_diff)
    assert max(cell_len(line) for line in plain.split("\n")) <= width


@given(report=reports(), is_verbose=st.booleans(), is_full_diff=st.booleans())
def test_text_without_colours_is_harmless(
    report: Report, is_verbose: bool, is_full_diff: bool
) -> None:
    assert is_harmless(text(report, is_verbose=is_verbose, is_full_diff=is_full_diff))


@given(report=reports(), is_verbose=st.booleans())
def test_text_with_colours_has_none_but_its_own(report: Report, is_verbose: bool) -> None:
    shown = text(report, style=Style(is_colored=True), is_verbose=is_verbose)
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
    # A surrogate that stands alone is an escape that no YAML reader takes.
    if not any("\ud800" <= char <= "\udfff" for char in json.dumps(content, ensure_ascii=False)):
        assert yaml.safe_load(as_yaml(content)) == json.loads(shown)


@given(report=reports())
def test_markdown_is_harmless(report: Report) -> None:
    assert is_harmless(markdown(report, exit_code=0))


def test_every_character_that_nobody_sees_is_an_escape() -> None:
    """All of Unicode, one after the other."""
    seen = "".join(char for char in map(chr, range(sys.maxunicode + 1)) if printable(char) == char)
    assert BLANK.findall(seen) == []
    assert not any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in seen)
    assert {"e", "\u00e9", "\u4e2d", "\N{GRINNING FACE}", "\u0301"} <= set(seen)


@given(
    value=TEXTS, severity=st.sampled_from([logging.INFO, logging.ERROR]), is_raised=st.booleans()
)
def test_log_lines_are_harmless(value: str, severity: int, is_raised: bool) -> None:
    error = ValueError(value)
    info = (ValueError, error, None) if is_raised else None
    record = logging.LogRecord("podcm_sync.x", severity, "", 0, "said %s", (value,), info)
    assert is_harmless(logs._Text(is_redacted=False).format(record))
    shown = logs._Json(is_redacted=False).format(record)
    assert is_harmless(shown)
    assert json.loads(shown)["message"] == json.loads(json.dumps(f"said {value}"))


@given(value=TEXTS | st.text())
def test_any_text_is_one_harmless_line(value: str) -> None:
    for shown in (printable(value), scalar(value), f"  {printable(value)}"):
        assert is_harmless(shown)
        assert "\n" not in shown


@given(value=TEXTS | st.text(), width=st.integers(8, 60))
def test_a_line_that_is_folded_anywhere_is_harmless(value: str, width: int) -> None:
    lines = list(folded(printable(value).split(" "), width, "  "))
    assert is_harmless("\n".join(lines))


@given(value=TEXTS | st.text())
def test_json_and_yaml_read_back_as_the_value(value: str) -> None:
    content = {"key": value, "list": [value]}
    shown = json_text(content)
    assert is_harmless(shown)
    assert json.loads(shown) == content
    if not any("\ud800" <= char <= "\udfff" for char in value):
        assert yaml.safe_load(yaml_text(content)) == content
        assert yaml.safe_load(f"key: {scalar(value)}") == {"key": value}
