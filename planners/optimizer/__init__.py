"""`strategy: optimal`: all components of an application placed at once, by a solver.

`optimize` states the problem and reads the answer; `problem` and `solver` are the values between.
The solver itself is the shell's: nothing here imports one.
"""
