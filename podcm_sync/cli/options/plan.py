"""The options by which a change is previewed, a plan is kept, and exactly that one is applied."""

import os
from pathlib import Path
from typing import Annotated

import typer

from podcm_sync.cli.options.words import env
from podcm_sync.core.digest import parse_digest


def _digest(text: str | None) -> str | None:
    # A variable that is there and empty is a step of a pipeline that failed, not leave to write.
    text = text if text is not None else os.environ.get(env("EXPECT_PLAN"))
    try:
        return None if text is None else parse_digest(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _target(path: Path | None) -> Path | None:
    if path is not None and str(path) == "-":
        raise typer.BadParameter("name a file: stdout has the report")
    return path


Files = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--filename",
        envvar=env("FILENAME"),
        metavar="FILE|DIR|-",
        help="In a dry run, put the PodConfigMapConfigs of this file, directory or stdin over "
        "those of the cluster; may be given more than once.",
    ),
]
OnlyFiles = Annotated[
    bool,
    typer.Option(
        "--only-files",
        envvar=env("ONLY_FILES"),
        help="The files of -f have all configs of the scope: any other counts as removed.",
    ),
]
PlanOut = Annotated[
    Path | None,
    typer.Option(
        "--plan-out",
        envvar=env("PLAN_OUT"),
        callback=_target,
        metavar="FILE",
        help="In a dry run, save the plan for `podcm-sync apply` and `podcm-sync show`. It holds "
        "values, so only you can read it.",
    ),
]
ExpectPlan = Annotated[
    str | None,
    typer.Option(
        "--expect-plan",
        envvar=env("EXPECT_PLAN"),
        callback=_digest,
        metavar="DIGEST",
        help="Write only if the plan computed now has this digest, which a dry run printed; "
        "otherwise nothing, and exit 4.",
    ),
]
ExpectedFile = Annotated[
    str | None,
    typer.Option(
        "--expect-plan",
        envvar=env("EXPECT_PLAN"),
        callback=_digest,
        metavar="DIGEST",
        help="Apply the plan only if it has this digest, which a dry run printed; otherwise "
        "change nothing and exit 4.",
    ),
]
PartOfPlan = Annotated[
    list[str] | None,
    typer.Option(
        "-n",
        "--namespace",
        envvar=env("NAMESPACE"),
        metavar="NAME",
        help="Apply only the plan's part in this namespace; may be given more than once.",
    ),
]
Plan = Annotated[
    Path, typer.Argument(metavar="PLAN", help="A file that --dry-run --plan-out wrote.")
]


def check(  # noqa: PLR0913 - the options that have to agree
    *,
    is_preview: bool,
    is_loop: bool,
    files: list[str] | None,
    only_files: bool,
    plan_out: Path | None,
    expected: str | None,
    is_redacted: bool,
) -> None:
    """See that what was asked for goes together. Raises BadParameter with what to do instead."""
    if files and not is_preview:
        raise typer.BadParameter(
            "-f only previews: a run syncs what is in the cluster; add --dry-run, or kubectl apply "
            "the files and run without -f"
        )
    if only_files and not files:
        raise typer.BadParameter(
            "--only-files is about the files of -f: without them every config would count as "
            "removed; add -f"
        )
    if plan_out is not None and not is_preview:
        raise typer.BadParameter("--plan-out saves what a dry run plans: add --dry-run")
    if plan_out is not None and is_redacted:
        raise typer.BadParameter(
            "--plan-out keeps the values that apply writes: leave out --redact, and print the plan "
            "with podcm-sync show --redact"
        )
    if is_loop and (plan_out is not None or expected):
        raise typer.BadParameter(
            "--plan-out and --expect-plan are about one plan: leave out --loop"
        )
