"""Writes metrics to a file for the textfile collector of node_exporter, atomically."""

from pathlib import Path

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from podcm_sync.metrics import table
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.samples import Samples
from podcm_sync.metrics.table import Type
from podcm_sync.runtime import files


class MetricsFileError(Exception):
    """The file cannot be read as metrics, or cannot be written. The message is one line."""


def write(path: Path, exposition: Exposition) -> None:
    """Replace the file with the current metrics. Raises MetricsFileError."""
    content = generate_latest(exposition.registry)
    try:
        # node_exporter runs as another user. It reads only *.prom, so never the temporary file.
        files.write(path, [content], mode=files.SHARED)
    except OSError as error:
        raise MetricsFileError(f"{path} cannot be written: {error.strerror or error}") from error


def read_gauges(path: Path, scope: str) -> Samples:
    """The gauges of earlier runs of this scope, such as the time of the last success.

    Empty if there is no file, or if the file is of another scope.

    Raises MetricsFileError if the file has other content, so that a wrong path never overwrites a
    file of somebody else.
    """
    if not _is_file(path):
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        families = list(text_string_to_metric_families(text))
    except OSError as error:
        raise MetricsFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        # The parser raises exceptions of many types, depending on the line.
        raise MetricsFileError(f"{path} has other content than metrics, and stays") from error
    gauges: Samples = {}
    for family in families:
        row = table.BY_NAME.get(family.name)
        if row is not None and row.type is Type.GAUGE:
            gauges[row.name] = {
                tuple(sample.labels.get(label, "") for label in row.labels): sample.value
                for sample in family.samples
                if sample.labels.get(table.SCOPE_LABEL) == scope
            }
    if text.strip() and table.LAST_RUN not in gauges:
        raise MetricsFileError(f"{path} has metrics of something else, and stays")
    return {name: values for name, values in gauges.items() if values}


def _is_file(path: Path) -> bool:
    """Whether the file exists. Raises MetricsFileError if something else is there."""
    try:
        is_there, is_file = path.exists(), path.is_file()
    except OSError as error:
        raise MetricsFileError(f"{path} cannot be read: {error.strerror or error}") from error
    if is_there and not is_file:
        raise MetricsFileError(f"{path} isn't a regular file, and stays as it is")
    return is_file
