"""A real Prometheus and a real Pushgateway on loopback, and what their APIs answer."""

import json
import signal
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError

import yaml

from tests.command import until
from tests.controlplane.processes import Component, free_ports

Series = dict[str, str]


def fetch(url: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of one request."""
    request = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return answer.status, answer.read().decode(), dict(answer.headers)
    except HTTPError as error:
        return error.code, error.read().decode(), dict(error.headers)


def is_there(url: str) -> bool:
    """Whether it answers 200."""
    try:
        return fetch(url)[0] == 200
    except OSError:
        return False


class Server:
    """One program with one port; a context manager."""

    def __init__(self, program: Path, log: Path) -> None:
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self._program, self._log = program, log
        self.process: Component | None = None

    def flags(self) -> list[str]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.process = Component(self._program, self.flags(), self._log)
        until(lambda: is_there(f"{self.url}/-/ready"), f"{self._program.name} is ready")
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process
        self.process.stop()


class Pushgateway(Server):
    """Its metrics by name, each with its series."""

    def __init__(self, programs: Path, folder: Path) -> None:
        super().__init__(programs / "prometheus-pushgateway", folder / "pushgateway.log")

    def flags(self) -> list[str]:
        return [f"--web.listen-address=127.0.0.1:{self.port}", "--persistence.file="]

    def groups(self) -> list[dict[str, Any]]:
        """What /api/v1/metrics has: for each group its labels, and each family by its name."""
        found: list[dict[str, Any]] = json.loads(fetch(f"{self.url}/api/v1/metrics")[1])["data"]
        return found

    def value(self, name: str, **labels: str) -> float | None:
        """The one sample with these labels among its own."""
        (group,) = self.groups()
        found = [
            float(each["value"])
            for each in group.get(name, {"metrics": []})["metrics"]
            if labels.items() <= each["labels"].items()
        ]
        assert len(found) <= 1, found
        return found[0] if found else None


class Prometheus(Server):
    """Queries, once it was told what to scrape."""

    def __init__(self, programs: Path, folder: Path) -> None:
        super().__init__(programs / "prometheus", folder / "prometheus.log")
        self._folder = folder
        self._config = folder / "prometheus.yml"
        self._configure()

    def flags(self) -> list[str]:
        return [
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self._folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]

    def scrape(self, *targets: str) -> None:
        """Scrape these URLs' /metrics ten times a second, with labels as in a cluster."""
        self._configure(*(urllib.parse.urlsplit(target).netloc for target in targets))
        assert self.process
        self.process._process.send_signal(signal.SIGHUP)
        until(lambda: len(self.query("up == 1")) == len(targets), "the first scrapes")

    def query(self, expression: str) -> list[tuple[Series, float]]:
        """What an instant query gives: labels and value of each series."""
        words = urllib.parse.urlencode({"query": expression})
        status, body, _ = fetch(f"{self.url}/api/v1/query?{words}")
        answer = json.loads(body)
        assert status == 200, f"{expression}: {answer}"
        result = answer["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def value(self, expression: str) -> float | None:
        """The one value of a query, None where there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return found[0][1] if found else None

    def _configure(self, *targets: str) -> None:
        job = {
            "job_name": "podcm-sync",
            "honor_labels": True,
            "scrape_interval": "100ms",
            "scrape_timeout": "100ms",
            # A PodMonitor adds the namespace of the Pod, and a central Prometheus the cluster.
            "static_configs": [
                {
                    "targets": list(targets),
                    "labels": {"cluster": "north", "namespace": "of-the-pod"},
                }
            ],
        }
        self._config.write_text(yaml.safe_dump({"scrape_configs": [job]}))


def promtool(programs: Path, *arguments: str, stdin: str = "") -> str:
    """Its output; a failed check is a failed test."""
    done = subprocess.run(
        [str(programs / "promtool"), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
