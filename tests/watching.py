"""Watches as metrics see them, without any: a test sets what the gauges return."""

from collections.abc import Callable
from typing import TypeVar

from podcm_sync.metrics.watch import RESOURCES, WatchGauges, WatchMetrics

Value = TypeVar("Value")


class Watching:
    """A process that watches the whole cluster, and is well until a test changes it."""

    def __init__(self) -> None:
        self.metrics = WatchMetrics()
        self.wanted = dict.fromkeys(RESOURCES, 1)
        self.open = dict.fromkeys(RESOURCES, 1)
        self.waiting = 0
        self.silence = 0.5
        self.reads = 0

    def gauges(self) -> WatchGauges:
        return WatchGauges(
            wanted=self._counted(lambda: self.wanted),
            open_watches=self._counted(lambda: self.open),
            queue=self._counted(lambda: self.waiting),
            age=self._counted(lambda: self.silence),
        )

    def _counted(self, read: Callable[[], Value]) -> Callable[[], Value]:
        def counted() -> Value:
            self.reads += 1
            return read()

        return counted
