"""Fixtures for all tests: the control plane's, made once a session and only if a test asks."""

pytest_plugins = ["tests.controlplane.plugin"]
