"""A run as it ended → Prometheus: the table of metrics, their values, and three ways out."""
