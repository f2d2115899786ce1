"""Tests of podcm_sync.metrics."""
