"""The fleet as a table: each cluster with what runs there, how it fares and when it last spoke."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.report.summary_view import READINESS, UNMERGED

IDLE = "IDLE"
STATES = (*READINESS, IDLE)


@dataclass(frozen=True, slots=True)
class Run:
    """One application on one cluster; `revision` is the deploy repo's that it last spoke of."""

    application: str
    state: str
    counts: Mapping[str, int]
    revision: str
    at: datetime | None
    fresh: bool

    @property
    def merged(self) -> bool:
        """Whether anything of it is merged for the cluster, so that it can run there."""
        return self.state != UNMERGED


@dataclass(slots=True)
class Row:
    """One cluster. One that is not `listed` has left the fleet repo, and something runs there."""

    name: str
    agent: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    maintenance: str = "none"
    listed: bool = True
    runs: list[Run] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many components are in which state."""
        return {word: sum(run.counts.get(word, 0) for run in self.runs) for word in READINESS}

    @property
    def state(self) -> str:
        """The worst state of anything that runs there; UNMERGED where something only is to."""
        return worst(self.counts)

    @property
    def at(self) -> datetime | None:
        """When it last reported."""
        return max((run.at for run in self.runs if run.at), default=None)

    @property
    def silent(self) -> bool:
        """Whether it has spoken once, and no more for longer than policies allow."""
        return self.at is not None and not any(run.fresh for run in self.runs)

    @property
    def words(self) -> str:
        """What a search looks at."""
        labels = (f"{name}={value}" for name, value in self.labels.items())
        names = (run.application for run in self.runs)
        return " ".join((self.name, self.agent, self.maintenance, *labels, *names)).casefold()


def worst(counts: Mapping[str, int]) -> str:
    """The worst state that anything is in, UNMERGED only if all is; IDLE where there is nothing."""
    return next((word for word in READINESS if counts.get(word)), IDLE)


def fleet_rows(
    fleet: Mapping[str, Any], summaries: Iterable[Mapping[str, Any]], now: datetime
) -> list[Row]:
    """Every cluster that the fleet repo names or an application runs on, sorted by name."""
    rows = {each["name"]: Row(**each) for each in fleet["clusters"]}
    for summary in summaries:
        allowed = timedelta(seconds=summary.get("report_max_age", 0))
        for name, entry in summary["clusters"].items():
            row = rows.setdefault(name, Row(name, listed=not fleet["revision"]))
            row.runs.append(_run(summary["application"], entry, now - allowed))
    return [rows[name] for name in sorted(rows)]


def _run(application: str, entry: Mapping[str, Any], since: datetime) -> Run:
    at = datetime.fromisoformat(entry["at"]) if entry["at"] else None
    counts = entry["counts"]
    return Run(
        application, worst(counts), counts, entry["revision"], at, at is not None and at > since
    )


def selected(rows: Iterable[Row], text: str) -> list[Row]:
    """The rows in which every word of the text is found."""
    wanted = text.casefold().split()
    return [row for row in rows if not wanted or all(word in row.words for word in wanted)]


def by_state(rows: Sequence[Row]) -> dict[str, int]:
    """How many clusters are in which state."""
    states = [row.state for row in rows]
    return {state: states.count(state) for state in STATES}
