"""`python -m bench` prints the table of what is measured in a few minutes; `all` the whole table.

`python -m bench NAME` measures one thing, and `NAME SIZE` one size of it, where it has sizes.
"""

import json
import sys
from collections.abc import Callable, Mapping

from bench import (
    bump,
    hooks,
    idle,
    latency,
    many,
    pages,
    placement,
    planning,
    reports,
    rollout,
    scale,
    table,
)

Measure = Callable[[], list[table.Row]]
Sized = Callable[[int], list[table.Row]]

QUICK: Mapping[str, Measure] = {
    "planning": planning.run,
    "placement": scale.run,
    "hooks": hooks.run,
    "reports": reports.run,
}
SLOW: Mapping[str, Measure] = {
    "optimum": placement.run,
    "latency": latency.run,
    "rollout": rollout.run,
    "many": many.run,
    "idle": idle.run,
    "bump": bump.run,
    "pages": pages.run,
}
SIZED: Mapping[str, Sized] = {
    "rollout": lambda size: rollout.run((size,)),
    "many": many.run,
    "bump": lambda size: bump.run((size,)),
}
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
            table.show(every[name]())
        case [name, size] if name in SIZED and size.isdecimal():
            table.show(SIZED[name](int(size)))
        case [name, size] if name == PLANNING:
            print(json.dumps(planning.measure(int(size))))
        case _:
            sys.exit(
                f"usage: python -m bench [all | {' | '.join(every)}], "
                f"or one of {', '.join(SIZED)} with a size"
            )


def _measure(measures: Mapping[str, Measure]) -> None:
    rows = [row for run in measures.values() for row in run()]
    table.show(rows)
    table.keep(rows)


if __name__ == "__main__":
    main()
