"""Masks credentials in every message and every report, as a safety net.

podcm-sync itself puts no credential into a message. Libraries, exec plugins, and proxies that echo
a request can.
"""

import base64
import binascii
import json
import re
import threading
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

MASK: Final = "***"
MIN_LENGTH: Final = 6
"""Shorter values occur inside ordinary words; masking them would make messages unreadable."""
_SHAPES: Final = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{16,}"
    r"|(?P<key>[\"'](?:[\w-]*(?:token|password|secret)|client-?key-?data)[\"']\s*:\s*)"
    r"(?:\"[^\"]+\"|'[^']+')"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""What looks like a credential: headers, fields of JSON or a dict, JWTs, private keys in PEM."""


class Masker:
    """A set of credentials. It never shrinks, since later messages can still quote old ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, *values: str) -> None:
        """Mask these values from now on, in every form in which a message might quote them."""
        forms = frozenset(form for value in values for form in _forms(value))
        if forms <= self._values:
            return
        with self._lock:
            self._values |= forms
            # A regex takes the first alternative that matches, which could be a part of a longer
            # one.
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def add_header(self, authorization: str) -> None:
        """Mask the value of an Authorization header, and the password in it."""
        _, _, value = authorization.strip().partition(" ")
        self.add(value)
        user_and_password = _decoded(value)
        if ":" in user_and_password:
            self.add(user_and_password, user_and_password.partition(":")[2])

    def mask(self, text: str) -> str:
        """The text with `***` in place of every value that was added."""
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

    def mask_message(self, text: str) -> str:
        """Like `mask`; it also masks whatever looks like a credential."""
        return _SHAPES.sub(_masked, self.mask(text))


masker: Final = Masker()
"""One for the process: its threads and loggers share the credentials."""


def _masked(match: re.Match[str]) -> str:
    return f"{match['scheme'] or match['key'] or ''}{MASK}"


def _forms(value: str) -> Iterator[str]:
    """The value as is, in JSON, in a URL, decoded if it is Base64, line by line, and in Base64."""
    value = value.strip()
    decoded = _decoded(value)
    for text in (value, *value.splitlines(), decoded, *decoded.splitlines()):
        if len(text) < MIN_LENGTH or text.startswith("-----"):
            continue
        yield from (text, json.dumps(text)[1:-1], quote(text, safe=""))
    encoded = base64.b64encode(value.encode(errors="replace")).decode()
    if len(value) >= MIN_LENGTH:
        yield encoded


def _decoded(value: str) -> str:
    """The text that a Base64 value encodes; "" if that isn't printable ASCII text."""
    try:
        text = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return text if all(line.isprintable() for line in text.splitlines()) else ""
