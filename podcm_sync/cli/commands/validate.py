"""`podcm-sync validate`: its options."""

from podcm_sync.cli.app import app
from podcm_sync.cli.options import output, validate
from podcm_sync.settings import Findings


@app.command(name="validate")
def validate_manifests(
    files: validate.Files,
    output_format: validate.ValidationFormat = Findings.TEXT,
    redact: output.Redaction = False,
    allow_empty: validate.AllowEmpty = False,
) -> int:
    """Check PodConfigMapConfig manifests.

    Needs no cluster, and makes the findings that a run and the API server would make. Exit code 0
    if there are none, 3 if there are some, 2 if there is nothing to check.
    """
    from podcm_sync.cli.validate import validate as check

    return check(files, output_format, is_redacted=redact, may_be_empty=allow_empty)
