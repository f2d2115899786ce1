"""A Kubernetes API server as a cluster: the only room that imports the `kubernetes` package.

The package does what it is best at (kubeconfig, exec plugins, certificates, tokens, proxies, the
connection pool); requests and answers are raw bytes, since typed models cost 12 to 70 times more.
"""
