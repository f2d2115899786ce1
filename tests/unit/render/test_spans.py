"""Others' text as code; tests/laws/test_markdown_is_inert.py has what GitHub makes of it."""

import pytest

from podcm_sync.render.spans import code, fence, html_code, longest_run, shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web-0", "`web-0`"),
        ("a`b", "``a`b``"),
        ("a``b", "`a``b`"),
        ("`", "`` ` ``"),
        ("a`", "`` a` ``"),
        (" a ", "`  a  `"),
        (" a", "` a`"),
        ("  ", "`  `"),
        ("", "(empty)"),
        ("@octocat #1 <b> |", "`@octocat #1 <b> |`"),
        ("a\nb\x1b", r"`a\nb\x1b`"),
    ],
)
def test_code_has_as_many_backticks_as_it_takes(text: str, expected: str) -> None:
    assert code(text) == expected


def test_code_in_html_is_escaped() -> None:
    assert html_code("a</code>&\n") == r"<code>a&lt;/code&gt;&amp;\n</code>"


def test_a_long_text_is_shortened_once_it_is_printable() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("abcde", 3) == "abc… 2 more"
    assert shortened("\x1b" * 3, 8) == r"\x1b\x1b… 4 more"


def test_a_fence_is_longer_than_any_run_within() -> None:
    assert fence(longest_run("no ticks")) == "```"
    assert fence(longest_run("a ``` b ````` c")) == "``````"
