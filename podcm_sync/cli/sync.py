"""`podcm-sync`: a run, or a loop of them."""

from podcm_sync.cli.app import app
from podcm_sync.cli.option import takes_options
from podcm_sync.cli.sync_options import SyncOptions


@app.callback()
@takes_options
def sync(options: SyncOptions) -> int:
    """Run; the exit code. Raises RunError."""
    # Late, so that --help loads nothing of a run.
    from podcm_sync.cli.run import run

    return run(options)
