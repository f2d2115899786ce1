"""Finds the credentials in kubeconfig files, so that the masker keeps them out of all output.

It reads the content that the loader parsed, because another parser could find other values.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from podcm_sync.runtime.masking import Masker

SECRET: Final = re.compile(
    r"token|password|passwd|secret|key|credential|auth|session", re.IGNORECASE
)
"""Names of fields, environment variables, and options whose value is a credential."""
PUBLIC: Final = frozenset(
    {
        *("apiVersion", "kind", "name", "username", "as", "as-uid", "as-groups", "as-user-extra"),
        *("client-certificate", "client-key", "tokenFile", "token-file"),
        *("command", "installHint", "interactiveMode", "provideClusterInfo"),
        *("client-id", "idp-issuer-url", "idp-certificate-authority"),
    }
)
"""Fields of a user that contain names and paths, which messages need to show."""
_WORD: Final = re.compile(r"[a-z0-9.-]{1,20}|[/~][^\s=]*|https?://[^@\s]*|--?[\w-]+|true|false")
"""Values of other fields that aren't credentials: a name, a path, an address, an option."""
_USER_OF_URL: Final = re.compile(r"://[^/@\s:]*:([^/@\s]+)@")
_LINE: Final = re.compile(
    r"^[\s-]*[\"']?([\w-]+)[\"']?[ \t]*:[ \t]*[\"']?([^\"'\n]+)", re.MULTILINE
)


def remember(text: str, content: Any, masker: Masker) -> None:
    """Add the credentials in a kubeconfig file to the masker.

    `content` is the parsed text, or None if it doesn't parse.
    """
    masker.add(*_USER_OF_URL.findall(text))
    if content is None:
        # Even if the file doesn't parse, the loader's error can quote a line.
        masker.add(*(value for key, value in _LINE.findall(text) if _is_secret(key, value)))
    else:
        masker.add(*_values(content))


def _values(content: Any) -> Iterator[str]:
    users = content.get("users") if isinstance(content, dict) else None
    for entry in users if isinstance(users, list) else ():
        if isinstance(entry, dict):
            yield from _secrets("", entry.get("user"))


def _secrets(key: str, value: Any) -> Iterator[str]:
    """The credentials in a field of a user and in the fields below it."""
    match value:
        case {"name": str(name), "value": str(text)}:
            # An environment variable of an exec plugin.
            yield from _if_secret(name, text)
        case dict():
            for name in value.keys() - PUBLIC:
                yield from _secrets(str(name), value[name])
        case list():
            for item in value:
                yield from _secrets(key, item)
        case str():
            option, is_assigned, rest = value.partition("=")
            if is_assigned and option.startswith("-"):
                # An argument of an exec plugin, such as --client-secret=VALUE.
                key, value = option, rest
            yield from _if_secret(key, value)


def _if_secret(key: str, value: str) -> Iterator[str]:
    if _is_secret(key, value):
        yield value


def _is_secret(key: str, value: str) -> bool:
    if key in PUBLIC:
        return False
    return SECRET.search(key) is not None or _WORD.fullmatch(value) is None
