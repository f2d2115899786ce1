"""Tests of podcm_sync/leaderelection."""
