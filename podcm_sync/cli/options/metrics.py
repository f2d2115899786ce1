"""Where a run's metrics go: a Pushgateway, a file, or whoever scrapes a loop."""

import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer

from podcm_sync.cli.options.words import env
from podcm_sync.settings import Export

MAX_PORT: Final = 65_535


def _gateway(text: str | None) -> str | None:
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets, or a port that is none
        is_usable = False
    if not is_usable:
        raise typer.BadParameter("write a URL such as http://pushgateway:9091")
    return text


def _address(text: str | None) -> tuple[str, int] | None:
    if not text:
        return None
    match = re.fullmatch(r"(?:\[([0-9a-zA-Z:.%_-]+)\]|([0-9a-zA-Z._-]*)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > MAX_PORT:
        raise typer.BadParameter(
            f"{text!r} is no address to listen on: write :8080, 127.0.0.1:8080 or [::1]:8080"
        )
    return match[1] or match[2], int(match[3])


PushGateway = Annotated[
    str | None,
    typer.Option(
        "--push-gateway",
        envvar=env("PUSH_GATEWAY"),
        callback=_gateway,
        metavar="URL",
        help="Push each run's metrics to this Prometheus Pushgateway; if it is away, that is a "
        "warning and no more.",
    ),
]
PushJob = Annotated[
    str,
    typer.Option(
        "--push-job",
        envvar=env("PUSH_JOB"),
        metavar="NAME",
        help="With --push-gateway, the job label; the scope of the run is a label besides. Give "
        "each installation its own.",
    ),
]
MetricsFile = Annotated[
    Path | None,
    typer.Option(
        "--metrics-file",
        envvar=env("METRICS_FILE"),
        metavar="FILE.prom",
        help="Write each run's metrics to this file, for node_exporter's textfile collector.",
    ),
]
Listen = Annotated[
    str | None,
    typer.Option(
        "--listen",
        envvar=env("LISTEN"),
        metavar="[HOST]:PORT",
        help="With --loop, serve /metrics, /healthz and /readyz here, such as :8080.",
    ),
]


def export(  # noqa: PLR0913 - the options, and what they must agree with
    push_gateway: str | None,
    push_job: str,
    metrics_file: Path | None,
    listen: str | None,
    *,
    is_loop: bool,
    is_one_of_many: bool,
    writes: bool,
) -> Export:
    """The options as one value. Raises BadParameter."""
    if metrics_file and is_one_of_many:
        raise typer.BadParameter(
            "--metrics-file is not for --leader-elect: what a replica wrote that leads no more "
            "would stay; give --listen or --push-gateway"
        )
    if listen and not is_loop:
        raise typer.BadParameter(
            "--listen is for --loop: a single run ends before anybody scrapes it; "
            "--push-gateway and --metrics-file are for that"
        )
    if not writes and (push_gateway or metrics_file or listen):
        raise typer.BadParameter(
            "a dry run has no metrics, which would pass for a real run's: leave out "
            "--push-gateway, --metrics-file and --listen"
        )
    return Export(
        push_gateway=push_gateway,
        push_job=push_job or "podcm-sync",
        metrics_file=metrics_file,
        listen=_address(listen),
    )
