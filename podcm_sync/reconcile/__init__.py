"""The decisions, as pure functions: lists, time and policy come in as arguments."""
