"""YAML scalars by the rules of kubectl's parser: sigs.k8s.io/yaml over go-yaml v2.

The sources are `resolve.go` and `yaml.go` there. The rules match neither YAML 1.1 nor 1.2: `y` is a
boolean, `4711e10`, `09`, and `0o17` are numbers, and timestamps stay text.
"""

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from typing import Final

Scalar = str | int | float | bool | None

_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, Scalar]] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_POINT_FIRST: Final = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
_INTEGERS: Final[tuple[tuple[re.Pattern[str], int], ...]] = (
    (re.compile(r"[-+]?0[xX]([0-9a-fA-F]+)"), 16),
    (re.compile(r"[-+]?0[bB]([01]+)"), 2),
    (re.compile(r"[-+]?0[oO]?([0-7]+)"), 8),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), 10),
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")
_MAX_DIGITS: Final = 400
"""A longer integer doesn't fit in a float either, and Python needs quadratic time to parse it."""


def plain(text: str) -> Scalar:
    """The value of a scalar that has neither quotes nor a tag."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first == ".":
        if not _POINT_FIRST.fullmatch(text):
            return text
        return _float(text.replace("_", ""), text)
    if first in "+-0123456789" and len(text) <= _MAX_DIGITS:
        return _number(text)
    return text


def tagged(tag: str, text: str) -> Scalar:
    """The value of a scalar with an explicit tag, quoted or not.

    If the tag isn't one of YAML's types, the value is the text. Raises ValueError if the text
    isn't of the tag's type; the error doesn't quote the text.
    """
    name = tag.removeprefix(_TAG)
    if name == "binary":
        return _from_base64(text)
    is_type: Callable[[Scalar], bool] | None = _TYPES.get(name) if tag.startswith(_TAG) else None
    if is_type is None:
        return text
    value = text if name == "timestamp" and _DATE.fullmatch(text) else plain(text)
    if name == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not is_type(value) or (name == "timestamp" and not _DATE.fullmatch(text)):
        raise ValueError(f"the value is not of its type, !!{name}")
    return value


def as_key(value: object) -> str:
    """The key of a mapping as JSON text. Raises ValueError if the value cannot be a key."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int() if value < 1 << 63:
            return str(value)
        case float():
            return _float_key(value)
        case None:
            raise ValueError("null cannot be a key")
        case _:
            raise ValueError("a list, a mapping, or a number this large cannot be a key")


def as_json_number(value: float) -> int | float:
    """A float as Go writes it in JSON.

    A whole number becomes an int, so an integer field takes it. Raises ValueError for infinity and
    NaN.
    """
    if not math.isfinite(value):
        raise ValueError("JSON has no such number")
    return int(value) if value.is_integer() and abs(value) < 1 << 63 else value


_TYPES: Final[dict[str, Callable[[Scalar], bool]]] = {
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, float),
    "null": lambda value: value is None,
    "timestamp": lambda value: isinstance(value, str),
}


def _number(text: str) -> Scalar:
    digits = text.replace("_", "")
    for pattern, base in _INTEGERS:
        if match := pattern.fullmatch(digits):
            value = int(match[1], base)
            value = -value if digits[0] == "-" else value
            # go-yaml tries int64, then uint64; the latter takes no sign, not even a plus.
            if -(1 << 63) <= value < (1 << 63 if digits[0] in "+-" else 1 << 64):
                return value
            break
    return _float(digits, text) if _FLOAT.fullmatch(digits) else text


def _float(digits: str, text: str) -> Scalar:
    """The float, or the text if the number is too large for a float."""
    value = float(digits)
    return value if math.isfinite(value) else text


def _from_base64(text: str) -> str:
    try:
        content = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the value is not base64, as !!binary must be") from error
    return content.decode(errors="replace")


def _float_key(value: float) -> str:
    """The key that kubectl makes of a float: Go's `strconv.FormatFloat(value, 'g', -1, 32)`."""
    if math.isnan(value):
        return ".nan"
    try:
        single = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    shortest = next(
        shown
        for shown in (f"{single:.{digits}e}" for digits in range(17))
        if struct.pack("f", float(shown)) == struct.pack("f", single)
    )
    mantissa, _, exponent = shortest.partition("e")
    power = int(exponent)
    if power < -4 or power >= 6:
        return f"{mantissa}e{power:+03d}"
    decimals = len(mantissa.lstrip("-").replace(".", "")) - 1 - power
    return f"{single:.{max(decimals, 0)}f}"
