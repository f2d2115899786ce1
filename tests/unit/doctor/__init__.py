"""Tests of podcm_sync/doctor."""
