"""Label selectors with `metav1.LabelSelector`'s full meaning, compiled once per config.

Source of the meaning: k8s.io/apimachinery `labels.Requirement.Matches`. A key that is absent
satisfies NotIn and DoesNotExist, and nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from podcm_sync.model.objects import LabelSelector, LabelSelectorRequirement

Labels = Mapping[str, str]
Matcher = Callable[[Labels], bool]

OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")

EQUALS: Final = "="
"""How an entry of matchLabels is called among the operators."""


class Requirement(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One requirement of a selector, held against an object's labels.

    `actual` is the value that the object has; None where it lacks the label.
    """

    key: str
    operator: str
    values: tuple[str, ...]
    satisfied: bool
    actual: str | None = None

    def __str__(self) -> str:
        """As it is asked: `app=web`, `app In [web, api]`, `tier Exists`."""
        if self.operator == EQUALS:
            return f"{self.key}={self.values[0]}"
        values = f" [{', '.join(self.values)}]" if self.values else ""
        return f"{self.key} {self.operator}{values}"


def compile_selector(selector: LabelSelector) -> Matcher:
    """A predicate over labels. The selector must be valid (`core.validate`).

    Raises ValueError for an operator that is none of OPERATORS.
    """
    wanted = selector.match_labels
    requirements = tuple(_requirement(each) for each in selector.match_expressions)
    if not requirements:
        if not wanted:
            return lambda _: True
        if len(wanted) == 1:
            ((key, value),) = wanted.items()
            return lambda labels: labels.get(key) == value

    def matches(labels: Labels) -> bool:
        return wanted.items() <= labels.items() and all(
            requirement(labels) for requirement in requirements
        )

    return matches


def requirements(selector: LabelSelector, labels: Labels) -> tuple[Requirement, ...]:
    """Each requirement and whether these labels satisfy it; they are selected if all hold.

    matchLabels come first, then matchExpressions, each in the order written. Raises ValueError as
    `compile_selector` does.
    """
    asked = [
        (EQUALS, LabelSelectorRequirement(key=key, operator="In", values=(value,)))
        for key, value in selector.match_labels.items()
    ]
    asked += [(each.operator, each) for each in selector.match_expressions]
    return tuple(
        Requirement(
            key=each.key,
            operator=operator,
            values=each.values,
            satisfied=_requirement(each)(labels),
            actual=labels.get(each.key),
        )
        for operator, each in asked
    )


def _requirement(requirement: LabelSelectorRequirement) -> Matcher:
    key, values = requirement.key, frozenset(requirement.values)
    match requirement.operator:
        case "In":
            return lambda labels: key in labels and labels[key] in values
        case "NotIn":
            return lambda labels: key not in labels or labels[key] not in values
        case "Exists":
            return lambda labels: key in labels
        case "DoesNotExist":
            return lambda labels: key not in labels
        case unknown:
            raise ValueError(f"no such operator: {unknown}")
