"""Tests of podcm_sync/cluster/kube that need no server, file for file."""
