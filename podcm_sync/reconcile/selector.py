"""Label selectors with `metav1.LabelSelector`'s full meaning, compiled once per config.

Source: k8s.io/apimachinery `labels.Requirement.Matches`. A missing key satisfies NotIn and
DoesNotExist, and nothing else.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final

from msgspec import Struct

from podcm_sync.api.objects import LabelSelector, LabelSelectorRequirement, Pod

Labels = Mapping[str, str]
Matcher = Callable[[Labels], bool]

OPERATORS: Final = ("In", "NotIn", "Exists", "DoesNotExist")

EQUALS: Final = "="
"""The operator of a matchLabels entry, in a Requirement."""


class Requirement(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One requirement of a selector, checked against an object's labels.

    `actual` is the value of the object's label; None if it doesn't have the label.
    """

    key: str
    operator: str
    values: tuple[str, ...]
    satisfied: bool
    actual: str | None = None

    @property
    def label(self) -> str:
        """The object's label as text: `tier=frontend`, `no label tier`."""
        return f"no label {self.key}" if self.actual is None else f"{self.key}={self.actual}"

    def __str__(self) -> str:
        """The requirement as text: `app=web`, `app In [web, api]`, `tier Exists`."""
        if self.operator == EQUALS:
            return f"{self.key}={self.values[0]}"
        values = f" [{', '.join(self.values)}]" if self.values else ""
        return f"{self.key} {self.operator}{values}"


def compile_selector(selector: LabelSelector) -> Matcher:
    """Compile a selector to a predicate over labels. It must be valid (`validate.findings`).

    Raises ValueError for an operator that isn't in OPERATORS.
    """
    wanted = selector.match_labels
    requirements = tuple(_requirement(expression) for expression in selector.match_expressions)
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
    """Check each requirement against these labels; the selector matches if all are satisfied.

    matchLabels come first, then matchExpressions, each in the order written. Raises ValueError for
    an operator that isn't in OPERATORS.
    """
    expressions = [
        (EQUALS, LabelSelectorRequirement(key=key, operator="In", values=(value,)))
        for key, value in selector.match_labels.items()
    ]
    expressions += [(expression.operator, expression) for expression in selector.match_expressions]
    return tuple(
        Requirement(
            key=expression.key,
            operator=operator,
            values=expression.values,
            satisfied=_requirement(expression)(labels),
            actual=labels.get(expression.key),
        )
        for operator, expression in expressions
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


class Candidates:
    """The Pods of one namespace, indexed by the label keys that its selectors require."""

    def __init__(self, pods: Sequence[Pod], selectors: Iterable[LabelSelector]) -> None:
        self._pods = pods
        self._by_pair: dict[tuple[str, str], list[Pod]] = {}
        self._by_key: dict[str, list[Pod]] = {}
        keys = {key for selector in selectors for key, _ in _required(selector)}
        if not keys:
            return
        for pod in pods:
            for key in keys & pod.labels.keys():
                self._by_key.setdefault(key, []).append(pod)
                self._by_pair.setdefault((key, pod.labels[key]), []).append(pod)

    def of(self, selector: LabelSelector) -> Iterable[Pod]:
        """The Pods with the rarest label that the selector requires; all if it requires none."""
        return chain.from_iterable(self._rarest(selector))

    def steps(self, selector: LabelSelector) -> int:
        """The most steps that checking the selector against its candidates can take.

        A step is one requirement checked against one Pod. Each value of a requirement costs one
        more step, once.
        """
        requirements = len(selector.match_labels) + len(selector.match_expressions)
        values = sum(len(expression.values) for expression in selector.match_expressions)
        candidates = sum(map(len, self._rarest(selector)))
        return candidates * max(1, requirements) + values

    def _rarest(self, selector: LabelSelector) -> list[Sequence[Pod]]:
        fewest = len(self._pods)
        rarest: list[Sequence[Pod]] = [self._pods]
        for key, values in _required(selector):
            groups: list[Sequence[Pod]]
            if values is None:
                groups = [self._by_key.get(key, ())]
            else:
                groups = [self._by_pair.get((key, value), ()) for value in values]
            count = sum(map(len, groups))
            if count < fewest:
                fewest, rarest = count, groups
        return rarest


def _required(selector: LabelSelector) -> Iterator[tuple[str, frozenset[str] | None]]:
    """The keys that a selected Pod must have, with the values allowed for each (None: any)."""
    for key, value in selector.match_labels.items():
        yield key, frozenset((value,))
    for expression in selector.match_expressions:
        match expression.operator:
            case "In":
                yield expression.key, frozenset(expression.values)
            case "Exists":
                yield expression.key, None
