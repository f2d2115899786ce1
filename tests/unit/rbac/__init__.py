"""Tests of podcm_sync/rbac."""
