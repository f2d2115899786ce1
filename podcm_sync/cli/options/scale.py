"""The options for large clusters: a part of the namespaces, and the pace."""

import os
from typing import Annotated

import typer

from podcm_sync.cli.options.words import env
from podcm_sync.core.shards import parse_shard


def _shard(text: str | None) -> str | None:
    index, count = os.environ.get("JOB_COMPLETION_INDEX"), os.environ.get("PODCM_SYNC_SHARDS")
    if text is None and index is not None and count is not None:
        text = f"{index}/{count}"
    try:
        return text and str(parse_shard(text))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


ShardOfAll = Annotated[
    str | None,
    typer.Option(
        "--shard",
        envvar=env("SHARD"),
        callback=_shard,
        metavar="INDEX/COUNT",
        help="With -A, sync only the namespaces of this shard, counted from 0. Default: that of "
        "an Indexed Job, JOB_COMPLETION_INDEX/PODCM_SYNC_SHARDS, where both are set.",
    ),
]
Qps = Annotated[
    float,
    typer.Option(
        "--qps",
        envvar=env("QPS"),
        min=0.0,
        help="How many writes may begin in a second; 0 is no limit.",
    ),
]
