"""Which Pods a selector can match at all, so that no config is held against every Pod.

A Pod that is no candidate is certainly not selected; of a candidate the matcher decides.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from podcm_sync.model.objects import LabelSelector, Pod


class Candidates:
    """The Pods of one namespace, by those label keys that the selectors there ask for."""

    def __init__(self, pods: Sequence[Pod], selectors: Iterable[LabelSelector]) -> None:
        self._pods = pods
        self._by_pair: dict[tuple[str, str], list[Pod]] = {}
        self._by_key: dict[str, list[Pod]] = {}
        keys = {key for selector in selectors for key, _ in _asked(selector)}
        if not keys:
            return
        for pod in pods:
            for key in keys & pod.labels.keys():
                self._by_key.setdefault(key, []).append(pod)
                self._by_pair.setdefault((key, pod.labels[key]), []).append(pod)

    def of(self, selector: LabelSelector) -> Iterable[Pod]:
        """The Pods with the rarest of the labels that it asks for; all, where it asks for none."""
        return chain.from_iterable(self._rarest(selector))

    def steps(self, selector: LabelSelector) -> int:
        """How many steps it takes at most to check the selector against its candidates.

        A requirement that is checked against a Pod is a step, and so is each of its values.
        """
        requirements = len(selector.match_labels) + len(selector.match_expressions)
        values = sum(len(expression.values) for expression in selector.match_expressions)
        candidates = sum(map(len, self._rarest(selector)))
        return candidates * max(1, requirements) + values

    def _rarest(self, selector: LabelSelector) -> list[Sequence[Pod]]:
        fewest = len(self._pods)
        rarest: list[Sequence[Pod]] = [self._pods]
        for key, values in _asked(selector):
            groups: list[Sequence[Pod]]
            if values is None:
                groups = [self._by_key.get(key, ())]
            else:
                groups = [self._by_pair.get((key, value), ()) for value in values]
            count = sum(map(len, groups))
            if count < fewest:
                fewest, rarest = count, groups
        return rarest


def _asked(selector: LabelSelector) -> Iterator[tuple[str, frozenset[str] | None]]:
    """The keys that a selected Pod must have, and the values that each may have (None is any)."""
    for key, value in selector.match_labels.items():
        yield key, frozenset((value,))
    for each in selector.match_expressions:
        match each.operator:
            case "In":
                yield each.key, frozenset(each.values)
            case "Exists":
                yield each.key, None
