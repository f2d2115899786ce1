"""Plugins for all tests: the control plane, made if a test asks, and `--update-golden`."""

pytest_plugins = ["tests.controlplane.plugin", "tests.update_golden"]
