"""Tests of one module each; the tree is that of podcm_sync/."""
