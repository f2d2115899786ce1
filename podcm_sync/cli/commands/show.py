"""`podcm-sync show`: its options."""

import typer

from podcm_sync.cli.app import app
from podcm_sync.cli.options import output, plan
from podcm_sync.settings import DEFAULT_MAX_BYTES, Colour, Output, Settings


@app.command(name="show")
def show_plan(  # noqa: PLR0913, PLR0917 - one parameter an option, as typer has it
    context: typer.Context,
    saved: plan.Plan,
    output_format: output.OutputFormat = Output.TEXT,
    max_bytes: output.MaxBytes = DEFAULT_MAX_BYTES,
    redact: output.Redaction = False,
    colour: output.Colouring = Colour.AUTO,
    verbosity: output.Verbosity = 0,
) -> int:
    """Print a saved plan, in any format, as the dry run would have printed it."""
    output.see_that_format_fits(context, output_format, is_loop=False)
    from podcm_sync.cli.saved import show

    return show(
        saved,
        Settings(
            output=output_format,
            max_bytes=max_bytes,
            is_redacted=redact,
            colour=colour,
            verbosity=verbosity,
        ),
    )
