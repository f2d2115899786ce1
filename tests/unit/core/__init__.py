"""Tests of podcm_sync/core, file for file."""
