"""`python -m bench` prints the table of what is measured in a few minutes; `all` the whole table.

`python -m bench NAME` measures one thing, and `NAME SIZE` one size of it, where it has sizes.
"""

import json
import sys
from collections.abc import Callable, Iterable
from importlib import import_module

from bench import table

QUICK = {
    "planning": "planning",
    "placement": "scale",
    "hooks": "hooks",
    "reports": "reports",
}
SLOW = {
    "optimum": "placement",
    "latency": "latency",
    "rollout": "rollout",
    "many": "many",
    "idle": "idle",
    "bump": "bump",
    "pages": "pages",
}
"""The module of each measure, imported when it is measured: a planner process starts like this one,
and has nothing of the measurement in its memory.
"""
SIZED = ("rollout", "many", "bump")
PLANNING = "planning-json"
"""One planning in a process of its own, whose numbers are printed as JSON."""


def main() -> None:
    """Measure what is named, and print the table; a run of more than one thing is kept."""
    every = {**QUICK, **SLOW}
    match sys.argv[1:]:
        case []:
            _measure(QUICK)
        case ["all"]:
            _measure(every)
        case [name] if name in every:
            table.show(_run(name)())
        case [name, size] if name in SIZED and size.isdecimal():
            table.show(_run(name)((int(size),)))
        case [name, size] if name == PLANNING:
            print(json.dumps(import_module("bench.planning").measure(int(size))))
        case _:
            sys.exit(
                f"usage: python -m bench [all | {' | '.join(every)}], "
                f"or one of {', '.join(SIZED)} with a size"
            )


def _run(name: str) -> Callable[..., list[table.Row]]:
    run: Callable[..., list[table.Row]] = import_module(f"bench.{({**QUICK, **SLOW})[name]}").run
    return run


def _measure(names: Iterable[str]) -> None:
    rows = [row for name in names for row in _run(name)()]
    table.show(rows)
    table.keep(rows)


if __name__ == "__main__":
    main()
