"""The HTTP side: webhooks and reports in, pages and JSON out, sign-in and set-up.

Requests are verified, stored and answered; all work is done by `bot/worker`. Nothing here calls a
forge to change anything.
"""
