"""What people are told without asking: the plan comment, notifications, and the views of the pages.

The words are in `bot/wording`; here is what is told where and when. Nothing here decides.
"""
