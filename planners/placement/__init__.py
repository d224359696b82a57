"""Which clusters a component runs on, and why: filter, rank, select.

Filters and scores are one file each, found by discovery. Nothing here knows waves or merge
requests.
"""
