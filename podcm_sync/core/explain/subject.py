"""`pod/web-0` → a Subject, in all the ways that kubectl takes it; and names that are near."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Final

from podcm_sync.core.explain.explanation import CONFIG_MAP, POD, Subject
from podcm_sync.model.meta import GROUP, KIND, PLURAL, VERSION

_KINDS: Final = {
    **dict.fromkeys(("pod", "pods", "po"), POD),
    **dict.fromkeys(("configmap", "configmaps", "cm"), CONFIG_MAP),
    **dict.fromkeys((KIND.lower(), PLURAL, "pcmc"), KIND),
}
_CORE: Final = (".v1.", ".v1", ".")
_OURS: Final = (f".{VERSION}.{GROUP}", f".{GROUP}")
USAGE: Final = "write pod/NAME, configmap/NAME (cm/NAME) or pcmc/NAME"
NEAREST: Final = 3


def parse_subject(words: Sequence[str]) -> Subject:
    """`KIND/NAME` or `KIND NAME`. Raises ValueError, with what may be written."""
    match words:
        case [word] if word.count("/") == 1:
            kind, _, name = word.partition("/")
        case [kind, name] if "/" not in kind + name:
            pass
        case _:
            raise ValueError(f"{' '.join(words)!r} names no one object: {USAGE}")
    found = _KINDS.get(_without_group(kind.lower()))
    if found is None:
        raise ValueError(f"{kind!r} is not a kind that can be explained: {USAGE}")
    if not name:
        raise ValueError(f"{' '.join(words)!r} has no name: {USAGE}")
    return Subject(kind=found, name=name)


def nearest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the names that are nearly this one, the nearest first."""
    return tuple(difflib.get_close_matches(name, sorted(set(names) - {name}), NEAREST))


def _without_group(kind: str) -> str:
    """`kubectl get -o name` says `podconfigmapconfig.podconfig.example.com/web`."""
    plain, _, _ = kind.partition(".")
    tails = _OURS if _KINDS.get(plain) == KIND else _CORE
    return plain if kind.removeprefix(plain) in tails else kind
