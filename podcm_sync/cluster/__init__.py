"""Where objects come from and go to: the ports, an API server, and a directory of manifests."""
