"""Explanation → text for people: the object in a line, then each verdict, what matters first."""

from collections.abc import Iterator, Sequence
from typing import Final

from podcm_sync.core.explain.explanation import (
    CONFIG_MAP,
    POD,
    Explanation,
    Unselected,
    Verdict,
)
from podcm_sync.core.selector import Requirement
from podcm_sync.model.changes import Verb
from podcm_sync.model.meta import KIND
from podcm_sync.model.reasons import Kind, Reason
from podcm_sync.render.escape import printable
from podcm_sync.render.explained_facts import (
    config_head,
    config_map_head,
    config_map_lines,
    joined,
    pod_head,
    ready_lines,
)

WIDTH: Final = 13
SHOWN: Final = 3
"""Of verdicts that are alike so many are shown, and all with -v."""
_BOLD, _RED, _GREEN, _YELLOW, _DIM = "1", "31", "32", "33", "2"
_RANKS: Final = {
    "blocked": _RED,
    "held back": _YELLOW,
    "invalid": _RED,
    "to delete": _RED,
    "to update": _YELLOW,
    "to create": _GREEN,
    "unknown": _YELLOW,
    "skipped": _DIM,
    "in step": _GREEN,
    "suspended": _DIM,
    "terminating": _DIM,
    "not selected": _DIM,
}
"""The words for verdicts with their colours, in the order in which they are shown."""
_WORDS: Final = {
    Reason.NOT_SELECTED: "not selected",
    Reason.SUSPENDED: "suspended",
    Reason.INVALID_SPEC: "invalid",
    Reason.UNREADABLE: "invalid",
    Reason.INCOMPLETE: "unknown",
}
"""For pairs that are not in the plan; the rest of them are terminating."""


def explained(
    explanation: Explanation, *, is_coloured: bool = False, is_verbose: bool = False
) -> str:
    """The whole explanation, ending in a newline. `is_verbose` shows all of what is alike."""
    lines = _Text(explanation, is_coloured, is_verbose).lines()
    return "".join(f"{line}\n" for line in lines)


class _Text:
    def __init__(self, explanation: Explanation, is_coloured: bool, is_verbose: bool) -> None:
        self.explanation = explanation
        self.is_coloured = is_coloured
        self.is_verbose = is_verbose

    def lines(self) -> Iterator[str]:
        subject = self.explanation
        title = printable(f"{subject.kind} {subject.namespace}/{subject.name}")
        yield f"{self._coloured(title, _BOLD)}: {printable(self._head())}"
        for word, said in self._facts():
            yield self._line(word, said, _DIM)
        if subject.incomplete:
            yield self._line("incomplete", f"{subject.incomplete}; nothing is deleted", _YELLOW)
        for word in _RANKS:
            alike = [each for each in subject.verdicts if _word(each) == word]
            if alike:
                yield from self._alike(word, alike)
        for group in subject.unselected:
            yield from self._unselected(group)

    def _head(self) -> str:
        subject = self.explanation
        if subject.kind == POD and subject.pod is not None:
            return pod_head(subject.pod)
        if subject.config_map is not None:
            return config_map_head(subject.config_map)
        assert subject.pod_config_map_config is not None, "an explanation has its subject's facts"
        return config_head(subject.pod_config_map_config)

    def _facts(self) -> Iterator[tuple[str, str]]:
        subject = self.explanation
        config = subject.pod_config_map_config
        if subject.kind == CONFIG_MAP and subject.config_map is not None:
            yield from config_map_lines(subject.config_map)
            if subject.pod is not None:
                yield "Pod", f"{subject.pod.name}: {pod_head(subject.pod)}"
            if config is not None:
                yield "config", f"{config.name}: {config_head(config)}"
        for finding in config.findings if config else ():
            yield "finding", finding
        if subject.kind == KIND and config is not None:
            yield from ready_lines(config)

    def _alike(self, word: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
        """Verdicts of one word; of a config's only the first few of each reason."""
        is_short = self.explanation.kind == KIND and not self.is_verbose
        for reason in dict.fromkeys(each.reason for each in verdicts):
            group = [each for each in verdicts if each.reason is reason]
            shown = group[:SHOWN] if is_short else group
            if is_short and word in {"in step", "suspended"}:
                names = ", ".join(each.config_map for each in shown)
                yield self._line(word, f"{_count(group)}: {names}{_more(group, shown)}")
                continue
            for each in shown:
                yield from self._verdict(word, each)
            if len(group) > len(shown):
                yield self._line(word, f"and {len(group) - len(shown)} more ({reason}); see -v")

    def _verdict(self, word: str, verdict: Verdict) -> Iterator[str]:
        yield self._line(word, self._what(verdict))
        for said in self._why(verdict):
            yield f"{'':{WIDTH}} {printable(said)}"

    def _what(self, verdict: Verdict) -> str:
        """The parts of the pair that are not the subject itself."""
        pod = f"Pod {verdict.pod}" if verdict.pod else "a Pod that is gone"
        config = f"{KIND} {verdict.pod_config_map_config}"
        is_there = verdict.verb is not None
        config_map = f"ConfigMap {verdict.config_map}" if is_there else "no ConfigMap"
        match self.explanation.kind:
            case "Pod":
                return f"{config}: {config_map}"
            case "ConfigMap":
                return f"{config} for {pod}"
            case _:
                return f"{config_map} for {pod}"

    def _why(self, verdict: Verdict) -> Iterator[str]:
        is_selected = verdict.requirements and all(x.satisfied for x in verdict.requirements)
        for each in verdict.requirements:
            if not each.satisfied:
                yield _failing(each)
        if is_selected and (self.is_verbose or self.explanation.kind != KIND):
            yield f"selected by {joined(map(str, verdict.requirements))}"
        if verdict.verb in {Verb.CREATE, Verb.UPDATE, Verb.KEEP} and not verdict.requirements:
            yield "selected by an empty selector, as every Pod is"
        is_said = verdict.verb is Verb.KEEP or _word(verdict) == "not selected"
        if not is_said:
            yield f"{verdict.reason}: {verdict.message}"
        if verdict.earlier_uid:
            yield f"made for an earlier Pod of this name, uid {verdict.earlier_uid}"
        if verdict.differing:
            yield f"differs in {joined(verdict.differing)}"
        if verdict.held_back is not None:
            held_back = verdict.held_back
            yield f"to be deleted for {held_back.reason}: {held_back.message}"
        if verdict.action:
            yield f"what to do: {verdict.action}"

    def _unselected(self, group: Unselected) -> Iterator[str]:
        noun = "Pod" if group.count == 1 else "Pods"
        names = ", ".join(each.name for each in group.pods)
        more = f" and {group.count - len(group.pods)} more" if group.count > len(group.pods) else ""
        asked = " and ".join(group.requirements)
        verb = "fails" if len(group.requirements) == 1 else "fail"
        yield self._line("not selected", f"{group.count} {noun}: {asked} {verb} ({names}{more})")
        for pod in group.pods:
            has = ", ".join(dict.fromkeys(_actual(each) for each in pod.requirements))
            yield f"{'':{WIDTH}} {printable(f'{pod.name} has {has}')}"

    def _line(self, word: str, said: str, colour: str | None = None) -> str:
        shown = self._coloured(f"{word:{WIDTH}}", colour or _RANKS[word])
        return f"{shown} {printable(said)}"

    def _coloured(self, said: str, colour: str) -> str:
        return f"\x1b[{colour}m{said}\x1b[0m" if self.is_coloured else said


def _word(verdict: Verdict) -> str:
    match verdict.verb:
        case None:
            return _WORDS.get(verdict.reason, "terminating")
        case Verb.KEEP:
            return "in step"
        case Verb.SKIP if verdict.kind is Kind.BLOCKING:
            return "blocked"
        case Verb.SKIP if verdict.kind is Kind.HELD_BACK:
            return "held back"
        case Verb.SKIP:
            return "skipped"
        case verb:
            return f"to {verb}"


def _failing(requirement: Requirement) -> str:
    has = "the Pod has " + _actual(requirement)
    return f"fails {requirement}: {has}"


def _actual(requirement: Requirement) -> str:
    if requirement.actual is None:
        return f"no label {requirement.key}"
    return f"{requirement.key}={requirement.actual}"


def _count(group: Sequence[object]) -> str:
    return "1 ConfigMap" if len(group) == 1 else f"{len(group)} ConfigMaps"


def _more(group: Sequence[object], shown: Sequence[object]) -> str:
    return f" and {len(group) - len(shown)} more" if len(group) > len(shown) else ""
