"""Tests of podcm_sync/explain."""
