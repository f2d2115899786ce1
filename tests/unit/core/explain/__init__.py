"""The parts of `explain`, file for file."""
