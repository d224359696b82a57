"""Measurements, as ratios to a named alternative in the same run: `make bench`."""
