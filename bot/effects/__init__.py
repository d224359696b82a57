"""The one writer: performs what was decided. Nothing outside this package writes to a forge or Git.

Each effect is done so that doing it again changes nothing. Nothing is decided here.
"""
