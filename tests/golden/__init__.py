"""Cluster in, plan and statuses out: spec.md by example."""
