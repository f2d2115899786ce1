"""Text that others wrote is safe to print (behavior.md §7: no annotation can move a cursor)."""

import time

import pytest
import yaml

from podcm_sync.output.escape import (
    code,
    fence,
    html_code,
    json_text,
    longest_run,
    printable,
    scalar,
    shortened,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("é \N{GRINNING FACE} 中", "é \N{GRINNING FACE} 中"),
        ("a\nb", r"a\nb"),
        ("a\tb\r", r"a\tb\r"),
        ("\x00", r"\0"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("\x7f", r"\x7f"),
        ("\x85", r"\x85"),
        ("a\u202eb\u2066c", r"a\u202eb\u2066c"),
        ("a\u200bb\ufeff", r"a\u200bb\ufeff"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("\u3164\u2800\u034f", r"\u3164\u2800\u034f"),
        ("\N{HEAVY BLACK HEART}\ufe0f", "\N{HEAVY BLACK HEART}\\ufe0f"),
        ("\U000e0100", r"\U000e0100"),
        ("##vso[x]y", r"\u0023#vso[x]y"),
        ("a##[x", r"a\u0023#[x"),
        ("###teamcity[x", r"#\u0023#teamcity[x"),
        ("## a [b]", "## a [b]"),
        ("::error::a::b", r"\u003a:error::a::b"),
        (" ::x", r" \u003a:x"),
        ("std::vector, fd00::1", "std::vector, fd00::1"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, expected: str) -> None:
    """Control characters, ANSI and C1 sequences, bidirectional and invisible characters."""
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web-0", "web-0"),
        ("registry.example.com/shop/web", "registry.example.com/shop/web"),
        ("two words", "two words"),
        ("", '""'),
        ("true", '"true"'),
        ("No", '"No"'),
        ("null", '"null"'),
        ("~", '"~"'),
        ("<<", '"<<"'),
        ("8080", '"8080"'),
        ("-1.5", '"-1.5"'),
        ("0x1F", '"0x1F"'),
        ("1:30", '"1:30"'),
        ("2026-01-01", '"2026-01-01"'),
        ("key: value", '"key: value"'),
        ("key:", '"key:"'),
        ("http://a", "http://a"),
        ("a #b", '"a #b"'),
        ("a#b", "a#b"),
        ("- item", '"- item"'),
        ("*alias", '"*alias"'),
        (" lead", '" lead"'),
        ("trail ", '"trail "'),
        ('say "hi"', 'say "hi"'),
        ('"hi"', r'"\"hi\""'),
        (r"back\slash", r"back\slash"),
        ("a\nb", r'"a\nb"'),
        ("a\\\nb", r'"a\\\nb"'),
        ("\x1b", r'"\x1b"'),
        ("##vso[a]", r'"\u0023#vso[a]"'),
        ("a ::b", r'"a \u003a:b"'),
    ],
)
def test_a_scalar_is_plain_where_that_is_unambiguous(text: str, expected: str) -> None:
    assert scalar(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "web-0",
        "true",
        "8080",
        "a\nb\\n",
        "\x00\x07\x1b\x7f\x85\u2028\ufeff",
        'a "b" \\ c',
        "\N{GRINNING FACE}",
        "{a}",
        "[a]",
        "'a'",
        "&a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "? a",
        "!a",
        "(a",
    ],
)
def test_a_scalar_reads_back_as_the_text(text: str) -> None:
    assert yaml.safe_load(f"key: {scalar(text)}") == {"key": text}


def test_json_has_an_escape_that_reads_back_for_every_control_character() -> None:
    """JSON allows DEL without an escape."""
    assert json_text("\x7f##[") == r'"\u007f\u0023#["'


@pytest.mark.parametrize("text", ["#", "##a", ":", " ::", "##" + "a" * 50])
def test_the_time_grows_with_the_length_alone(text: str) -> None:
    """A megabyte takes less than a second; quadratic time would be hours."""
    began = time.process_time()
    printable(text * (1_000_000 // len(text)))
    assert time.process_time() - began < 5


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
