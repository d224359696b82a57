"""The HTTP server: webhooks and reports in, pages and JSON out, sign-in and set-up.

Requests are verified, stored and answered; `bot/worker` does the work. Nothing here changes
anything on a forge.
"""
