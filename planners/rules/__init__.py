"""Rules: when an application goes where, by itself; one state machine, and what follows from it.

Pure functions of states, series of samples and time. Holds no placement: what a rule decides is an
input of the plan.
"""
