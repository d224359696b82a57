"""`strategy: optimal`: places all components of an application together, with a solver.

`optimize` builds the problem and applies the solution; `problem` and `solver` define the values in
between. No solver is imported here: the shell provides one (`bot.engine.highs`).
"""
