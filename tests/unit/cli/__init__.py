"""Tests of podcm_sync/cli, file for file."""
