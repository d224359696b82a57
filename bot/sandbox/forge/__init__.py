"""A small forge: repositories over Git's smart HTTP, merge requests, reviews, statuses, webhooks.

A separate program, used by the bot over HTTP like any forge: for evaluation, air-gapped sites and
tests. Nothing here imports the service; the service's client is `bot.forges.local`.
"""
