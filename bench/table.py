"""The table of what `make bench` promises: a row for each measure, with its goal.

Every run of the table is appended to `history.jsonl` beside this file.
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
    """A measure: `value` must not exceed `goal`, or reach it with `at_least`; in the same unit.

    `growth` is how many times more is taken by a hundred times the clusters.
    """

    measure: str
    value: float
    goal: float
    unit: str
    at_least: bool = False
    growth: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.value >= self.goal if self.at_least else self.value <= self.goal


def show(rows: Iterable[Row]) -> None:
    """Print rows, with the machine that measured them and what it measured the last time."""
    before = _last()
    print(f"\n{machine()}\n{'measure':<60} {'before':>8} {'now':>8} {'':<6} goal")
    for row in rows:
        mark = "met" if row.is_met else "MISSED"
        last = f"{before[row.measure]:.2f}" if row.measure in before else "-"
        sign = ">=" if row.at_least else "<="
        growth = f"x{row.growth:.0f} for x100" if row.growth is not None else ""
        print(
            f"{row.measure:<60} {last:>8} {row.value:>8.2f} {row.unit:<6} {sign} {row.goal:g} "
            f"{mark}  {growth}".rstrip()
        )


def keep(rows: Iterable[Row]) -> None:
    """Append a run to the history."""
    values = {row.measure: [round(row.value, 3), row.unit] for row in rows}
    run = {"at": system_clock().isoformat(timespec="seconds"), "on": machine(), "rows": values}
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps(run, ensure_ascii=False) + "\n")


def _last() -> dict[str, float]:
    """The newest value of each measure in the history, from machines like this one."""
    found: dict[str, float] = {}
    for line in HISTORY.read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        if run["on"] == machine():
            found |= {measure: value for measure, (value, _) in run["rows"].items()}
    return found


def machine() -> str:
    """What the machine is: no name of a host."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
