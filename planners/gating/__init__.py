"""Which effects are due now, and what the rest waits for: the last of the core's three steps.

`evaluate` judges each wave by its gates; the other modules are one kind of evidence each. Nothing
here remembers an earlier decision.
"""
