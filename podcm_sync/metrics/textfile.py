"""Metrics as a file for node_exporter's textfile collector: whole at any moment, or as before."""

from pathlib import Path

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from podcm_sync.metrics import table
from podcm_sync.metrics.exposition import Exposition
from podcm_sync.metrics.samples import Samples
from podcm_sync.metrics.table import Type
from podcm_sync.runtime import files


class MetricsFileError(Exception):
    """The file cannot be read as metrics or cannot be written; why, in one line."""


def write(path: Path, exposition: Exposition) -> None:
    """Put the metrics there, by a rename within the directory. Raises MetricsFileError."""
    content = generate_latest(exposition.registry)
    try:
        # node_exporter is another user, and reads *.prom alone: never the temporary file.
        files.write(path, [content], mode=files.SHARED)
    except OSError as error:
        raise MetricsFileError(f"{path} cannot be written: {error.strerror or error}") from error


def kept(path: Path) -> Samples:
    """The gauges of earlier runs, such as the last success, which a failed run does not say.

    Raises MetricsFileError for a file that is there and is none of ours, so that a wrong path
    costs nobody a file.
    """
    if not _is_file(path):
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        families = list(text_string_to_metric_families(text))
    except OSError as error:
        raise MetricsFileError(f"{path} cannot be read: {error.strerror or error}") from error
    except Exception as error:
        # The parser raises whatever a line makes it stumble over.
        raise MetricsFileError(f"{path} has other content than metrics, and stays") from error
    found: Samples = {}
    for family in families:
        row = table.BY_NAME.get(family.name)
        if row is not None and row.type is Type.GAUGE:
            found[row.name] = {
                tuple(sample.labels.get(label, "") for label in row.labels): sample.value
                for sample in family.samples
            }
    if text.strip() and table.LAST_RUN not in found:
        raise MetricsFileError(f"{path} has metrics of something else, and stays")
    return found


def _is_file(path: Path) -> bool:
    """Whether there is such a file. Raises MetricsFileError where there is something else."""
    try:
        is_there, is_file = path.exists(), path.is_file()
    except OSError as error:
        raise MetricsFileError(f"{path} cannot be read: {error.strerror or error}") from error
    if is_there and not is_file:
        raise MetricsFileError(f"{path} is no regular file, and stays as it is")
    return is_file
