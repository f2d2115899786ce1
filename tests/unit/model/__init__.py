"""Tests of podcm_sync/model, file for file."""
