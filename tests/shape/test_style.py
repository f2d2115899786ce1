"""Texts that a user reads follow the rules of style that a machine can check (style.py)."""

import pytest

from tests.shape.style import (
    MAX_MEAN_WORDS,
    MAX_WORDS,
    SURFACES,
    findings,
    mean_words,
    prose_of,
    sentences,
    words,
)

# `python -m tests.shape.style` lists the findings of all surfaces.
ENFORCED = tuple(SURFACES)


@pytest.mark.parametrize("surface", ENFORCED)
def test_a_surface_follows_the_rules(surface: str) -> None:
    texts = SURFACES[surface]()
    assert len(texts) > 10
    assert [str(finding) for finding in findings(texts)] == []


@pytest.mark.parametrize("surface", ENFORCED)
def test_sentences_are_short(surface: str) -> None:
    assert mean_words(SURFACES[surface]()) < MAX_MEAN_WORDS


@pytest.mark.parametrize("surface", SURFACES)
def test_every_surface_has_texts(surface: str) -> None:
    """A check of nothing would agree with anything."""
    assert len(words(" ".join(text for _, text in SURFACES[surface]()))) > 200


@pytest.mark.parametrize(
    "sentence",
    [
        "Mend the spec.",
        "Has it another digest, nothing is written.",
        "What is left undone exits 5.",
        "Whoever approves sees that one.",
        "The file is no plan.",
        "It has not the right to list.",
        "The plan of then differs.",
        "Each namespace alone has a limit.",
        "It is done!",
        "If one fails, stop; if two fail, wait; if all fail, report.",
        "Its behaviour is recognised.",
        " ".join(["word"] * (MAX_WORDS + 1)) + ".",
    ],
)
def test_a_sentence_in_the_dialect_is_found(sentence: str) -> None:
    assert findings([("here", sentence)])


@pytest.mark.parametrize(
    "sentence",
    [
        "If the digest differs, podcm-sync writes nothing, prints the current plan, and exits 4.",
        "Why does a run exit 3?",
        "The leader has not been seen for 15 s.",
        "There is no such object.",
        "podcm-sync leaves the ConfigMap of that Pod alone.",
        "Resize it otherwise, and advise a precise promise.",
        " ".join(["word"] * MAX_WORDS) + ".",
    ],
)
def test_a_plain_sentence_is_not_found(sentence: str) -> None:
    assert findings([("here", sentence)]) == []


def test_a_page_is_read_without_its_code() -> None:
    page = (
        "# Mount it\n\nRun `a b c` now. Then:\n\n```sh\nmend anew\n```\n\n"
        "<!-- begin: x -->\n| may | mend |\n<!-- end: x -->\n"
        "- **One**: see [a page](mend.md).\n- Two\n\n| a | b |\n|---|---|\n| c d | e |\n"
    )
    assert list(sentences(prose_of(page))) == [
        *("Mount it", "Run `code` now.", "Then:", "One: see a page.", "Two"),
        *("a", "b", "c d", "e"),
    ]
