"""Tests of what every layer may use of the machine."""
