"""Templates in Go's own language, rendered in a sandbox: `lazy.py` is the door."""
