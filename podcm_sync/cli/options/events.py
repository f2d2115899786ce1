"""Whether runs write Events."""

from typing import Annotated

import typer

from podcm_sync.cli.options.words import env

Events = Annotated[
    bool,
    typer.Option(
        "--events/--no-events",
        envvar=env("EVENTS"),
        help="Write an Event on a PodConfigMapConfig that begins to fail, fails in another way, or "
        "recovers; needs the right to create events.",
    ),
]
