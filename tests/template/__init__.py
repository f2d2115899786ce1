"""Tests of the template engine: the sandbox beside native Go, and what it keeps out."""
