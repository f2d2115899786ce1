"""The reader of manifests against kubectl's own, over generated documents (§8)."""

import json
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from podcm_sync.cluster.files import documents
from podcm_sync.cluster.files.yaml_reader import REPEATED_KEY, AliasBudget, UnreadableError
from podcm_sync.runtime import yaml_text
from tests.cases.kubectl import kubectl
from tests.cases.values import are_equal

NUMBER_LIKE = st.from_regex(r"[-+.0-9][0-9a-fxob_.eE+-]{0,9}", fullmatch=True)
_WORDS = (
    "y Y yes Yes YES n N no true True false on OFF oN ~ null Null NULL nil .inf -.Inf +.INF .NaN "
    "= << 1:30 190:20:30.15 2001-12-14 2001-12-14t21:59:43.10-05:00 0o17 017 09 0x1F -0b11 0b2 "
    "1_000 1__0 _1 1. .5 +.5 5.e3 1e400 4711e10 0e1234 9223372036854775808 -9223372036854775809 "
    "18446744073709551616 +9223372036854775808 123456.7 1234567.5 0.00001234 a.b a/b é"
)
WORDS = st.sampled_from(_WORDS.split())
TAGGED = st.sampled_from(
    [
        *(
            "!!str 5",
            "!!str ~",
            "!!int '7'",
            "!!int 0o7",
            "!!int 1.5",
            "!!float 1",
            "!!float '1e3'",
        ),
        *("!!bool yes", "!!bool 1", "!!null ''", "!!null x", "!!binary aGk=", "!!binary ?"),
        *("! 5", "!foo 5", "!!timestamp 2001-12-14", "!!timestamp soon", "&x a", '! "y"'),
    ]
)
QUOTED = st.sampled_from(["'y'", '"09"', "''", '"a\\nb"', '"\\u00e9\\x41"', "'it''s'", '"<<"'])
SCALARS = st.one_of(WORDS, NUMBER_LIKE, TAGGED, QUOTED, st.just(""))
KEYS = st.one_of(st.sampled_from(["a", "b", "c", "<<"]), WORDS, NUMBER_LIKE, QUOTED, TAGGED)


def block(entries: Sequence[str], indent: str) -> str:
    return "\n" + "\n".join(indent + entry for entry in entries)


def indented(text: str) -> str:
    return text.replace("\n", "\n  ")


def sequences(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.lists(children, min_size=1, max_size=3)
    return items.map(lambda each: block([f"- {indented(item)}" for item in each], ""))


def mappings(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(KEYS, children), min_size=1, max_size=4)
    return pairs.map(lambda each: block([f"{key}: {indented(value)}" for key, value in each], ""))


def flows(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    scalars = st.lists(SCALARS, max_size=3)
    return scalars.map(lambda each: f"[{', '.join(each)}]")


NODES = st.recursive(
    st.one_of(SCALARS, flows(SCALARS)),
    lambda children: sequences(children) | mappings(children),
    max_leaves=12,
)
FILES = st.lists(NODES, min_size=1, max_size=3).map("\n---\n".join)


def our_reading(content: bytes) -> tuple[list[object], str]:
    values = []
    try:
        for document in documents.documents(documents.decode(content), AliasBudget()):
            values.append(document.value)
    except UnreadableError as error:
        return values, str(error)
    return values, ""


@given(text=FILES)
@example(text="a: &x {k: 1}\nb: {k: 2, <<: *x}\nc: {<<: [*x, {k: 3, l: 4}], k: 5}")
@example(text="a: 1\n---\n|\n x")
@example(text="? a\n: b")
def test_kubectl_reads_the_same(text: str) -> None:
    """A key that appears twice is an error of ours alone, on purpose."""
    values, error = our_reading(text.encode())
    theirs = kubectl().read(text.encode())
    if error.startswith(REPEATED_KEY):
        return
    assert bool(error) == bool(theirs.error), (error, theirs)
    assert are_equal(values, theirs.objects)


@given(
    values=st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(),
            lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children),
            max_leaves=8,
        ),
        min_size=1,
        max_size=3,
    )
)
def test_kubectl_reads_json_the_same(values: list[object]) -> None:
    content = "\n".join(json.dumps({"a": value}) for value in values).encode()
    read, error = our_reading(content)
    assert (error, are_equal(read, kubectl().read(content).objects)) == ("", True)


TEXTS = st.one_of(
    st.text(), WORDS, NUMBER_LIKE, TAGGED, QUOTED, st.text("\n\r\t \x85\u2028\ufeff:#-'\"\\a1")
)


@given(data=st.dictionaries(TEXTS, TEXTS, max_size=4), is_ascii=st.booleans())
def test_kubectl_reads_a_text_that_was_written_as_that_text(
    data: dict[str, str], is_ascii: bool
) -> None:
    """behavior.md §8: what is written means the same to kubectl."""
    content = yaml_text.dump([{"data": data}, {"more": [*data]}], is_ascii=is_ascii).encode()
    expected = [{"data": data}, {"more": [*data]}]
    assert our_reading(content) == (expected, "")
    assert kubectl().read(content) == (expected, "")


@pytest.mark.parametrize("text", ["4711e10", "y", "N", "09", "0o17", "1.5e3", "~", "=", "1:30"])
def test_a_text_that_some_reader_takes_for_no_text_is_quoted(text: str) -> None:
    assert yaml_text.dump([{text: text}]) == f"'{text}': '{text}'\n"
