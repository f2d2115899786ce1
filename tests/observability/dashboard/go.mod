// Grafana's types of dashboards, generated from its own schema, for podcm-sync's tests.
// Built by tests/observability/test_rules.py.
module podcm-sync.test/dashboard

go 1.25.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
