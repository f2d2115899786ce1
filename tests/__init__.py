"""Tests of podcm-sync; README.md says which kind of test goes where."""
