"""A process that listens and exports watches, without any: a test sets their values."""

from collections.abc import Iterator
from contextlib import contextmanager

from podcm_sync.metrics.exporters import MetricsExporters
from podcm_sync.metrics.scope import MetricScope
from podcm_sync.runtime.context import RunContext
from tests.controlplane.processes import free_ports
from tests.watching import Watching


class Exporting:
    """The exporters of the process, and the URL they listen on."""

    def __init__(self, watching: Watching) -> None:
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        self.exporters = MetricsExporters(MetricScope(label="all", shards=1))
        self.exporters.listen_on(("127.0.0.1", port), RunContext(), interval=600.0)
        self.exporters.watch(watching.metrics, watching.gauges())


@contextmanager
def exporting(watching: Watching) -> Iterator[Exporting]:
    """It stops to listen with the block."""
    process = Exporting(watching)
    try:
        yield process
    finally:
        process.exporters.close()
