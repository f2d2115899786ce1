"""The credentials in use, and text without them: a net under every message and every report.

No code is meant to put a credential into a message. Libraries, exec plugins, and proxies that echo
a request do so all the same.
"""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

MASK: Final = "***"
MIN_LENGTH: Final = 6
"""Shorter values are parts of ordinary words: masked, they would make messages unreadable."""
_SHAPES: Final = re.compile(
    r"(?P<scheme>\b(?:Bearer|Basic)\s+)[\w.~+/=-]{16,}"
    r"|(?P<key>[\"'](?:[\w-]*(?:token|password|secret)|client-?key-?data)[\"']\s*:\s*)"
    r"(?:\"[^\"]+\"|'[^']+')"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""Credentials that nobody told of: headers, fields of JSON or a dict, JWTs, private keys in PEM."""


class Masker:
    """A set of credentials that grows, and never shrinks: old ones may still be quoted."""

    def __init__(self) -> None:
        self._values: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None

    def add(self, *values: str) -> None:
        """Hide these values from now on, in every form in which they might be quoted."""
        forms = frozenset(form for value in values for form in _forms(value))
        if not forms <= self._values:
            self._values |= forms
            # The longest first: the alternatives are tried in order.
            longest_first = sorted(self._values, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def add_header(self, authorization: str) -> None:
        """The value of an Authorization header, and the password in it."""
        _, _, value = authorization.strip().partition(" ")
        self.add(value)
        with_password = _decoded(value)
        if ":" in with_password:
            self.add(with_password, with_password.partition(":")[2])

    def mask(self, text: str) -> str:
        """The text without the values that were added."""
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

    def mask_message(self, text: str) -> str:
        """The same of a message, also without what looks like a credential."""
        return _SHAPES.sub(_masked, self.mask(text))


masker: Final = Masker()
"""The process's own: logs are the process's too."""


def _masked(match: re.Match[str]) -> str:
    return f"{match['scheme'] or match['key'] or ''}{MASK}"


def _forms(value: str) -> Iterator[str]:
    """The value as it is, in JSON, in a URL, decoded if it is Base64, and its lines one by one."""
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
    """Printable text that Base64 stands for; "" if it stands for none."""
    try:
        text = base64.b64decode(value, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return ""
    return text if all(line.isprintable() for line in text.splitlines()) else ""
