"""What is stored, as samples of metrics: read when somebody asks for them, at most every so often.

Every replica finds the same in the database. Applications that left the fleet do not count.
"""

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from threading import Lock

from bot.context import Context
from bot.engine.results import Results
from bot.forges import Forge
from bot.metrics import Sample
from bot.metrics import catalogue as metrics
from bot.report.model import (
    APPLICATION_CLUSTERS,
    FLEETS,
    PROGRESS,
    UNIT_STATES,
    ApplicationClustersView,
    ClusterUnitsView,
    FleetView,
    ProgressView,
    UnitState,
)
from bot.store import StoreError

FRESH_SECONDS = 30.0
EMPTY = FleetView("")


@dataclass(slots=True)
class ServiceState:
    """Reads the samples; those of the database at most every half a minute, whoever asks."""

    context: Context
    problems: Callable[[], Iterable[str]]
    seconds: Callable[[], float]
    _lock: Lock = field(default_factory=Lock)
    _kept: list[Sample] = field(default_factory=list)
    _read_at: float = float("-inf")

    def __call__(self) -> Iterator[Sample]:
        """All samples; without those of the database while it is away."""
        labels = {"version": version("switchyard"), "python": platform.python_version()}
        yield Sample(metrics.BUILD, 1, labels)
        yield Sample(metrics.READY, float(not list(self.problems())))
        for forge in self.context.forges.values():
            yield from _of_forge(forge)
        yield from _of_results(self.context.results)
        yield from self._stored()

    def _stored(self) -> list[Sample]:
        with self._lock:
            if self.seconds() - self._read_at >= FRESH_SECONDS:
                try:
                    self._kept = list(_of_store(self.context))
                except StoreError:
                    self._kept = []
                self._read_at = self.seconds()
            return self._kept


def _of_forge(forge: Forge) -> Iterator[Sample]:
    counts = forge.request_counts
    for outcome in metrics.FORGE_REQUESTS.labels["outcome"]:
        labels = {"forge": forge.name, "outcome": outcome}
        yield Sample(metrics.FORGE_REQUESTS, counts.outcomes[outcome], labels)
    for resource, each in sorted(counts.allowances.items()):
        labels = {"forge": forge.name, "resource": resource}
        yield Sample(metrics.FORGE_REMAINING, each.remaining, labels)
        yield Sample(metrics.FORGE_LIMIT, each.limit, labels)


def _of_results(results: Results) -> Iterator[Sample]:
    found: Counter[tuple[str, str]] = Counter()
    for (kind, hit), count in results.lookups().items():
        found["plan" if kind == "plan" else "other", "hit" if hit else "miss"] += count
    for kind in metrics.RESULTS.labels["kind"]:
        for outcome in metrics.RESULTS.labels["outcome"]:
            labels = {"kind": kind, "outcome": outcome}
            yield Sample(metrics.RESULTS, found[kind, outcome], labels)
    yield Sample(metrics.RESULT_BYTES, results.size)


def _of_store(context: Context) -> Iterator[Sample]:
    store, now = context.store, context.clock()
    yield Sample(metrics.INBOX, store.inbox.count_pending())
    depth = store.queue.depth(now)
    for state in metrics.KEYS.labels["state"]:
        yield Sample(metrics.KEYS, depth.keys.get(state, 0), {"state": state})
    yield Sample(metrics.OLDEST, _age(depth.oldest, now))
    fleet = store.views.load(FLEETS, "") or EMPTY
    progress = store.views.load_each(PROGRESS, fleet.applications)
    yield from _of_rollouts(progress.values(), now)
    placed = store.views.load_each(APPLICATION_CLUSTERS, fleet.applications)
    yield from _of_clusters(fleet, placed.values(), now)


def _age(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since is not None else 0.0


def _of_rollouts(progress: Iterable[ProgressView], now: datetime) -> Iterator[Sample]:
    states: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    oldest: dict[str, datetime] = {}
    for each in progress:
        states[each.state] += 1
        for name, wait in each.waits.items():
            gate = metrics.label(name)
            counts[gate] += wait.count
            oldest[gate] = min(oldest.get(gate, wait.since), wait.since)
    for state in metrics.ROLLOUTS.labels["state"]:
        yield Sample(metrics.ROLLOUTS, states[state], {"state": state})
    for gate in metrics.GATES:
        yield Sample(metrics.WAITS, counts[gate], {"gate": gate})
        yield Sample(metrics.WAIT_OLDEST, _age(oldest.get(gate), now), {"gate": gate})


def _of_clusters(
    fleet: FleetView, placed: Iterable[ApplicationClustersView], now: datetime
) -> Iterator[Sample]:
    """Each cluster counts once, by the worst of what any application has there."""
    known = {each.name for each in fleet.clusters}
    states: dict[str, set[UnitState]] = {}
    heard: dict[str, bool] = {}
    for application in placed:
        for name, units in application.clusters.items():
            if name in known:
                states.setdefault(name, set()).update(_present(units.totals))
                heard[name] = heard.get(name, False) or _is_heard(units, now)
    worst = Counter(
        next((state for state in UNIT_STATES if state in states.get(name, set())), "EMPTY").lower()
        for name in known
    )
    for readiness in metrics.CLUSTERS.labels["readiness"]:
        yield Sample(metrics.CLUSTERS, worst[readiness], {"readiness": readiness})
    yield Sample(metrics.SILENT, sum(not each for each in heard.values()))


def _present(totals: Mapping[UnitState, int]) -> set[UnitState]:
    return {state for state, count in totals.items() if count}


def _is_heard(units: ClusterUnitsView, now: datetime) -> bool:
    """Whether a report is young enough; what is not merged yet has none, and needs none."""
    if _present(units.totals) <= {"UNMERGED"}:
        return True
    return units.at is not None and now - units.at <= units.report_max_age
