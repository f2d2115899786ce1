"""Tests of podcm_sync/render, file for file."""
