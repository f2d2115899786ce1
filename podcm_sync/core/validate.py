"""Whether a spec means anything: the CRD's own rules once more, in code.

Objects stored before the CRD had its rules are still there, and `--from` has no API server to
refuse anything. Same bounds, same meaning, the same words as crd/podconfigmapconfig_crd.yaml;
a test sends one table of specs to both.
"""

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from podcm_sync.core.data import annotation_data_key, label_data_key
from podcm_sync.core.names import MAX_NAME
from podcm_sync.core.selector import OPERATORS
from podcm_sync.model.objects import LabelSelectorRequirement, PodConfigMapConfigSpec

MAX_ITEMS: Final = 64
MAX_LABEL_KEY: Final = MAX_NAME - len("label_")
MAX_ANNOTATION_KEY: Final = MAX_NAME - len("annotation_")
MAX_TEMPLATE: Final = 65_536
MAX_TEMPLATES: Final = 131_072
MAX_SHOWN: Final = 80
"""How much of a key or value a message repeats."""

_NAME: Final = "name: up to 63 letters, digits, '-', '_' and '.', a letter or digit first and last"
_LABEL_KEY: Final = (
    "not a label key: write name or prefix/name, such as app or app.kubernetes.io/name "
    f"({_NAME}; prefix: a lower-case DNS name)"
)
_ANNOTATION_KEY: Final = (
    "not an annotation key: write name or prefix/name, such as buildID or example.com/commit "
    f"({_NAME}; prefix: a DNS name)"
)
_LABEL_VALUE: Final = (
    "not a label value: write letters, digits, '-', '_' and '.', a letter or digit first and last, "
    "or an empty string"
)
_DATA_KEY: Final = (
    "not a data key: write up to 253 letters, digits, '-', '_' and '.', but not '.' alone and "
    "nothing that starts with '..'"
)

# k8s.io/apimachinery/pkg/util/validation: IsQualifiedName, IsDNS1123Subdomain, IsValidLabelValue,
# IsConfigMapKey. `fullmatch`, since `$` would let a trailing newline pass.
_name_part: Final = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
# The API's pattern, written without alternatives to try: each name of a list is matched against it.
_subdomain: Final = re.compile(r"[a-z0-9]+(?:(?:-+|\.)[a-z0-9]+)*")
_data_key: Final = re.compile(r"[-._a-zA-Z0-9]+")


def findings(spec: PodConfigMapConfigSpec) -> tuple[str, ...]:
    """All that is wrong with a spec, each `path: what, and what to write`; () if nothing.

    Whether its templates parse is another question, for a `core.rendering.Renderer`.
    """
    return (
        *_match_labels(spec.pod_selector.match_labels),
        *_expressions(spec.pod_selector.match_expressions),
        *_labels(spec.labels_to_include),
        *_annotations(spec.annotations_to_include),
        *_templates(spec.config_map_data_template),
    )


def is_qualified_name(key: str) -> bool:
    """Whether `key` can be a label's key: `name` or `dns-prefix/name`."""
    prefix, slash, name = key.rpartition("/")
    if slash and not is_subdomain(prefix):
        return False
    return _name_part.fullmatch(name) is not None


def is_subdomain(name: object) -> bool:
    """Whether `name` is a DNS-1123 subdomain: most objects' names, and prefixes of keys."""
    return (
        isinstance(name, str) and len(name) <= MAX_NAME and _subdomain.fullmatch(name) is not None
    )


def is_namespace(name: object) -> bool:
    """Whether `name` can be a namespace's: a DNS-1123 label."""
    return isinstance(name, str) and is_subdomain(name) and is_label_value(name) and "." not in name


def is_label_value(value: str) -> bool:
    """Whether `value` can be a label's value; empty can."""
    return value == "" or _name_part.fullmatch(value) is not None


@functools.lru_cache(maxsize=4096)  # few keys, asked about for every Pod
def is_data_key(key: str) -> bool:
    """Whether `key` can be a key of a ConfigMap's data."""
    return (
        len(key) <= MAX_NAME
        and _data_key.fullmatch(key) is not None
        and key != "."
        and not key.startswith("..")
    )


def _match_labels(match_labels: dict[str, str]) -> Iterator[str]:
    path = "spec.podSelector.matchLabels"
    yield from _too_many(path, match_labels)
    for key, value in match_labels.items():
        if not is_qualified_name(key):
            yield f"{path}: {_quoted(key)} is {_LABEL_KEY}"
        if not is_label_value(value):
            yield f"{path}[{_quoted(key)}]: {_quoted(value)} is {_LABEL_VALUE}"


def _expressions(expressions: tuple[LabelSelectorRequirement, ...]) -> Iterator[str]:
    path = "spec.podSelector.matchExpressions"
    yield from _too_many(path, expressions)
    for index, each in enumerate(expressions):
        yield from _expression(f"{path}[{index}]", each)


def _expression(path: str, requirement: LabelSelectorRequirement) -> Iterator[str]:
    if not is_qualified_name(requirement.key):
        yield f"{path}.key: {_quoted(requirement.key)} is {_LABEL_KEY}"
    match requirement.operator:
        case "In" | "NotIn" if not requirement.values:
            yield (
                f"{path}.values: {requirement.operator} needs at least one value: write some, such "
                "as [web], or Exists or DoesNotExist to ask for the key alone"
            )
        case "Exists" | "DoesNotExist" if requirement.values:
            yield (
                f"{path}.values: {requirement.operator} takes no values: remove them, or write In "
                "or NotIn to compare with them"
            )
        case operator if operator not in OPERATORS:
            yield (
                f"{path}.operator: {_quoted(operator)} is not an operator: write In, NotIn, Exists "
                "or DoesNotExist, spelled like this"
            )
    yield from _too_many(f"{path}.values", requirement.values)
    for value in requirement.values:
        if not is_label_value(value):
            yield f"{path}.values: {_quoted(value)} is {_LABEL_VALUE}"


def _labels(keys: tuple[str, ...]) -> Iterator[str]:
    path = "spec.labelsToInclude"
    for key in keys:
        if not is_qualified_name(key):
            yield f"{path}: {_quoted(key)} is {_LABEL_KEY}"
    yield from _key_list(path, keys, MAX_LABEL_KEY, label_data_key)


def _annotations(keys: tuple[str, ...]) -> Iterator[str]:
    path = "spec.annotationsToInclude"
    for key in keys:
        # Unlike a label's, an annotation's key may have capitals in its prefix.
        if not is_qualified_name(key.lower()) or not key.isascii():
            yield f"{path}: {_quoted(key)} is {_ANNOTATION_KEY}"
    yield from _key_list(path, keys, MAX_ANNOTATION_KEY, annotation_data_key)


def _key_list(
    path: str, keys: tuple[str, ...], max_length: int, data_key: Callable[[str], str]
) -> Iterator[str]:
    yield from _too_many(path, keys)
    seen: set[str] = set()
    for key in keys:
        if len(key) > max_length:
            yield f"{path}: {_quoted(key)} is longer than {max_length} characters: leave it out"
        if data_key(key) in seen:
            yield (
                f"{path}: two of these keys become the one data key {_shown(data_key(key))} "
                "('/' is written as '_' there): remove one of them"
            )
        seen.add(data_key(key))


def _templates(templates: dict[str, str]) -> Iterator[str]:
    path = "spec.configMapDataTemplate"
    yield from _too_many(path, templates)
    for key, source in templates.items():
        if not is_data_key(key):
            yield f"{path}: {_quoted(key)} is {_DATA_KEY}"
        if len(source) > MAX_TEMPLATE:
            yield f"{path}[{_quoted(key)}]: longer than {MAX_TEMPLATE} characters: shorten it"
    if sum(map(len, templates.values())) > MAX_TEMPLATES:
        yield (
            f"{path}: the templates are longer than {MAX_TEMPLATES} characters together: shorten "
            "them, or move some to another PodConfigMapConfig"
        )


def _too_many(path: str, items: Iterable[object]) -> Iterator[str]:
    count = sum(1 for _ in items)
    if count > MAX_ITEMS:
        yield f"{path}: {count} entries, at most {MAX_ITEMS} are possible: remove some"


def _quoted(text: str) -> str:
    return json.dumps(_shown(text), ensure_ascii=False)


def _shown(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
