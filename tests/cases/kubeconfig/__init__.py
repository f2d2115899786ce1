"""Kubeconfigs: one folder a report, played against podcm-sync and kubectl alike."""
