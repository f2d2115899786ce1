"""A loop that listens: its address from its own log, and its metrics read back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.command import Running, started, until
from tests.observability.servers import fetch

Values = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Listening:
    """The running loop, and the URL it listens on."""

    def __init__(self, process: Running) -> None:
        self.process = process
        pattern = re.compile(r"listening on (http://[\w.:]+)")
        until(lambda: pattern.search(process.stderr), "it listens")
        found = pattern.search(process.stderr)
        assert found
        self.url = found[1]

    def status(self, path: str) -> int:
        return fetch(self.url + path)[0]

    def value(self, name: str, **labels: str) -> float | None:
        return value(fetch(f"{self.url}/metrics")[1], name, **labels)


def values(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each sample of that name in an exposition."""
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def value(text: str, name: str, **labels: str) -> float | None:
    """The one sample of an exposition with exactly these labels, besides its scope."""
    found = [
        number
        for having, number in values(text, name)
        if {"scope": having["scope"], **labels} == having
    ]
    assert len(found) <= 1, found
    return found[0] if found else None


@contextmanager
def looping(kubeconfig: Path, *arguments: str, interval: str = "200ms") -> Iterator[Listening]:
    """`--loop --listen 127.0.0.1:0`, ended with the block."""
    words = ("--loop", "--interval", interval, "--listen", "127.0.0.1:0", *arguments)
    with started(kubeconfig, *words) as process:
        yield Listening(process)
