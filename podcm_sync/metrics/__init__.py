"""Prometheus metrics of finished runs: the table, the values, and three ways to export them."""
