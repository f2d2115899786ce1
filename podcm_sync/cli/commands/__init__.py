"""The subcommands: a file each for its options; what it does is in `cli`, and loaded late."""

from podcm_sync.cli.app import app
from podcm_sync.cli.commands import doctor, explain, rbac, validate

__all__ = ["app", "doctor", "explain", "rbac", "validate"]
