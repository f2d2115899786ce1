"""Faults, kills, signals and rivals: what podcm-sync does when nothing goes well."""
