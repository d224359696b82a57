"""The work behind the requests: which keys are due, and the pass for each.

`dispatch` turns stored webhooks into keys, `scheduler` makes them due by the clock, `worker` claims
them, `reconcile` is the pass. Every rule is in a planner; here are only the steps.
"""
