"""Scripts that print measured figures beside a peer's; never asserted, not in `make test`."""
