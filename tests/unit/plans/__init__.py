"""Tests of podcm_sync/plans."""
