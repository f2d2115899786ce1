"""The options of a run, in the order of `--help`; `apply` and `show` have some of them."""

import os
import re
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import typer
from msgspec import Struct

from podcm_sync import __version__
from podcm_sync.cli.option import But, Group, Ignored, Option, limit, period
from podcm_sync.cli.profile_options import ElectionOptions
from podcm_sync.cli.shared_options import (
    Access,
    Deletions,
    Directory,
    DryRun,
    Events,
    ReportOptions,
    ScopeOptions,
    Watch,
)
from podcm_sync.reconcile.digest import parse_digest

MAX_CONCURRENCY: Final = 256
MAX_PORT: Final = 65_535
PUSH_JOB: Final = "podcm-sync"


def _version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"podcm-sync {__version__}")
        raise typer.Exit


def _target(text: str) -> Path:
    if text == "-":
        raise ValueError("stdout has the report; name a file")
    return Path(text)


def _gateway(text: str) -> str | None:
    if not text:
        return None
    try:
        parts = urlsplit(text)
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # brackets, or a port that is none
        is_usable = False
    if not is_usable:
        raise ValueError(f"{text!r} isn't a URL; write http://pushgateway:9091")
    return text


def _address(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    match = re.fullmatch(r"(?:\[([0-9a-zA-Z:.%_-]+)\]|([0-9a-zA-Z._-]*)):([0-9]{1,5})", text)
    if match is None or int(match[3]) > MAX_PORT:
        raise ValueError(
            f"{text!r} isn't an address to listen on; write :8080, 127.0.0.1:8080, or [::1]:8080"
        )
    return match[1] or match[2], int(match[3])


def _digest(text: str | None) -> str | None:
    # A variable that is there and empty is a step of a pipeline that failed, not leave to write.
    text = text if text is not None else os.environ.get("PODCM_SYNC_EXPECT_PLAN")
    return None if text is None else parse_digest(text)


Plan = Annotated[
    Path,
    Option(metavar="PLAN", group=Group.ACTION, help="The file that --plan-out wrote."),
]
ExpectPlan = Annotated[
    str | None,
    Option(
        flags="--expect-plan",
        group=Group.SAFETY,
        metavar="DIGEST",
        parse_all=_digest,
        help="Write only the plan with this digest. A dry run prints the digest. For any other "
        "plan, podcm-sync changes nothing and exits 4.",
    ),
]
TolerateObjectFailures = Annotated[
    bool,
    Option(
        flags="--tolerate-object-failures",
        group=Group.OUTPUT,
        help="Exit 0 even if objects failed. This replaces exit code 3, and exit code 4 if only "
        "--max-prune holds deletions back. The report still shows them.",
    ),
]
Deadline = Annotated[
    float | None,
    limit(
        flags="--deadline",
        group=Group.SAFETY,
        help="Limit the time of a run. It starts no write in the last tenth of the time. If work "
        "remains, it exits 5. 0 means no limit.",
    ),
]


class Preview(Struct, frozen=True, kw_only=True):
    """A dry run and the files that it previews; the plan that is kept, or is the one to write."""

    dry_run: DryRun = False
    files: Annotated[
        tuple[str, ...],
        Option(
            flags="-f --filename",
            group=Group.ACTION,
            metavar="FILE|DIR|-",
            help="Preview the configs in this file or directory. Shows what a run would do if you "
            "had applied them; - is stdin. Requires --dry-run. Repeatable.",
        ),
    ] = ()
    only_files: Annotated[
        bool,
        Option(
            flags="--only-files",
            group=Group.ACTION,
            is_rare=True,
            help="Treat configs missing from the -f files as deleted.",
        ),
    ] = False
    plan_out: Annotated[
        Path | None,
        Option(
            flags="--plan-out",
            group=Group.ACTION,
            metavar="FILE",
            parse=_target,
            help="Save the plan of a dry run for apply and show. It contains values, so only you "
            "can read the file.",
        ),
    ] = None
    expect_plan: ExpectPlan = None


class ExitOptions(Struct, frozen=True, kw_only=True):
    """What the exit code makes of failures and changes."""

    tolerate_object_failures: TolerateObjectFailures = False
    exit_code: Annotated[
        bool,
        Option(
            flags="--exit-code",
            group=Group.OUTPUT,
            help="Exit 1 instead of 0 if there are changes. In a dry run, if there would be "
            "changes.",
        ),
    ] = False


class LoopOptions(Struct, frozen=True, kw_only=True):
    """When runs begin and end, in seconds; a deadline of None is no limit."""

    deadline: Deadline = None
    loop: Annotated[
        bool,
        Option(
            flags="--loop",
            group=Group.LOOP,
            help="Repeat the run until a signal stops it.",
        ),
    ] = False
    watch: Watch = False
    interval: Annotated[
        float,
        period(
            flags="--interval",
            group=Group.LOOP,
            needs="loop",
            default_with=("watch", "10m"),
            help="Start a run this often.",
        ),
    ] = 60.0


class Pace(Struct, frozen=True, kw_only=True):
    """How fast a run writes."""

    concurrency: Annotated[
        int,
        Option(
            flags="--concurrency",
            group=Group.CONNECTION,
            is_rare=True,
            metavar="N",
            minimum=1,
            maximum=MAX_CONCURRENCY,
            help="Send at most this many writes at once, with --watch in each pass. Each has its "
            "own connection.",
        ),
    ] = 32
    qps: Annotated[
        float,
        Option(
            flags="--qps",
            group=Group.CONNECTION,
            is_rare=True,
            metavar="N",
            minimum=0.0,
            help="Start at most this many writes per second. 0 means no limit.",
        ),
    ] = 0.0


class MetricsOptions(Struct, frozen=True, kw_only=True):
    """Where metrics go; nowhere by default."""

    push_gateway: Annotated[
        str | None,
        Option(
            flags="--push-gateway",
            group=Group.METRICS,
            metavar="URL",
            parse=_gateway,
            help="Push metrics to this Prometheus Pushgateway. If it can't be reached, the run "
            "only warns.",
        ),
    ] = None
    push_job: Annotated[
        str,
        Option(
            flags="--push-job",
            group=Group.METRICS,
            is_rare=True,
            metavar="NAME",
            parse=lambda text: text or PUSH_JOB,
            needs="push_gateway",
            help="Set the job label for --push-gateway. The scope of the run is another label. "
            "Give each installation its own job.",
        ),
    ] = PUSH_JOB
    metrics_file: Annotated[
        Path | None,
        Option(
            flags="--metrics-file",
            group=Group.METRICS,
            metavar="FILE.prom",
            help="Write metrics to a file for node_exporter. Its textfile collector reads it.",
        ),
    ] = None
    listen: Annotated[
        tuple[str, int] | None,
        Option(
            flags="--listen",
            group=Group.METRICS,
            metavar="[HOST]:PORT",
            parse=_address,
            help="With --loop, serve /metrics, /healthz, and /readyz.",
        ),
    ] = None
    """Host ("" for all of them) and port."""


class SyncOptions(Struct, frozen=True, kw_only=True):
    """All that a run can be told; it syncs the context's namespace by default."""

    scope: ScopeOptions = ScopeOptions()
    preview: Preview = Preview()
    directory: Directory = None
    deletions: Deletions = Deletions()
    exit: ExitOptions = ExitOptions()
    access: Access = Access()
    timing: LoopOptions = LoopOptions()
    election: ElectionOptions = ElectionOptions()
    pace: Pace = Pace()
    metrics: MetricsOptions = MetricsOptions()
    events: Events = True
    report: ReportOptions = ReportOptions()
    version: Annotated[
        bool,
        Option(
            flags="--version",
            has_variable=False,
            group=Group.OUTPUT,
            eager=_version,
            help="Print the version.",
        ),
    ] = False
    """Does all that it does before a run begins."""


class OtherOptions(Struct, frozen=True, kw_only=True):
    """The options of a run that change no right, so that its command line can be pasted."""

    deletions: Annotated[Deletions, Ignored()] = Deletions()
    expect_plan: Annotated[ExpectPlan, Ignored()] = None
    exit: Annotated[ExitOptions, Ignored()] = ExitOptions()
    timing: Annotated[LoopOptions, Ignored(), But({"watch": None})] = LoopOptions()
    pace: Annotated[Pace, Ignored()] = Pace()
    metrics: Annotated[MetricsOptions, Ignored()] = MetricsOptions()
