"""Placement alone: how long for a hundred components on fleets of any size, and how it grows."""

import time
from dataclasses import dataclass, replace

from bench.fleets import to_place
from bench.placement import EVALUATOR, NANO
from bench.table import Row
from planners.model import AnyOf, Cluster, ClusterCount, PlacementIntent, Price, Target
from planners.model.requests import WorkloadClasses, WorkloadRequests, WorkloadTable
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.optimizer.repair import place_all

SIZES = (100, 1_000, 10_000)
COMPONENTS = tuple(f"part-{number:03}" for number in range(100))
GIB = 2**30 * NANO
EVERYWHERE = PlacementIntent(COMPONENTS, all_of=(Selector(),))
BEST = PlacementIntent(
    COMPONENTS,
    any_of=AnyOf((Selector({"tier": "edge"}),), ClusterCount(10, 10)),
    prefer={"cost": 40, "carbon": 20, "latency": 10},
)
INTENTS = {"allOf": EVERYWHERE, "anyOf": BEST}


@dataclass(frozen=True, slots=True)
class Problem:
    """A fleet, an application on it, and what its components request there."""

    snapshot: Snapshot
    workloads: WorkloadTable

    @classmethod
    def of(cls, size: int, intent: PlacementIntent) -> "Problem":
        """So many clusters, which all differ in price and carbon intensity."""
        clusters = tuple(_cluster(number) for number in range(size))
        snapshot = to_place(COMPONENTS, [intent], clusters)
        rows = {each.name: row for row, each in enumerate(clusters)}
        return cls(
            snapshot, WorkloadTable(rows, {name: _requests(name, size) for name in COMPONENTS})
        )

    def seconds(self) -> float:
        """CPU time of one placement, from a cold start."""
        fresh = replace(self.snapshot)
        start = time.process_time()
        placement = place_all(fresh, self.workloads, EVALUATOR)
        seconds = time.process_time() - start
        assert not placement.problems, placement.problems[:3]
        return seconds


def _cluster(number: int) -> Cluster:
    labels = {"region": f"r{number % 7}", "tier": ("edge", "core")[number % 2]}
    return Cluster(
        f"c{number:05}",
        "flux",
        labels,
        capacity={"cpu": 64 * NANO, "memory": 256 * GIB, "pods": 1000 * NANO},
        price=Price(0.02 + number % 997 / 10_000, 0.002),
        carbon=float(number % 601),
    )


def _requests(name: str, size: int) -> WorkloadClasses:
    """Five variants of each component."""
    variants = [
        (
            WorkloadRequests(
                Target("Deployment", name),
                n + 1,
                {"cpu": NANO // 10, "memory": GIB // 8, "pods": NANO},
            ),
        )
        for n in range(5)
    ]
    return WorkloadClasses([row % 5 for row in range(size)], variants)


def run() -> list[Row]:
    """Measure, print and return the rows of the largest fleet."""
    print(f"\nPlacement alone, {len(COMPONENTS)} components, seconds of CPU")
    print(f"{'clusters':>10}" + "".join(f"{kind:>9}" for kind in INTENTS))
    found = {
        size: [Problem.of(size, each).seconds() for each in INTENTS.values()] for size in SIZES
    }
    for size, seconds in found.items():
        print(f"{size:>10}" + "".join(f"{each:>9.2f}" for each in seconds))
    name = f"placement alone, {SIZES[-1]:,} clusters x {len(COMPONENTS)} components"
    return [
        Row(f"{name}, {kind}", large, 1, "s", growth=large / small)
        for kind, small, large in zip(INTENTS, found[SIZES[0]], found[SIZES[-1]], strict=True)
    ]
