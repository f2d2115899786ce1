"""A message without the words that others wrote: template errors and refusals repeat values.

Each message says what it quotes. Nothing here looks for values, and a message that doesn't say it
is withheld whole.
"""

import re
from typing import Final

from podcm_sync.api.finding import Finding, Quote, Quotes, quote

WITHHELD: Final = "(details withheld by --redact)"


def withheld(message: str, quoted: Quotes) -> str:
    """The message with each quote left out, and no word of it if its quotes aren't known."""
    if not message:
        return ""
    # A quote that isn't there was cut or changed on its way, and a part of it may be there.
    if quoted is None or any(part.text not in message for part in quoted):
        return WITHHELD
    return _without(message, quoted)


def withheld_finding(finding: Finding) -> Finding:
    """The finding, as its file and line may be shown; a hint repeats the template."""
    parts = finding.quoted or ()
    path, message = _without(finding.path, parts), _without(finding.message, parts)
    if withheld(f"{finding.path}: {finding.message}", finding.quoted) == WITHHELD:
        message = WITHHELD
    return Finding(path=path, message=message, quoted=())


def withheld_error(error: BaseException) -> str:
    """An exception in a sentence: without what it says that it quotes, or all of it."""
    quoted = getattr(error, "quoted", None)
    return withheld(str(error), quote(quoted) if isinstance(quoted, str) else quoted)


def _without(message: str, quoted: tuple[Quote, ...]) -> str:
    marks = {part.text: f"{part.shown} {WITHHELD}".lstrip() for part in quoted}
    if not marks:
        return message
    # The longest first, as one can begin like another.
    texts = sorted(map(re.escape, marks), key=len, reverse=True)
    return re.sub("|".join(texts), lambda found: marks[found[0]], message)
