"""Validates a spec by the rules of the CRD (docs/design/behavior.md §1).

Objects that were stored before the CRD had its rules can break them, and `--from` has no API server
to reject anything. Bounds, meaning, and words are those of crd/podconfigmapconfig_crd.yaml. A test
sends the same specs to both.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from podcm_sync.api.finding import Finding, Findings, quote
from podcm_sync.api.objects import LabelSelectorRequirement, PodConfigMapConfigSpec
from podcm_sync.reconcile.data import annotation_data_key, label_data_key
from podcm_sync.reconcile.names import MAX_NAME
from podcm_sync.reconcile.selector import OPERATORS

MAX_ITEMS: Final = 64
MAX_LABEL_KEY: Final = MAX_NAME - len("label_")
MAX_ANNOTATION_KEY: Final = MAX_NAME - len("annotation_")
MAX_TEMPLATE: Final = 65_536
MAX_TEMPLATES: Final = 131_072
MAX_SHOWN: Final = 80
"""The most characters of a key or value that a message repeats."""

_NAME: Final = (
    "The name: up to 63 letters, digits, '-', '_' and '.', a letter or digit first and last"
)
_LABEL_KEY: Final = (
    "not a label key: write name or prefix/name, such as app or app.kubernetes.io/name. "
    f"{_NAME}. The prefix: a lower-case DNS name"
)
_ANNOTATION_KEY: Final = (
    "not an annotation key: write name or prefix/name, such as buildID or example.com/commit. "
    f"{_NAME}. The prefix: a DNS name"
)
_LABEL_VALUE: Final = (
    "not a label value: write letters, digits, '-', '_' and '.', a letter or digit first and last, "
    "or an empty string"
)
_OPERATOR: Final = "not an operator: write In, NotIn, Exists or DoesNotExist, spelled like this"
_DATA_KEY: Final = (
    "not a data key: write up to 253 letters, digits, '-', '_' and '.', but not '.' by itself and "
    "nothing that starts with '..'"
)

# k8s.io/apimachinery/pkg/util/validation: IsQualifiedName, IsDNS1123Subdomain, IsValidLabelValue,
# IsConfigMapKey. They are used with `fullmatch`, because `$` accepts a trailing newline.
_name_part: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
# The API's pattern, rewritten without ambiguous alternatives, because it runs for each listed name.
_subdomain: Final = re.compile(r"[a-z0-9]+(?:(?:-+|\.)[a-z0-9]+)*")
_data_key: Final = re.compile(r"[-._a-zA-Z0-9]+")


def findings(spec: PodConfigMapConfigSpec) -> Findings:
    """Everything that is wrong with a spec, with its path and what to write; () if it is valid.

    The templates' syntax isn't checked here. A `reconcile.renderer.Renderer` does that.
    """
    return (
        *_match_labels(spec.pod_selector.match_labels),
        *_expressions(spec.pod_selector.match_expressions),
        *_labels(spec.labels_to_include),
        *_annotations(spec.annotations_to_include),
        *_templates(spec.config_map_data_template),
    )


def is_qualified_name(key: str) -> bool:
    """Whether `key` can be the key of a label: `name` or `dns-prefix/name`."""
    prefix, slash, name = key.rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return _name_part.fullmatch(name) is not None


def is_subdomain(name: object) -> bool:
    """Whether `name` is a DNS-1123 subdomain, as most object names and key prefixes must be."""
    return (
        isinstance(name, str) and len(name) <= MAX_NAME and _subdomain.fullmatch(name) is not None
    )


def is_namespace(name: object) -> bool:
    """Whether `name` can be the name of a namespace: a DNS-1123 label."""
    return isinstance(name, str) and is_subdomain(name) and is_label_value(name) and "." not in name


def is_label_value(value: str) -> bool:
    """Whether `value` can be the value of a label. "" can."""
    return value == "" or _name_part.fullmatch(value) is not None


@functools.lru_cache(maxsize=4096)  # few keys, checked for every Pod
def is_data_key(key: str) -> bool:
    """Whether `key` can be a key of a ConfigMap's data."""
    return (
        len(key) <= MAX_NAME
        and _data_key.fullmatch(key) is not None
        and key != "."
        and not key.startswith("..")
    )


def _match_labels(match_labels: dict[str, str]) -> Iterator[Finding]:
    path = "spec.podSelector.matchLabels"
    yield from _too_many(path, match_labels)
    for key, value in match_labels.items():
        if not is_qualified_name(key):
            yield _not_a(f"{path}", key, _LABEL_KEY)
        if not is_label_value(value):
            yield _not_a(f"{path}[{_quoted(key)}]", value, _LABEL_VALUE)


def _expressions(expressions: tuple[LabelSelectorRequirement, ...]) -> Iterator[Finding]:
    path = "spec.podSelector.matchExpressions"
    yield from _too_many(path, expressions)
    for index, requirement in enumerate(expressions):
        yield from _expression(f"{path}[{index}]", requirement)


def _expression(path: str, requirement: LabelSelectorRequirement) -> Iterator[Finding]:
    if not is_qualified_name(requirement.key):
        yield _not_a(f"{path}.key", requirement.key, _LABEL_KEY)
    match requirement.operator:
        case "In" | "NotIn" if not requirement.values:
            yield _finding(
                f"{path}.values",
                f"{requirement.operator} needs at least one value: write some, such as [web], or "
                "Exists or DoesNotExist to check only the key",
            )
        case "Exists" | "DoesNotExist" if requirement.values:
            yield _finding(
                f"{path}.values",
                f"{requirement.operator} takes no values: remove them, or write In or NotIn to "
                "compare with them",
            )
        case operator if operator not in OPERATORS:
            yield _unknown_operator(f"{path}.operator", operator)
    yield from _too_many(f"{path}.values", requirement.values)
    for value in requirement.values:
        if not is_label_value(value):
            yield _not_a(f"{path}.values", value, _LABEL_VALUE)


def _unknown_operator(path: str, operator: str) -> Finding:
    """A Finding about an operator. One that is only misspelled isn't one of a newer CRD."""
    is_misspelled = operator.lower() in {known.lower() for known in OPERATORS}
    newer = "" if is_misspelled or not operator else f"operator {_quoted(operator)}"
    return replace(_not_a(path, operator, _OPERATOR), newer=newer)


def _labels(keys: tuple[str, ...]) -> Iterator[Finding]:
    path = "spec.labelsToInclude"
    for key in keys:
        if not is_qualified_name(key):
            yield _not_a(f"{path}", key, _LABEL_KEY)
    yield from _key_list(path, keys, MAX_LABEL_KEY, label_data_key)


def _annotations(keys: tuple[str, ...]) -> Iterator[Finding]:
    path = "spec.annotationsToInclude"
    for key in keys:
        # Unlike the key of a label, the key of an annotation can have capitals in its prefix.
        if not is_qualified_name(key.lower()) or not key.isascii():
            yield _not_a(f"{path}", key, _ANNOTATION_KEY)
    yield from _key_list(path, keys, MAX_ANNOTATION_KEY, annotation_data_key)


def _key_list(
    path: str, keys: tuple[str, ...], max_length: int, data_key: Callable[[str], str]
) -> Iterator[Finding]:
    yield from _too_many(path, keys)
    seen: set[str] = set()
    for key in keys:
        if len(key) > max_length:
            shown = _quoted(key)
            message = f"{shown} is longer than {max_length} characters: leave it out"
            yield Finding(path=path, message=message, quoted=quote(shown))
        if data_key(key) in seen:
            shown = _shown(data_key(key))
            message = (
                f"two of these keys become the one data key {shown} ('/' is written as '_' "
                "there): remove one of them"
            )
            yield Finding(path=path, message=message, quoted=quote(shown))
        seen.add(data_key(key))


def _templates(templates: dict[str, str]) -> Iterator[Finding]:
    path = "spec.configMapDataTemplate"
    yield from _too_many(path, templates)
    for key, source in templates.items():
        if not is_data_key(key):
            yield _not_a(f"{path}", key, _DATA_KEY)
        if len(source) > MAX_TEMPLATE:
            message = f"longer than {MAX_TEMPLATE} characters: shorten it"
            yield _finding(f"{path}[{_quoted(key)}]", message)
    if sum(map(len, templates.values())) > MAX_TEMPLATES:
        yield _finding(
            path,
            f"the templates are longer than {MAX_TEMPLATES} characters together: shorten them, or "
            "move some to another PodConfigMapConfig",
        )


def _too_many(path: str, items: Iterable[object]) -> Iterator[Finding]:
    count = sum(1 for _ in items)
    if count > MAX_ITEMS:
        message = f"{count} entries, at most {MAX_ITEMS} are possible: remove some"
        yield _finding(path, message)


def _finding(path: str, message: str) -> Finding:
    """A Finding that quotes nothing."""
    return Finding(path=path, message=message, quoted=())


def _not_a(path: str, text: str, rule: str) -> Finding:
    """A Finding that quotes a wrong text. `rule` is "not a ...: write ..."."""
    shown = _quoted(text)
    return Finding(path=path, message=f"{shown} is {rule}", quoted=quote(shown))


def _quoted(text: str) -> str:
    return json.dumps(_shown(text), ensure_ascii=False)


def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
