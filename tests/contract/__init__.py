"""What every cluster must do alike: the fake, a directory of manifests, and a real API server."""
