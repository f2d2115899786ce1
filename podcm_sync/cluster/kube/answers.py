"""A whole answer of a server, or none: an answer that breaks off or comes too late is none."""

from typing import Final

from msgspec import Struct

JSON: Final = "application/json"


class Response(Struct, frozen=True, kw_only=True):
    """A whole answer. `retry_after` is in seconds, None if the server did not name any."""

    status: int
    body: bytes
    retry_after: float | None
    content_type: str = JSON
    date: str = ""


class NoAnswerError(Exception):
    """No whole answer came. `is_sent` is False if the server cannot have seen the request."""

    def __init__(self, message: str, *, is_sent: bool) -> None:
        super().__init__(message)
        self.is_sent = is_sent


class TooLargeError(Exception):
    """The answer is larger than the caller takes, and was cut."""


class TimedOutError(NoAnswerError):
    """The answer was not whole within the limit of its exchange."""


class UntrustedError(NoAnswerError):
    """The server's certificate is not one that the configuration trusts; nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_sent=False)
