"""`switchyard demo`: a local forge, simulated clusters, a sample application and its users.

Nothing here runs in a real installation; the rules of Switchyard are in `planners` and `bot`.
"""
