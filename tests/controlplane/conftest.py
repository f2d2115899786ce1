"""The names that tests here import; the fixtures themselves are in plugin.py, for all folders."""

from tests.controlplane.plugin import CRD, namespace

__all__ = ["CRD", "namespace"]
