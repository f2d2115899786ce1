"""Tests of what a watching loop remembers and decides."""
