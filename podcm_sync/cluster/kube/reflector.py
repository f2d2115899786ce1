"""Keeps watches open, as client-go's Reflector does, but never lists: the Sink says where to begin.

A Reflector goes on from the last version after any end but one: if the version is too old, or the
answer can't be read, only a new list says what was missed.
"""

import logging
import random
import threading
import time
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from podcm_sync.api.content_type import JSON
from podcm_sync.api.decode_watch import EITHER, Failure
from podcm_sync.api.finding import Quote, QuotingError, quote
from podcm_sync.api.interner import Interner
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.apierrors import in_one_line, is_transient, status_of
from podcm_sync.cluster.kube.client import Connection
from podcm_sync.cluster.kube.pager import REFUSALS_WITH_ANY_BODY, ListError, refusal
from podcm_sync.cluster.kube.retry import MAX_RETRY_AFTER_SECONDS
from podcm_sync.cluster.kube.stream import SilentError, StoppedError, StreamLimits
from podcm_sync.cluster.kube.transport import Response, TransportError
from podcm_sync.cluster.kube.watch_receiver import FailedEventError, WatchReceiver, label_of
from podcm_sync.cluster.watch import Restart, Sink, Watch
from podcm_sync.errors import ClusterError, DecodeError, Unavailable
from podcm_sync.runtime import backoff

log = logging.getLogger(__name__)

START_POLL_SECONDS: Final = 0.05
STOP_SECONDS: Final = 1.0
BACKOFF_SECONDS: Final = 0.5
MAX_BACKOFF_SECONDS: Final = 30.0
MIN_LIFE_SECONDS: Final = 1.0
"""A watch that the server ends sooner counts as a failure, as in client-go. Otherwise a server
that ends each watch at once would get requests without a pause."""
SOUND_SECONDS: Final = 10.0
"""A watch that was open for so long ends a series of failures."""
WARNING_FAILURES: Final = 3
"""A connection that breaks is worth a warning only if it doesn't come back in seconds."""
REFUSALS: Final = frozenset({Restart.REFUSED, Restart.MISSING})
EXPIRED_REASONS: Final = frozenset({"Expired", "Gone"})
TOO_LARGE_VERSION: Final = "Too large resource version"
"""The message of a server whose version is lower, such as after etcd was restored from a backup
(k8s.io/apiserver, pkg/storage/errors.go)."""


class Timing(Struct, frozen=True, kw_only=True):
    """The limits of a watch, in seconds; tests shorten them."""

    silence: float = 120.0
    """The server sends a bookmark each minute. After twice as long, the connection is dead."""
    head: float = 30.0
    """How long the server can take to accept a watch."""
    life: tuple[int, int] = (300, 600)
    """The server ends a watch after a random number of seconds in this range."""
    slack: float = 30.0
    """How much later a watch ends here if the server doesn't end it."""


class End(Struct, frozen=True):
    """Why a watch ended, and for how long the server asks to wait.

    `quoted` are the parts of the message that others wrote.
    """

    restart: Restart
    message: str
    quoted: tuple[Quote, ...] = ()
    retry_after: float = 0.0


class Reflectors:
    """The Reflectors of several watches, with one Interner."""

    def __init__(
        self,
        connection: Connection,
        sink: Sink,
        watches: Iterable[Watch],
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        interner = Interner()
        self._all = [
            Reflector(connection, sink, watch, interner=interner, timing=timing)
            for watch in watches
        ]

    def start(self) -> None:
        """Start a thread for each watch."""
        for reflector in self._all:
            reflector.start()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End all watches. Returns whether all threads ended within these seconds."""
        for reflector in self._all:
            reflector.request_stop()
        until = time.monotonic() + seconds
        return all(reflector.join(until - time.monotonic()) for reflector in self._all)


class Reflector:
    """One watch on a thread of its own, which tells the Sink. It ends with the process, or `stop`.

    The Sink hears of each end, also of a watch that never opened, but not of a stop.
    """

    def __init__(
        self,
        connection: Connection,
        sink: Sink,
        watch: Watch,
        *,
        interner: Interner | None = None,
        timing: Timing = Timing(),  # noqa: B008 - frozen
    ) -> None:
        self.watch = watch
        self._connection = connection
        self._sink = sink
        self._interner = interner or Interner()
        self._timing = timing
        self._action = f"watch {watch.resource} {paths.scope_text(watch.namespace)}"
        self._is_stopping = threading.Event()
        name = f"watch-{watch.resource.partition('.')[0]}-{watch.namespace}".rstrip("-")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._version: int | None = None
        """The version to go on from; None if the Sink must say where to begin."""
        self._listed: int | None = None
        """The version of the list that the watch began from."""
        self._is_expired = False
        """Whether the list of `_listed` is of no use any more, and the Sink still has it."""
        self._failed_at: int | None = None
        """The version at which the server sent an ERROR event."""
        self._failures = 0
        self._last: Restart | None = None
        """The last failure."""
        self._warning = ""
        """The last warning, until the watch was sound again."""
        self._is_open_again = False
        """Whether the log says that it opened after the warning."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the thread to end. It does within a second."""
        self._is_stopping.set()

    def join(self, seconds: float) -> bool:
        """Wait for the thread's end. Returns whether it ended, or never began."""
        if self._thread.ident is None:
            return True
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """End the watch. Returns whether its thread ended within these seconds."""
        self.request_stop()
        return self.join(seconds)

    def _run(self) -> None:
        while (version := self._await_version()) is not None:
            receiver = WatchReceiver(
                self.watch, version, self._sink, self._interner, self._note_open
            )
            try:
                end = self._watch_once(receiver)
            except StoppedError:
                return
            except Exception as error:
                # A bug, such as in the Sink: what it knows can be incomplete, so it lists again.
                log.exception("cannot %s", self._action)
                end = End(Restart.EXPIRED, f"{type(error).__name__}: {error}", quote(error))
            self._version = receiver.resource_version
            self._sink.closed(self.watch, end.restart, end.message)
            if end.restart is Restart.EXPIRED:
                self._version = None
                self._is_expired = self._sink.start(self.watch) is not None
            if self._is_stopping.wait(self._pause(end, receiver.opened_at)):
                return

    def _await_version(self) -> int | None:
        """The version to start from; None once the watch must stop."""
        while not self._is_stopping.is_set():
            listed = self._sink.start(self.watch)
            if self._version is not None:
                return self._resumed(self._version, listed)
            if listed is None:
                # The Sink dropped the list, so any that it has later is a new one.
                self._is_expired = False
            elif not (self._is_expired and listed == self._listed):
                self._is_expired = False
                self._listed = listed
                return listed
            self._is_stopping.wait(START_POLL_SECONDS)
        return None

    def _resumed(self, version: int, listed: int | None) -> int:
        """The version to go on from, which is that of the last list if it came after the watch.

        If lists go back, etcd was restored from a backup. The server would accept the higher
        version, and send nothing.
        """
        earlier = self._listed
        self._listed = listed or earlier
        if listed and earlier and (listed > version or listed < earlier):
            return listed
        return version

    def _watch_once(self, receiver: WatchReceiver) -> End:
        """Watch until an end. Raises StoppedError."""
        life = random.randint(*self._timing.life)  # noqa: S311 - jitter, not a secret
        query = {
            "watch": "1",
            "resourceVersion": str(receiver.resource_version),
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(life),
        }
        if label := label_of(self.watch):
            query["labelSelector"] = label
        path = paths.collection(self.watch.resource, self.watch.namespace)

        def is_stopped() -> bool:
            receiver.check_rest()
            return self._is_stopping.is_set()

        try:
            response = self._connection.stream(
                paths.with_query(path, query),
                JSON if self.watch.resource == paths.CONFIGS else EITHER,
                receiver,
                limits=StreamLimits(
                    head=self._timing.head,
                    silence=self._timing.silence,
                    total=life + self._timing.slack,
                ),
                is_stopped=is_stopped,
            )
        except SilentError as error:
            return End(Restart.SILENT, str(error))
        except TransportError as error:
            return End(Restart.BROKEN, str(error), quote(error))
        except FailedEventError as error:
            return self._failed(error.failure, receiver.resource_version)
        except DecodeError as error:
            message = f"the answer isn't a watch of the API: {error}"
            return End(Restart.EXPIRED, message, quote(error))
        except ClusterError as error:
            return _refused(error)
        if response.status != 200:
            return self._refused(response)
        if receiver.has_rest:
            return End(Restart.BROKEN, "the answer ended in the middle of an event")
        return End(Restart.ENDED, "")

    def _failed(self, failure: Failure, version: int) -> End:
        """The end by an ERROR event."""
        server_text = in_one_line(f"{failure.code} {failure.reason}: {failure.message}")
        message, quoted = f"the server ended the watch: {server_text}", quote(server_text)
        # The server may never get past an event that it can't decode or decrypt.
        is_second = self._failed_at == version
        self._failed_at = version
        if is_second or _is_expired(failure.code, failure.reason, failure.message):
            return End(Restart.EXPIRED, message, quoted)
        is_refused = failure.code in {401, 403, 404}
        return End(Restart.REFUSED if is_refused else Restart.BROKEN, message, quoted)

    def _refused(self, response: Response) -> End:
        """The end by an answer of another status than 200."""
        status = status_of(response)
        code = response.status
        if not (status.is_v1_status or code in REFUSALS_WITH_ANY_BODY):
            return End(Restart.BROKEN, f"HTTP {code}, but not from the API server")
        message, quoted = f"HTTP {code}: {status.message}", quote(status.message)
        if _is_expired(code, status.reason, status.message):
            return End(Restart.EXPIRED, message, quoted)
        if is_transient(response):
            return End(Restart.BROKEN, message, quoted, response.retry_after or 0.0)
        server = self._connection.target.description
        return _refused(refusal(response, self.watch.resource, self._action, server))

    def _pause(self, end: End, opened_at: float) -> float:
        """Log the end. Returns the seconds until the next watch."""
        life = time.monotonic() - opened_at if opened_at else 0.0
        is_normal = end.restart is Restart.ENDED and life >= MIN_LIFE_SECONDS
        if is_normal or life >= SOUND_SECONDS:
            self._failures = 0
            self._warning = ""
        if is_normal:
            log.debug("%s: ended after %.0f s", self._action, life)
            return 0.0
        self._failures += 1
        self._log_failure(end)
        first = max(BACKOFF_SECONDS, min(end.retry_after, MAX_RETRY_AFTER_SECONDS))
        seconds = backoff.delay(self._failures, BACKOFF_SECONDS, first)
        return min(seconds, MAX_BACKOFF_SECONDS) + backoff.jitter(seconds)

    def _note_open(self) -> None:
        if self._warning and not self._is_open_again:
            self._is_open_again = True
            log.info("%s: open again", self._action)
        else:
            log.debug("%s: open", self._action)

    def _log_failure(self, end: End) -> None:
        """Warn once about each message, and about a broken connection only if it stays broken.

        A watch that opens and breaks again and again doesn't repeat its warning.
        """
        message = end.message or "the server ended it at once"
        if self._action not in message:
            message = f"cannot {self._action}: {message}"
        # A new list is the usual way on from an expired version, after an outage too.
        is_usual = end.restart is Restart.EXPIRED and self._last is not Restart.EXPIRED
        self._last = end.restart
        is_lasting = self._failures >= WARNING_FAILURES and not is_usual
        error = QuotingError(message, end.quoted)
        if end.restart not in REFUSALS and not is_lasting:
            # The Sink logs what an expired version leads to.
            log.log(logging.DEBUG if is_usual else logging.INFO, "%s", error)
        elif message != self._warning:
            self._warning = message
            self._is_open_again = False
            log.warning("%s", error)


def _refused(error: ClusterError | ListError) -> End:
    """The end by a refusal that a list meets too."""
    hint = error.hint if isinstance(error, ClusterError) else ""
    quoted = error.quoted if isinstance(error, ListError) else quote(error.quoted)
    is_missing = isinstance(error, ClusterError) and error.reason is Unavailable.CRD_MISSING
    restart = Restart.MISSING if is_missing else Restart.REFUSED
    return End(restart, f"{error}; {hint}" if hint else str(error), quoted)


def _is_expired(code: int, reason: str, message: str) -> bool:
    """Whether the server can't go on from the version."""
    return code == 410 or reason in EXPIRED_REASONS or TOO_LARGE_VERSION in message
