"""What `podcm-sync doctor` makes of what it was told: facts in, checks out."""
