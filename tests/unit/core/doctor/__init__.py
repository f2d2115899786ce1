"""The parts of `doctor`, file for file."""
