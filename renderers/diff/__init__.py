"""Differences between two versions of objects: unified diffs, field changes and their risks.

No value of a Secret leaves this package. Sentences for people are written in `bot.wording`.
"""
