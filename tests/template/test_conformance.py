"""The sandbox gives what native Go gives, byte for byte, error texts included."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.template import native
from tests.template.pods import engine_says, pod, root, sandbox

CORPUS = Path(__file__).parent / "corpus"


def cases() -> Iterator[tuple[str, str]]:
    """Each template of the corpus, and each example of the table of functions, by its name."""
    for file in sorted(CORPUS.glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        for part in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
            title, _, source = part.partition("\n")
            yield f"{file.stem}: {title}", source.removesuffix("\n")
    for function in json.loads(sandbox().table())["functions"]:
        yield f"example: {function['name']}", "{{ " + function["example"] + " }}"


CASES = dict(cases())


@cache
def expected() -> dict[str, Any]:
    answers = native.ask({"pod": root(pod()), "sources": list(CASES.values())})
    return dict(zip(CASES, answers, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_the_sandbox_says_what_native_go_says(name: str) -> None:
    native_says = expected()[name]
    # The root's own name is one that no {{define}} can have; people see the data key.
    shown = native_says["error"].replace("configMapDataTemplate/case", "case")
    assert engine_says(CASES[name], pod()) == {**native_says, "error": shown}


def test_the_corpus_is_as_large_as_it_claims() -> None:
    """At least 300 templates, no two alike, and plenty of each verdict."""
    assert len(CASES) >= 300
    assert len(set(CASES.values())) == len(list(cases())) == len(CASES)
    failing = [each for each in expected().values() if each["error"]]
    assert len(failing) > 80
    assert len(CASES) - len(failing) > 200


def test_every_example_of_the_table_gives_something() -> None:
    """The documentation shows them with their results."""
    silent = [
        name
        for name, answer in expected().items()
        if name.startswith("example: ") and not answer["output"] and name != "example: fail"
    ]
    assert silent == []
