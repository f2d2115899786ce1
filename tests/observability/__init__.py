"""The real Prometheus, Pushgateway and promtool, and what podcm-sync tells them."""
