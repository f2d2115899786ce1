"""Selectors have `metav1.LabelSelector`'s full meaning (behavior.md §1, podSelector)."""

import pytest

from podcm_sync.api.objects import LabelSelector, LabelSelectorRequirement
from podcm_sync.reconcile.selector import compile_selector, requirements

WEB = {"app": "web"}
EMPTY = {"app": ""}
NONE: dict[str, str] = {}
OTHER = {"tier": "front"}
BOTH = {"app": "web", "tier": "front"}


def matches(
    labels: dict[str, str],
    *expressions: tuple[str, str, tuple[str, ...]],
    match_labels: dict[str, str] = NONE,
) -> bool:
    selector = LabelSelector(
        match_labels=match_labels,
        match_expressions=tuple(
            LabelSelectorRequirement(key=key, operator=operator, values=values)
            for key, operator, values in expressions
        ),
    )
    return compile_selector(selector)(labels)


@pytest.mark.parametrize(
    ("operator", "values", "web", "empty", "absent"),
    [
        ("In", ("web",), True, False, False),
        ("In", ("api", "web"), True, False, False),
        ("In", ("api",), False, False, False),
        ("In", ("",), False, True, False),
        ("NotIn", ("web",), False, True, True),
        ("NotIn", ("api", "web"), False, True, True),
        ("NotIn", ("api",), True, True, True),
        ("NotIn", ("",), True, False, True),
        ("Exists", (), True, True, False),
        ("DoesNotExist", (), False, False, True),
    ],
)
def test_the_table_of_operators(
    operator: str, values: tuple[str, ...], web: bool, empty: bool, absent: bool
) -> None:
    """A Pod without the key satisfies NotIn and DoesNotExist, and nothing else."""
    expression = ("app", operator, values)
    assert matches(WEB, expression) is web
    assert matches(EMPTY, expression) is empty
    assert matches(NONE, expression) is absent
    assert matches(OTHER, expression) is absent


@pytest.mark.parametrize("labels", [WEB, EMPTY, NONE, BOTH])
def test_an_empty_selector_matches_every_pod(labels: dict[str, str]) -> None:
    assert matches(labels)


@pytest.mark.parametrize(
    ("wanted", "labels", "expected"),
    [
        (WEB, WEB, True),
        (WEB, BOTH, True),
        (WEB, EMPTY, False),
        (WEB, NONE, False),
        (EMPTY, EMPTY, True),
        (EMPTY, NONE, False),
        (BOTH, BOTH, True),
        (BOTH, WEB, False),
        (BOTH, {"app": "web", "tier": "back"}, False),
        (BOTH, {"app": "web", "tier": "front", "more": "x"}, True),
    ],
)
def test_match_labels_must_all_be_there(
    wanted: dict[str, str], labels: dict[str, str], expected: bool
) -> None:
    assert matches(labels, match_labels=wanted) is expected


def test_all_expressions_and_labels_must_hold() -> None:
    expressions = (("tier", "Exists", ()), ("app", "NotIn", ("api",)))
    assert matches(BOTH, *expressions, match_labels=WEB)
    assert not matches(WEB, *expressions, match_labels=WEB)
    assert not matches({**BOTH, "app": "api"}, *expressions)
    assert not matches(OTHER, *expressions, match_labels=WEB)


def test_conditions_on_one_key_are_joined_by_and() -> None:
    expressions = (("app", "In", ("web", "api")), ("app", "NotIn", ("api",)))
    assert matches(WEB, *expressions)
    assert not matches({"app": "api"}, *expressions)


def test_values_are_compared_whole_and_in_their_case() -> None:
    assert not matches({"app": "Web"}, match_labels=WEB)
    assert not matches({"app": "website"}, ("app", "In", ("web",)))


def test_an_unknown_operator_is_never_guessed() -> None:
    with pytest.raises(ValueError, match="no such operator: in"):
        matches(WEB, ("app", "in", ("web",)))


def test_requirements_say_what_is_asked_and_what_is_there() -> None:
    """Those of matchLabels first, in the order written; an absent label has no value at all."""
    selector = LabelSelector(
        match_labels={"tier": "front", "app": "web"},
        match_expressions=(
            LabelSelectorRequirement(key="app", operator="In", values=("web", "api")),
            LabelSelectorRequirement(key="zone", operator="DoesNotExist", values=()),
            LabelSelectorRequirement(key="zone", operator="Exists", values=()),
        ),
    )
    asked = requirements(selector, {"app": "", "tier": "front"})
    assert [(str(each), each.satisfied, each.actual) for each in asked] == [
        ("tier=front", True, "front"),
        ("app=web", False, ""),
        ("app In [web, api]", False, ""),
        ("zone DoesNotExist", True, None),
        ("zone Exists", False, None),
    ]
