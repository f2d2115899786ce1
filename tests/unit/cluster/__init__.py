"""Tests of podcm_sync/cluster, file for file."""
