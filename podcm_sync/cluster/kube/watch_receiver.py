"""Takes the bytes of one watch: decodes them, checks each object, and tells the Sink.

The checks are those of a list (listing.py). If one fails, an event may be missing, so the watch
can't go on.
"""

import time
from collections.abc import Callable
from typing import Final

from podcm_sync.api.decode_watch import Change, Failure, WatchDecoder, WatchedObject
from podcm_sync.api.interner import Interner
from podcm_sync.api.meta import GENERATED_BY_LABEL
from podcm_sync.api.objects import Problem
from podcm_sync.api.page import CONFIG, CONFIG_MAP, POD
from podcm_sync.cluster.kube import paths
from podcm_sync.cluster.kube.listing import damaged, has_label, is_legal
from podcm_sync.cluster.kube.transport import TransportError
from podcm_sync.cluster.watch import EventType, Sink, Watch, WatchEvent
from podcm_sync.errors import DecodeError
from podcm_sync.reconcile.identity import damaged_field

REST_SECONDS: Final = 10.0
"""How long the rest of an event can take. If the length of a frame was damaged, the events after it
would count as its rest, and nothing would be told until the server ends the watch."""
_TYPES: Final = {paths.PODS: POD, paths.CONFIGS: CONFIG, paths.CONFIG_MAPS: CONFIG_MAP}


class FailedEventError(Exception):
    """The server ended the watch with an ERROR event."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class WatchReceiver:
    """Implements `stream.Receiver` for one watch that begins after a resourceVersion."""

    def __init__(
        self,
        watch: Watch,
        resource_version: int,
        sink: Sink,
        interner: Interner,
        note_open: Callable[[], None] = lambda: None,
    ) -> None:
        self.resource_version = resource_version
        """The version up to which the Sink was told everything."""
        self.opened_at = 0.0
        """When the server accepted the watch, in monotonic seconds; 0.0 if it didn't."""
        self._rest_since = 0.0
        """When the first part of an event came that waits for its rest; 0.0 if none waits."""
        self._watch = watch
        self._label = label_of(watch)
        self._sink = sink
        self._interner = interner
        self._note_open = note_open
        self._decoder: WatchDecoder | None = None

    @property
    def has_rest(self) -> bool:
        """Whether a part of an event waits for its rest; if the answer ends so, it was cut."""
        return self._decoder is not None and self._decoder.has_rest

    def opened(self, content_type: str) -> None:
        """Raises TransportError if an API server doesn't answer so: nothing was missed yet."""
        try:
            self._decoder = WatchDecoder(
                _TYPES[self._watch.resource], content_type, self.resource_version, self._interner
            )
        except DecodeError as error:
            raise TransportError(str(error), is_sent=True) from error
        self.opened_at = time.monotonic()
        self._note_open()
        self._sink.opened(self._watch)

    def take(self, chunk: bytes) -> None:
        """Raises DecodeError for bytes that aren't events, and FailedEventError for an ERROR."""
        assert self._decoder is not None, "the head comes before the body"
        received = time.monotonic()
        is_same = self._rest_since > 0
        for event in self._decoder.events(chunk):
            if isinstance(event, Failure):
                raise FailedEventError(event)
            if isinstance(event, Change):
                self._sink.take(
                    self._watch,
                    WatchEvent(
                        type=EventType(event.type),
                        obj=self._checked(event.obj),
                        resource_version=event.resource_version,
                        received=received,
                    ),
                )
            else:
                self._sink.bookmark(self._watch, event.resource_version)
            self.resource_version = event.resource_version
            is_same = False
        if not (is_same and self.has_rest):
            self._rest_since = received if self.has_rest else 0.0

    def check_rest(self) -> None:
        """Raises TransportError if the rest of an event takes too long. Call it now and then."""
        if self._rest_since and time.monotonic() - self._rest_since >= REST_SECONDS:
            message = f"the rest of an event didn't come within {REST_SECONDS:.3g} s"
            raise TransportError(message, is_sent=True)

    def _checked(self, obj: WatchedObject) -> WatchedObject:
        """The object, or a Problem if a field that identifies it is damaged. Raises DecodeError."""
        if not isinstance(obj, Problem) and (field := damaged_field(obj)):
            obj = damaged(obj, field)
        name = obj.namespaced_name
        if not is_legal(name):
            raise DecodeError("an object has no readable name")
        if self._watch.namespace not in {"", name.namespace}:
            raise DecodeError("an object is of another namespace")
        if self._label and not (isinstance(obj, Problem) or has_label(obj, self._label)):
            raise DecodeError(f"an object doesn't have the label {self._label}")
        return obj


def label_of(watch: Watch) -> str:
    """The label that the objects of a watch have; "" for no filter."""
    return GENERATED_BY_LABEL if watch.resource == paths.CONFIG_MAPS else ""
