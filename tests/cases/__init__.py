"""Inputs from public bug reports, each with the right value and its source."""
