"""Label selectors with `metav1.LabelSelector`'s full meaning, compiled once per config.

Source of the meaning: k8s.io/apimachinery `labels.Requirement.Matches`. A key that is absent
satisfies NotIn and DoesNotExist, and nothing else.
"""

from collections.abc import Callable, Mapping
from typing import Final

from podcm_sync.model.objects import LabelSelector, LabelSelectorRequirement

Labels = Mapping[str, str]
Matcher = Callable[[Labels], bool]

OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")


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
