"""A complete site on one machine: a small forge, and a demo with simulated clusters.

For evaluation, air-gapped sites and tests; imported only by the command line. The service uses the
forge over HTTP like any other and does not import this package.
"""
