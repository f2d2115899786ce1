"""Cluster in, plan and statuses out: behavior.md by example."""
