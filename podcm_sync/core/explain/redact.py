"""Explanation → Explanation with every value masked: of labels, of selectors, and in messages.

Equal values have one mask, so that it can still be seen whether a Pod has what a selector asks for.
Names, keys, verbs, reasons and counts stay as they are.
"""

import re
from typing import Final

from msgspec.structs import replace

from podcm_sync.core import scrub
from podcm_sync.core.explain.explanation import (
    ConfigFacts,
    ConfigMapFacts,
    Explanation,
    HeldBack,
    PodFacts,
    Unselected,
    Verdict,
)
from podcm_sync.core.redact import Masks, condition_message, message_of
from podcm_sync.core.selector import EQUALS, OPERATORS, Requirement
from podcm_sync.model.objects import Condition
from podcm_sync.model.reasons import REASONS, Reason

_REQUIREMENT: Final = re.compile(
    rf"(?P<key>[-\w./]+)(?:=(?P<value>.*)| (?P<operator>{'|'.join(OPERATORS)})"
    r"(?: \[(?P<values>.*)\])?)",
    re.DOTALL,
)
"""A requirement as `Requirement.__str__` says it; a valid one's values have neither comma nor ]."""


def redacted(explanation: Explanation) -> Explanation:
    """The explanation as others may see it."""
    return _Explained().whole(explanation)


class _Explained(Masks):
    """The masks of one explanation, a method for each of its parts."""

    def whole(self, explanation: Explanation) -> Explanation:
        pod, config = explanation.pod, explanation.pod_config_map_config
        config_map = explanation.config_map
        return replace(
            explanation,
            redacted=True,
            pod=pod and self._pod(pod),
            pod_config_map_config=config and self._config(config),
            config_map=config_map and _config_map(config_map),
            verdicts=tuple(map(self._verdict, explanation.verdicts)),
            unselected=tuple(map(self._unselected, explanation.unselected)),
            incomplete=_list_failure(explanation.incomplete),
        )

    def _pod(self, pod: PodFacts) -> PodFacts:
        labels = {key: self.mask(value) for key, value in sorted(pod.labels.items())}
        return replace(pod, labels=labels, problem=scrub.scrubbed(pod.problem))

    def _config(self, config: ConfigFacts) -> ConfigFacts:
        return replace(
            config,
            findings=tuple(map(scrub.scrubbed, config.findings)),
            selector=tuple(map(self._asked, config.selector)),
            ready=config.ready and _condition(config.ready),
            ready_planned=config.ready_planned and _condition(config.ready_planned),
        )

    def _asked(self, text: str) -> str:
        found = _REQUIREMENT.fullmatch(text)
        if found is None:
            return scrub.WITHHELD
        if found["value"] is not None:
            operator, values = EQUALS, (found["value"],)
        else:
            operator = found["operator"]
            values = tuple(found["values"].split(", ")) if found["values"] is not None else ()
        asked = Requirement(key=found["key"], operator=operator, values=values, satisfied=True)
        return str(self._requirement(asked))

    def _requirement(self, requirement: Requirement) -> Requirement:
        actual = requirement.actual
        return replace(
            requirement,
            values=tuple(map(self.mask, requirement.values)),
            actual=None if actual is None else self.mask(actual),
        )

    def _verdict(self, verdict: Verdict) -> Verdict:
        held_back = verdict.held_back
        return replace(
            verdict,
            message=_message(verdict),
            problem=scrub.scrubbed(verdict.problem),
            requirements=tuple(map(self._requirement, verdict.requirements)),
            held_back=held_back and _held_back(held_back),
        )

    def _unselected(self, unselected: Unselected) -> Unselected:
        return replace(
            unselected,
            requirements=tuple(map(self._asked, unselected.requirements)),
            pods=tuple(
                replace(each, requirements=tuple(map(self._requirement, each.requirements)))
                for each in unselected.pods
            ),
        )


def _config_map(config_map: ConfigMapFacts) -> ConfigMapFacts:
    return replace(config_map, problem=scrub.scrubbed(config_map.problem))


def _held_back(held_back: HeldBack) -> HeldBack:
    return replace(held_back, message=message_of(held_back.reason, held_back.message))


def _condition(condition: Condition) -> Condition:
    """What failed stands in the verdicts, each masked by itself."""
    return replace(condition, message=condition_message(condition, []))


def _message(verdict: Verdict) -> str:
    if verdict.message == REASONS[verdict.reason].meaning:
        return verdict.message
    if verdict.verb is None and verdict.reason is Reason.INCOMPLETE:
        return _list_failure(verdict.message)
    return message_of(verdict.reason, verdict.message)


def _list_failure(message: str) -> str:
    return scrub.list_failure(message) if message else ""
