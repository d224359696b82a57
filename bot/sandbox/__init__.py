"""A whole site on one machine: a small forge and a demonstration with simulated clusters.

For trying out, for air-gapped sites and for tests; imported by the command line alone. The service
reaches the forge over HTTP like any other and knows nothing of this package.
"""
