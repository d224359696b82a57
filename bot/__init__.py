"""THE SHELL: everything that waits, fails or costs money.

It reads the world into a Snapshot (`gather`), has the core turn it into a Proposal, and performs
the effects (`apply`). Rules do not live here: a decision found in this package is a planner's.
"""
