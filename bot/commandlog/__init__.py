"""The command log of a rollout: which commands people gave, and what came of each.

`entry` has the values and their encoding, pure; `log` reads and writes them in a comment at the
forge, guarded by the store. What a command means is decided in `bot/chatops`, never here.
"""
