"""Simulates the whole service under faults: `python -m tests.simulation --seed N` runs one world.

A world has the bot's own web application, workers, core and store on an event loop with virtual
time, an in-memory forge with Git, clusters and people. Everything that a real site leaves to chance
is drawn from the seed: delays, the order of events, crashes, broken answers, lost webhooks, what
people do. So a seed is a world that can be run again, exactly.

`loop` is time and processes, `faults` draws, `site` is the forge, `service` the bot, `clusters` and
`people` act, `laws` are what must hold at every change, `world` brings them together, `shrink`
makes a failing world smaller, `mutations` are known defects that the laws must find.
"""
