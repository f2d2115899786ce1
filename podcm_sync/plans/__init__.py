"""Saved plans: the file, whether one still fits, and how it is applied."""
