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
"""So many names of what is alike, and so many that are not alike; with -v all."""
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
        if subject.kind == POD and not (subject.verdicts or subject.incomplete):
            yield self._line("no config", f"there is no {KIND} in this namespace", _DIM)
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
            elif subject.config_map.ours:
                yield "Pod", "none that was listed has that uid"
            if config is not None:
                yield "config", f"{config.name}: {config_head(config)}"
        for finding in config.findings if config else ():
            yield "finding", finding
        if subject.kind == KIND and config is not None:
            yield from ready_lines(config)

    def _alike(self, word: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
        """Verdicts of one word; of a config's those that say the same are one."""
        if self.explanation.kind != KIND:
            for each in verdicts:
                yield from self._verdict(word, each)
            return
        groups: dict[tuple[object, ...], list[Verdict]] = {}
        for each in verdicts:
            groups.setdefault((_has_name(each), *self._why(each)), []).append(each)
        shown = len(groups) if self.is_verbose else SHOWN
        for group in list(groups.values())[:shown]:
            yield from self._group(word, group)
        hidden = [each for group in list(groups.values())[shown:] for each in group]
        if hidden:
            yield self._line(word, f"{_count(hidden)} more; -v shows all")

    def _group(self, word: str, group: Sequence[Verdict]) -> Iterator[str]:
        if len(group) == 1:
            yield from self._verdict(word, group[0])
            return
        shown = group if self.is_verbose else group[:SHOWN]
        names = ", ".join(each.config_map if _has_name(each) else each.pod for each in shown)
        more = f" and {len(group) - len(shown)} more" if len(group) > len(shown) else ""
        yield self._line(word, f"{_count(group)}: {names}{more}")
        for said in self._why(group[0]):
            yield f"{'':{WIDTH}} {printable(said)}"

    def _verdict(self, word: str, verdict: Verdict) -> Iterator[str]:
        yield self._line(word, self._what(verdict))
        for said in self._why(verdict):
            yield f"{'':{WIDTH}} {printable(said)}"

    def _what(self, verdict: Verdict) -> str:
        """The parts of the pair that are not the subject itself."""
        pod = f"Pod {verdict.pod}" if verdict.pod else "a Pod that is gone"
        config = f"{KIND} {verdict.pod_config_map_config}"
        has_name = _has_name(verdict)
        config_map = f"ConfigMap {verdict.config_map}" if has_name else "no ConfigMap"
        match self.explanation.kind:
            case "Pod":
                return f"{config}: {config_map}"
            case "ConfigMap":
                return f"{config} for {pod}"
            case _:
                return f"{config_map} for {pod}"

    def _why(self, verdict: Verdict) -> Iterator[str]:
        yield from self._selection(verdict)
        if not (verdict.verb is Verb.KEEP or _word(verdict) == "not selected"):
            yield f"{verdict.reason}: {verdict.message}"
        if verdict.problem and self.explanation.kind == POD:
            yield verdict.problem
        if verdict.reason is not Reason.NAME_TAKEN:
            for other in verdict.contenders:
                yield f"also wanted by {KIND} {other.pod_config_map_config} for Pod {other.pod}"
        if verdict.earlier_uid:
            yield f"made for an earlier Pod of this name, uid {verdict.earlier_uid}"
        if _word(verdict) == "blocked" and verdict.reason is not Reason.FOREIGN:
            yield "what exists stays as it is" if verdict.exists else "so far there is none"
        if verdict.differing:
            yield f"differs in {joined(verdict.differing)}"
        if verdict.held_back is not None:
            yield f"to be deleted because {verdict.held_back.reason}: {verdict.held_back.message}"
        if verdict.action:
            yield f"what to do: {verdict.action}"

    def _selection(self, verdict: Verdict) -> Iterator[str]:
        """What of the selector fails; or else what holds, which a config's head has said."""
        asked = verdict.requirements
        failing = [each for each in asked if not each.satisfied]
        yield from map(_failing, failing)
        if failing or self.explanation.kind == KIND:
            return
        if asked:
            yield f"selected by {joined(map(str, asked))}"
        elif verdict.verb in {Verb.CREATE, Verb.UPDATE, Verb.KEEP}:
            yield "selected, as every Pod is"

    def _unselected(self, group: Unselected) -> Iterator[str]:
        noun = "1 Pod" if group.count == 1 else f"{group.count} Pods"
        verb = "fails" if group.count == 1 else "fail"
        yield self._line("not selected", f"{noun} {verb} {' and '.join(group.requirements)}")
        for pod in group.pods:
            has = ", ".join(dict.fromkeys(map(_actual, pod.requirements)))
            yield f"{'':{WIDTH}} {printable(f'{pod.name} has {has}')}"
        if group.count > len(group.pods):
            yield f"{'':{WIDTH}} and {group.count - len(group.pods)} more"

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


def _has_name(verdict: Verdict) -> bool:
    """Whether there is a ConfigMap to speak of, or should be one."""
    is_wanted = verdict.verb is not None and verdict.kind is not Kind.INTENDED
    return verdict.exists or is_wanted


def _failing(requirement: Requirement) -> str:
    return f"fails {requirement}: the Pod has {_actual(requirement)}"


def _actual(requirement: Requirement) -> str:
    if requirement.actual is None:
        return f"no label {requirement.key}"
    return f"{requirement.key}={requirement.actual}"


def _count(group: Sequence[Verdict]) -> str:
    """How many ConfigMaps; of pairs that have none, how many Pods."""
    noun = "ConfigMap" if _has_name(group[0]) else "Pod"
    return f"1 {noun}" if len(group) == 1 else f"{len(group)} {noun}s"
