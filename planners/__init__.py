"""DECIDES: who goes where, in which order, and which effects are due now.

Pure: no clock, network, disk, randomness, logging or asyncio. What lives here takes values and
returns values; time is a field of the Snapshot. It imports itself and the standard library only.
"""
