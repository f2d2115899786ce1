"""`podcm-sync show`: its options."""

from podcm_sync.cli.app import app
from podcm_sync.cli.options import output, plan
from podcm_sync.settings import Colour, Output, Settings


@app.command(name="show")
def show_plan(
    saved: plan.Plan,
    output_format: output.OutputFormat = Output.TEXT,
    colour: output.Colouring = Colour.AUTO,
    verbosity: output.Verbosity = 0,
) -> int:
    """Print a saved plan, in any format, as the dry run would have printed it."""
    from podcm_sync.cli.saved import show

    return show(saved, Settings(output=output_format, colour=colour, verbosity=verbosity))
