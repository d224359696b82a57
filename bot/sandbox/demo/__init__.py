"""The demonstration: a local forge, simulated clusters, a sample application and its people."""
