"""Clusters: the interfaces of a run, an API server, and a directory of manifests."""
