"""Explanation → text for people: the object in a line, then a line for each config or ConfigMap.

What matters comes first: a mark, the name, what a run would do, and why. A line `hint:` follows if
there is something to do that helps.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import structs

from podcm_sync import __version__
from podcm_sync.api.meta import KIND
from podcm_sync.api.reasons import Reason, ReasonClass
from podcm_sync.explain.explanation import (
    CONFIG_MAP,
    POD,
    Explanation,
    Unselected,
    Verdict,
)
from podcm_sync.explain.facts_text import (
    config_head,
    config_map_head,
    config_map_lines,
    joined,
    pod_head,
    ready_lines,
)
from podcm_sync.output.escape import printable
from podcm_sync.output.terminal import PLAIN, Color, Style, columns
from podcm_sync.reconcile.changes import Verb
from podcm_sync.reconcile.selector import Requirement

SHOWN: Final = 3
"""So many names of what is alike, and so many groups that are not alike; with -v all."""
_INDENT: Final = "  "
_RANKS: Final = {
    "blocked": ("✘", Color.RED),
    "held back": ("!", Color.YELLOW),
    "invalid": ("✘", Color.RED),
    "newer": ("✘", Color.RED),
    "would delete": ("-", Color.RED),
    "would update": ("~", Color.YELLOW),
    "would create": ("+", Color.GREEN),
    "unknown": ("!", Color.YELLOW),
    "left alone": ("·", Color.DIM),
    "in sync": ("✔", Color.GREEN),
    "suspended": ("·", Color.DIM),
    "terminating": ("·", Color.DIM),
    "not selected": ("·", Color.DIM),
}
"""The words for verdicts, with mark and color, in the order in which they are shown."""
_WORDS: Final = {
    Reason.NOT_SELECTED: "not selected",
    Reason.SUSPENDED: "suspended",
    Reason.INVALID_SPEC: "invalid",
    Reason.NEWER_SPEC: "newer",
    Reason.UNREADABLE: "invalid",
    Reason.INCOMPLETE: "unknown",
}
"""For pairs that are not in the plan; the rest of them are terminating."""


def explained(explanation: Explanation, style: Style = PLAIN, *, is_verbose: bool = False) -> str:
    """The whole explanation, ending in a newline. `is_verbose` shows all of what is alike."""
    lines = _Text(explanation, style, is_verbose).lines()
    return "".join(f"{line}\n" for line in lines)


class _Text:
    def __init__(self, explanation: Explanation, style: Style, is_verbose: bool) -> None:
        self.explanation = explanation
        self.style = style
        self.is_verbose = is_verbose
        names = [printable(self._name(verdict)) for verdict in explanation.verdicts]
        self.width = max(map(columns, names), default=0)

    def lines(self) -> Iterator[str]:
        subject = self.explanation
        title = printable(f"{subject.kind} {subject.namespace}/{subject.name}")
        yield from self.style.lines(f"{title}  ", self._head(), _INDENT, Color.BOLD)
        for word, text in self._facts():
            yield from self._line(f"{word:9}", text, Color.DIM)
        config = subject.pod_config_map_config
        for finding in config.findings if config else ():
            text = f"{finding.path}: {finding.message}" if finding.path else finding.message
            yield from self._line(self._start("✘"), text, Color.RED)
            yield from self._hint(finding.hint)
        if subject.incomplete:
            yield from self._line(
                self._start("!"), f"{subject.incomplete}; nothing is deleted", Color.YELLOW
            )
        if subject.kind == POD and not (subject.verdicts or subject.incomplete):
            text = f"there is no {KIND} in namespace {subject.namespace}"
            yield from self._line(self._start("·"), text, Color.DIM)
        for word in _RANKS:
            if alike := [verdict for verdict in subject.verdicts if _word(verdict) == word]:
                yield from self._alike(word, alike)
        for group in subject.unselected:
            yield from self._unselected(group)

    def _head(self) -> str:
        subject = self.explanation
        if subject.kind == POD and subject.pod is not None:
            uid = f"  uid {subject.pod.uid}" if self.is_verbose and subject.pod.uid else ""
            return pod_head(subject.pod) + uid
        if subject.config_map is not None:
            return config_map_head(subject.config_map)
        assert subject.pod_config_map_config is not None, "an explanation has its subject's facts"
        return config_head(subject.pod_config_map_config)

    def _facts(self) -> Iterator[tuple[str, str]]:
        subject = self.explanation
        config = subject.pod_config_map_config
        if subject.kind == CONFIG_MAP and subject.config_map is not None:
            if subject.pod is not None:
                yield "Pod", f"{subject.pod.name}  {pod_head(subject.pod)}"
            elif subject.config_map.ours:
                yield "Pod", "no listed Pod has that uid"
            if config is not None:
                yield "config", f"{config.name}  {config_head(config)}"
            yield from config_map_lines(subject.config_map)
        if subject.kind == KIND and config is not None:
            yield from ready_lines(config)

    def _alike(self, word: str, verdicts: Sequence[Verdict]) -> Iterator[str]:
        """Verdicts of one word; those of a config that say the same share a line."""
        groups: dict[tuple[object, ...], list[Verdict]] = {}
        for number, verdict in enumerate(verdicts):
            alike = (_has_name(verdict), self._why(verdict), verdict.action)
            is_shared = self.explanation.kind == KIND
            groups.setdefault(alike if is_shared else (number,), []).append(verdict)
        shown = len(groups) if self.is_verbose or self.explanation.kind != KIND else SHOWN
        for group in list(groups.values())[:shown]:
            yield from self._group(word, group)
        if hidden := [verdict for group in list(groups.values())[shown:] for verdict in group]:
            mark, colour = _RANKS[word]
            text = f"{word}: {_count(hidden)} more; -v shows all"
            yield from self._line(self._start(mark), text, colour)

    def _group(self, word: str, group: Sequence[Verdict]) -> Iterator[str]:
        mark, colour = _RANKS[word]
        start = self._start(mark, printable(self._name(group[0])))
        yield from self._line(start, self._sentence(word, group), colour)
        if self.is_verbose and (asked := group[0].requirements) and not _failing(asked):
            yield from self._line(_INDENT, f"selected by {joined(map(str, asked))}")
        # What is invalid says itself what to write.
        yield from self._hint(group[0].action if word != "invalid" else "")

    def _start(self, mark: str, name: str = "") -> str:
        """The beginning of a line: the mark, and the name in its column."""
        column = f"{name}{' ' * (self.width - columns(name))}  " if name else ""
        return f"{self.style.finish(mark)} {column}"

    def _name(self, verdict: Verdict) -> str:
        """The parts of the pair that are not the subject itself; "" for a config's ConfigMaps."""
        pod, config = verdict.pod or "a Pod that is gone", verdict.pod_config_map_config
        match self.explanation.kind:
            case "Pod":
                return config
            case "ConfigMap":
                return f"{config} for {pod}"
            case _:
                return ""

    def _sentence(self, word: str, group: Sequence[Verdict]) -> str:
        """What a run would do with the ConfigMaps of a group, and why."""
        does = word if word.startswith("would") else f"{word}:"
        what = self._what(group)
        why = self._why(group[0])
        if len(group) > 1:
            return f"{does} {_count(group)}: " + (f"{why} ({what})" if why else what)
        return ": ".join(part for part in (f"{does} {what}".strip(": "), why) if part)

    def _what(self, group: Sequence[Verdict]) -> str:
        """The ConfigMaps by name, or the Pods of those that have none."""
        kind = self.explanation.kind
        if len(group) == 1 and kind == CONFIG_MAP:
            return ""
        if _has_name(group[0]):
            names = [verdict.config_map for verdict in group]
        elif kind == KIND:
            names = [verdict.pod if len(group) > 1 else f"Pod {verdict.pod}" for verdict in group]
        else:
            return ""
        shown = len(names) if self.is_verbose else SHOWN
        more = f" and {len(names) - shown} more" if len(names) > shown else ""
        return joined(names[:shown]) + more

    def _why(self, verdict: Verdict) -> str:
        """Why, in one sentence; "" if the word says it all."""
        return "; ".join(self._reasons(verdict))

    def _reasons(self, verdict: Verdict) -> Iterator[str]:
        word = _word(verdict)
        failing = _failing(verdict.requirements)
        if failing and word == "not selected":
            yield _needs(failing)
        elif failing and word in {"would delete", "held back"}:
            yield f"no longer selected: {_needs(failing)}"
            if word == "held back":
                yield _guard(verdict)
        else:
            yield from self._main_reason(word, verdict)
            if failing:
                yield f"not selected: {_needs(failing)}"
        yield from _further_reasons(word, verdict)

    def _main_reason(self, word: str, verdict: Verdict) -> Iterator[str]:
        # A config's own findings stand above its verdicts.
        problem = verdict.problem if self.explanation.kind == POD else ""
        match word:
            case "would create" | "in sync":
                return
            case "would update":
                if verdict.reason is not Reason.OUT_OF_SYNC:
                    yield verdict.message
                if verdict.differing:
                    yield self._differing(verdict.differing)
            case "held back":
                if verdict.held_back is not None:
                    yield verdict.held_back.message or verdict.held_back.reason
                yield _guard(verdict)
            case "would delete" | "suspended":
                yield verdict.message
            case "invalid" | "newer" if problem:
                yield problem
            case _:
                yield f"{verdict.message}{': ' if problem else ''}{problem} ({verdict.reason})"

    def _differing(self, paths: Sequence[str]) -> str:
        shown = len(paths) if self.is_verbose else SHOWN
        more = f" and {len(paths) - shown} more" if len(paths) > shown else ""
        verb = "differs" if len(paths) == 1 else "differ"
        return f"{joined(paths[:shown])}{more} {verb}"

    def _unselected(self, group: Unselected) -> Iterator[str]:
        asked = " and ".join(map(str, group.requirements))
        pods = [
            f"{pod.name} has {joined(dict.fromkeys(map(_actual, pod.requirements)))}"
            for pod in group.pods
        ]
        more = f"; and {group.count - len(pods)} more" if group.count > len(pods) else ""
        noun = "1 Pod" if group.count == 1 else f"{group.count} Pods"
        text = f"not selected: {noun}: needs {asked} ({'; '.join(pods)}{more})"
        yield from self._line(self._start("·"), text, Color.DIM)

    def _hint(self, hint: str) -> Iterator[str]:
        if hint:
            yield from self.style.lines(f"{_INDENT * 2}hint: ", hint, _INDENT * 3)

    def _line(self, start: str, text: str, colour: Color | None = None) -> Iterator[str]:
        yield from self.style.lines(f"{_INDENT}{start}", text, _INDENT * 3, colour)


def _word(verdict: Verdict) -> str:
    match verdict.verb:
        case None:
            return _WORDS.get(verdict.reason, "terminating")
        case Verb.KEEP:
            return "in sync"
        case Verb.SKIP if verdict.kind is ReasonClass.BLOCKING:
            return "blocked"
        case Verb.SKIP if verdict.kind is ReasonClass.HELD_BACK:
            return "held back"
        case Verb.SKIP:
            return "left alone"
        case verb:
            return f"would {verb}"


def _has_name(verdict: Verdict) -> bool:
    """Whether there is a ConfigMap to speak of, or should be one."""
    is_wanted = verdict.verb is not None and verdict.kind is not ReasonClass.INTENDED
    return verdict.exists or is_wanted


def _failing(requirements: Iterable[Requirement]) -> list[Requirement]:
    return [requirement for requirement in requirements if not requirement.satisfied]


def _needs(failing: Sequence[Requirement]) -> str:
    """What the selector asks for, and what the Pod has instead."""
    has = joined(dict.fromkeys(map(_actual, failing)))
    return f"needs {' and '.join(map(str, failing))}, Pod has {has}"


def _guard(verdict: Verdict) -> str:
    """Why the change is held back."""
    return f"{verdict.message.removeprefix('held back: ')} ({verdict.reason})"


def _further_reasons(word: str, verdict: Verdict) -> Iterator[str]:
    if verdict.also is not None:
        yield f"also {_WORDS[verdict.also]}"
    if verdict.reason is not Reason.NAME_TAKEN:
        for other in verdict.contenders:
            yield f"also wanted by config {other.pod_config_map_config} for Pod {other.pod}"
    if verdict.earlier_uid:
        yield f"made for an earlier Pod of this name, uid {verdict.earlier_uid}"
    if word == "blocked" and verdict.reason is not Reason.FOREIGN and verdict.exists:
        yield "the existing ConfigMap stays unchanged"


def _actual(requirement: Requirement) -> str:
    if requirement.actual is None:
        return f"no label {requirement.key}"
    return f"{requirement.key}={requirement.actual}"


def _count(group: Sequence[Verdict]) -> str:
    """How many ConfigMaps; of pairs that have none, how many Pods."""
    noun = "ConfigMap" if _has_name(group[0]) else "Pod"
    return f"1 {noun}" if len(group) == 1 else f"{len(group)} {noun}s"


VERSION: Final = "podcm-sync/explanation/v2"
Json = dict[str, Any]


def explained_document(explanation: Explanation) -> Json:
    """The document as built-in types, in a stable order."""
    content: Json = msgspec.to_builtins(structs.replace(explanation, quoted={}))
    # In the document these are sentences.
    if config := explanation.pod_config_map_config:
        shown = content["podConfigMapConfig"]
        shown |= {"findings": list(map(str, config.findings))} if config.findings else {}
        shown |= {"selector": list(map(str, config.selector))} if config.selector else {}
    for group, pods in zip(explanation.unselected, content.get("unselected", ()), strict=True):
        pods["requirements"] = list(map(str, group.requirements))
    return {"version": VERSION, "tool": f"podcm-sync {__version__}", **content}
