"""The log of a watching loop's passes, which have no report: what needs a person, and when it ends.

Each cause is logged once for a namespace, until it is gone, so that a busy namespace doesn't fill
the log. What the report of a full run showed isn't logged again.
"""

import logging
import threading
from collections.abc import Iterable

from podcm_sync.output.redact import redacted
from podcm_sync.output.text import Notice, notices
from podcm_sync.reconcile.report import Report

log = logging.getLogger(__name__)

Causes = set[tuple[str, ...]]


class PassLog:
    """Callable from any thread."""

    def __init__(self, *, is_redacted: bool) -> None:
        self._is_redacted = is_redacted
        self._lock = threading.Lock()
        self._known: dict[str, Causes] = {}

    def passed(self, report: Report) -> None:
        """A pass over a quiet namespace has ended: log what is new there."""
        report = redacted(report) if self._is_redacted else report
        (namespace,) = report.scope.namespaces or ()
        for message in report.incomplete.values():
            log.debug("namespace %s: %s", namespace, message)
        if report.incomplete:
            return
        found = list(notices(report))
        with self._lock:
            known = self._known.pop(namespace, set())
            if found:
                self._known[namespace] = {notice.cause for notice in found}
        _warn(namespace, [notice for notice in found if notice.cause not in known])
        if known and not found:
            log.info("namespace %s: nothing is failing any more", namespace)

    def ran(self, report: Report) -> None:
        """A full run has ended, whose report shows all that needs a person."""
        known: dict[str, Causes] = {}
        for notice in notices(redacted(report) if self._is_redacted else report):
            for namespace in notice.namespaces:
                known.setdefault(namespace, set()).add(notice.cause)
        with self._lock:
            self._known = known


def _warn(namespace: str, found: Iterable[Notice]) -> None:
    for notice in found:
        fields = {"namespace": namespace, "reason": str(notice.reason)}
        log.warning("%s", notice, extra={"fields": fields})
