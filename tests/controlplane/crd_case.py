"""What a line of the table of specs is, and the words that its lines share."""

from dataclasses import dataclass
from typing import Final

OMITTED: Final = object()  # as a spec: the object has none

# What the CRD's rules say, as far as it is the same for every spec.
LABEL_KEY = "not a label key: write name or prefix/name, such as app or app.kubernetes.io/name"
LABEL_VALUE = "not a label value: write letters, digits, '-', '_' and '.', a letter or digit first"
NO_LABEL_VALUE = "has no value: write one, or '' for the empty one, or remove the key"
OPERATOR = "is not an operator: write In, NotIn, Exists or DoesNotExist, spelled like this"
VALUES_MISSING = "needs at least one value: write some, such as [web], or Exists or DoesNotExist"
VALUES_SUPERFLUOUS = "takes no values: remove them, or write In or NotIn to compare with them"
ANNOTATION_KEY = "not an annotation key: write name or prefix/name, such as buildID or example.com"
ONE_DATA_KEY = "two of these keys become the one data key "
DATA_KEY = "is not a data key: write up to 253 letters, digits, '-', '_' and '.'"
NO_TEMPLATE = "has no template: write one, or '' for an empty value, or remove the key"
TOO_LONG_TOGETHER = "the templates are longer than 131072 characters together: shorten them"
RULE_TEXTS: Final = (
    *(LABEL_KEY, LABEL_VALUE, NO_LABEL_VALUE, OPERATOR, VALUES_MISSING, VALUES_SUPERFLUOUS),
    *(ANNOTATION_KEY, ONE_DATA_KEY, DATA_KEY, NO_TEMPLATE, TOO_LONG_TOGETHER),
)

# And what a built-in check says.
TOO_MANY = "Too many: 65: must have at most 64 items"


@dataclass(frozen=True)
class Case:
    """The claim that the server accepts this spec, or refuses it with this message."""

    name: str
    spec: object
    accepted: bool
    message: str = ""  # a part of the server's text
    field: str = ""  # the field that it blames, as in the causes of its answer
    strict: bool = False  # refused for an unknown field, which is ignored without strict validation


def good(name: str, spec: object) -> Case:
    return Case(name, spec, accepted=True)


def bad(name: str, spec: object, field: str, message: str) -> Case:
    return Case(name, spec, accepted=False, message=message, field=field)


def unknown(name: str, spec: object, field: str) -> Case:
    return Case(name, spec, accepted=False, message=f'unknown field "{field}"', strict=True)


def numbered(count: int) -> list[str]:
    return [f"k{number}" for number in range(count)]


def key(length: int) -> str:
    """A key of that length (65 at least) whose name is as long as a name may be."""
    return ("a." * length)[: length - 65] + "b/" + "n" * 63
