"""A Kubernetes API server as a cluster. Only this folder imports `kubernetes` and `pycurl`.

libcurl carries the exchanges, and `kubernetes` reads the in-cluster configuration. Requests and
answers are raw bytes, because typed models cost 12 to 70 times more.
"""
