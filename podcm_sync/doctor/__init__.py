"""`podcm-sync doctor`: asks an API server for facts, and judges them as checks."""
