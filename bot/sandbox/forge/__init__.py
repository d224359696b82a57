"""A small forge: repositories over Git's smart HTTP, merge requests, reviews, statuses, webhooks.

A program of its own that the bot reaches over HTTP like any forge: for trying Switchyard out, for
sites without a network, and for tests. Nothing here imports the bot's passes, and the bot knows of
it only `bot/forges/local.py`.
"""
