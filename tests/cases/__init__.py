"""Public bug reports as small inputs with the right result."""
