"""The table of what `make bench` promises: a row for each measure, with its goal.

Every full run is appended to `history.jsonl` beside this file.
"""

import json
import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bot.clock import system_clock

HISTORY = Path(__file__).with_name("history.jsonl")


@dataclass(frozen=True, slots=True)
class Row:
    """A measure: `value` must not exceed `most`, both in the same unit."""

    measure: str
    value: float
    most: float
    unit: str

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.most


def show(rows: Iterable[Row]) -> None:
    """Print rows, with the machine that measured them."""
    print(f"\n{machine()}")
    for row in rows:
        mark = "met" if row.is_met else "MISSED"
        print(f"{row.measure:<60} {row.value:>8.2f} {row.unit:<6} goal {row.most:g}  {mark}")


def keep(rows: Iterable[Row]) -> None:
    """Append a run to the history."""
    values = {row.measure: [round(row.value, 3), row.unit] for row in rows}
    run = {"at": system_clock().isoformat(timespec="seconds"), "on": machine(), "rows": values}
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run, ensure_ascii=False) + "\n")


def machine() -> str:
    """What the machine is: no name of a host."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
