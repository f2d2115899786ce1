"""Manifests from public bug reports: one folder a case, played by test_cases.py."""
