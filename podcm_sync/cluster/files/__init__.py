"""Manifest files as a cluster: reads a directory, writes `DIR/generated/`, previews files."""
