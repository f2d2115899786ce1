"""The subcommands: a file each for its options; what it does is in `cli`, and loaded late."""

from podcm_sync.cli.app import app
from podcm_sync.cli.commands import apply, doctor, explain, rbac, show, validate

__all__ = ["app", "apply", "doctor", "explain", "rbac", "show", "validate"]
