"""Decides which clusters each component runs on, and why: filter, score, select.

Filters and scores are one module each, found by discovery. Nothing here knows waves, merge requests
or renderers.
"""
