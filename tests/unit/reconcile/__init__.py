"""Tests of podcm_sync/reconcile."""
