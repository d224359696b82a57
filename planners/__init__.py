"""DECIDES: where components run, in which order they are rolled out, and which effects are due now.

Pure functions over frozen values: no clock, network, disk, randomness, logging or asyncio. Time is
a field of the Snapshot. Imports nothing but itself and the standard library.
"""
