"""Tests of podcm_sync/cluster/files."""
