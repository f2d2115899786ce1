"""Text that others wrote, made safe to show (spec §7: no annotation moves a terminal's cursor)."""

import pytest
import yaml

from podcm_sync.render.escape import printable, scalar


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
