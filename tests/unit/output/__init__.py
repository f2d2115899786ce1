"""Tests of podcm_sync/output."""
