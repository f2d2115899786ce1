"""Tests of podcm_sync/api."""
