"""Explanation → Explanation with every value masked: of labels, of selectors, and in messages.

Equal values have one mask, so that it can still be seen whether a Pod has what a selector asks for.
Names, keys, verbs, reasons and counts stay as they are.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from podcm_sync.api.finding import Quotes
from podcm_sync.api.objects import Condition
from podcm_sync.api.reasons import REASONS
from podcm_sync.explain.explanation import (
    ConfigFacts,
    Explanation,
    PodFacts,
    Unselected,
    Verdict,
)
from podcm_sync.output.redact import Masks, condition_message
from podcm_sync.output.withhold import withheld, withheld_finding


def redacted(explanation: Explanation) -> Explanation:
    """The explanation as others may see it."""
    return _Explained(explanation.quoted).whole(explanation)


class _Explained(Masks):
    """The masks of one explanation, a method for each of its parts."""

    def __init__(self, quoted: Mapping[str, Quotes]) -> None:
        super().__init__()
        self._quoted = quoted

    def whole(self, explanation: Explanation) -> Explanation:
        pod, config = explanation.pod, explanation.pod_config_map_config
        config_map = explanation.config_map
        return replace(
            explanation,
            redacted=True,
            quoted={},
            pod=pod and self._pod(pod),
            pod_config_map_config=config and self._config(config),
            config_map=config_map and replace(config_map, problem=self._said(config_map.problem)),
            verdicts=tuple(map(self._verdict, explanation.verdicts)),
            unselected=tuple(map(self._unselected, explanation.unselected)),
            incomplete=self._said(explanation.incomplete),
        )

    def _pod(self, pod: PodFacts) -> PodFacts:
        labels = {key: self.mask(value) for key, value in sorted(pod.labels.items())}
        return replace(pod, labels=labels, problem=self._said(pod.problem))

    def _config(self, config: ConfigFacts) -> ConfigFacts:
        return replace(
            config,
            findings=tuple(map(withheld_finding, config.findings)),
            selector=tuple(map(self.requirement, config.selector)),
            ready=config.ready and self._condition(config.ready),
            ready_planned=config.ready_planned and self._condition(config.ready_planned),
        )

    def _said(self, message: str) -> str:
        return withheld(message, self._quoted.get(message))

    def _condition(self, condition: Condition) -> Condition:
        """What failed stands in the verdicts, each masked by itself."""
        message = condition_message(condition, [], self._quoted.get(condition.message))
        return replace(condition, message=message)

    def _verdict(self, verdict: Verdict) -> Verdict:
        held_back = verdict.held_back
        is_meaning = verdict.message == REASONS[verdict.reason].meaning
        return replace(
            verdict,
            message=verdict.message if is_meaning else self._said(verdict.message),
            problem=self._said(verdict.problem),
            requirements=tuple(map(self.requirement, verdict.requirements)),
            held_back=held_back and replace(held_back, message=self._said(held_back.message)),
        )

    def _unselected(self, unselected: Unselected) -> Unselected:
        return replace(
            unselected,
            requirements=tuple(map(self.requirement, unselected.requirements)),
            pods=tuple(
                replace(each, requirements=tuple(map(self.requirement, each.requirements)))
                for each in unselected.pods
            ),
        )
