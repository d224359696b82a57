"""What changed between two versions of objects: as text, field by field, and how risky it is.

No value of a Secret leaves this package; the words for people are in `bot/wording`.
"""
