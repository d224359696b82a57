"""Plays random series of signals against the rules: `python -m tests.properties.rules --seed N`.

A seed decides rule, fleet, what the signals are, what of them arrives and when, what people do, and
what fails: lost databases, replicas that stall or know old states, clusters that fall silent, a
service that hears nobody. `draw` draws all that, `world` is one pass after the other with a light
model of plan and forge, `whole` the same with the real ones, `play` acts in both, `laws` are what
must hold after every pass, `mutations` are known defects that they must find.
"""
