"""Leader election by a Lease: the rules, and the elector that follows them."""
