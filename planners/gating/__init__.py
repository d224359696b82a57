"""Decides which effects are due now, and which gates hold back the rest.

`evaluate` computes the gates of each wave; the other modules each contribute one kind of gate or
effect. Nothing here performs an effect or stores a result. The last of the core's three steps.
"""
