"""Random worlds of placement, and an independent model of what is allowed and what is best.

The model shares no code with the planners: it tries every combination of clusters. Used by
`make bench`, and by the property test on a small sample.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from bench.fleets import to_place
from bench.table import Row
from bot.engine import discovery, highs
from planners.model import (
    Affinity,
    AnyOf,
    Cluster,
    ClusterCount,
    PlacementIntent,
    Price,
    SpreadRule,
    Target,
    Unit,
)
from planners.model.requests import WorkloadRequests
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.placement.evaluate import Evaluator
from planners.plan import Plan, plan

NANO = 10**9
HALF_PRICE = 0.05
WORLDS = 2_000
EVALUATOR = Evaluator.of(tuple(discovery.filters().values()), tuple(discovery.scores().values()))

Placed = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Part:
    """A component: its CPUs, how many clusters it takes, and its rules."""

    name: str
    cpus: int
    least: int
    most: int
    region: str | None
    skew: int | None = None
    domains: int = 1
    rules: tuple[Affinity, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """Clusters with CPUs, a region and a price each, and the components to place."""

    clusters: tuple[Cluster, ...]
    parts: tuple[Part, ...]

    @property
    def snapshot(self) -> Snapshot:
        """The world as the planners see it."""
        return to_place(
            [each.name for each in self.parts], list(map(_intent, self.parts)), self.clusters
        )

    @property
    def workloads(self) -> dict[Unit, tuple[WorkloadRequests, ...]]:
        """What each component requests on every cluster."""
        return {
            Unit(part.name, cluster.name): (
                WorkloadRequests(Target("Deployment", part.name), 1, {"cpu": part.cpus * NANO}),
            )
            for part in self.parts
            for cluster in self.clusters
        }

    def plan(self, *, optimal: bool = False) -> Plan:
        """The plan of the default strategy, or of `strategy: optimal`."""
        return plan(self.snapshot, EVALUATOR, self.workloads, highs.load() if optimal else None)


def _intent(part: Part) -> PlacementIntent:
    select = Selector({"region": part.region} if part.region else {})
    spread = (SpreadRule("region", part.skew, part.domains),) if part.skew else ()
    return PlacementIntent(
        (part.name,),
        any_of=AnyOf((select,), ClusterCount(part.least, part.most)),
        affinity=part.rules,
        spread=spread,
        prefer={"cost": 1},
    )


def world(seed: int) -> World:
    """A tight world: 4 to 7 clusters in up to three regions, 2 to 5 components with rules."""
    draw = random.Random(seed)
    regions = ("x", "y", "z")[: draw.randint(1, 3)]
    clusters = tuple(
        Cluster(
            f"c{number}",
            "flux",
            {"region": draw.choice(regions)},
            capacity={"cpu": draw.randint(2, 8) * NANO},
            price=Price(draw.randint(1, 20) / 100),
        )
        for number in range(draw.randint(4, 7))
    )
    names = [f"part-{number}" for number in range(draw.randint(2, 5))]
    parts = []
    for name in names:
        least = draw.choice((1, 1, 1, 2))
        spreads = draw.random() < 0.3
        others = [each for each in names if each != name]
        rules = tuple(
            Affinity(
                draw.choice(others),
                topology_key=draw.choice((None, "region")),
                apart=draw.random() < 0.6,
            )
            for _ in range(draw.choice((0, 0, 0, 0, 1, 1, 2)))
        )
        parts.append(
            Part(
                name,
                cpus=draw.randint(0, 4),
                least=least,
                most=least + draw.choice((0, 0, 1)),
                region=draw.choice((None, None, None, *regions)),
                skew=draw.randint(1, 2) if spreads else None,
                domains=draw.randint(1, 2) if spreads else 1,
                rules=rules,
            )
        )
    return World(clusters, tuple(parts))


@dataclass(slots=True)
class Model:
    """Every placement of a world that is allowed, by trying all combinations."""

    world: World
    best: tuple[int, float] | None = None
    tried: int = 0
    _regions: dict[str, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Index the regions, and search."""
        self._regions = {each.name: each.labels["region"] for each in self.world.clusters}
        self._search({}, {each.name: each.capacity["cpu"] // NANO for each in self.world.clusters})

    def _search(self, placed: dict[str, tuple[str, ...]], free: Mapping[str, int]) -> None:
        if len(placed) == len(self.world.parts):
            if not list(self.broken(placed)):
                found = self.worth(placed)
                self.best = found if self.best is None else max(self.best, found)
            return
        part = self.world.parts[len(placed)]
        for names in self._sets(part, free):
            left = {name: cpus - (part.cpus if name in names else 0) for name, cpus in free.items()}
            more = {**placed, part.name: names}
            if not any(self._too_near(more)):
                self._search(more, left)

    def _candidates(self, part: Part) -> list[str]:
        """The selected clusters with room for the component alone."""
        return [
            each.name
            for each in self.world.clusters
            if part.region in (None, each.labels["region"])
            and each.capacity["cpu"] >= part.cpus * NANO
        ]

    def _sets(self, part: Part, free: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
        names = [name for name in self._candidates(part) if free[name] >= part.cpus]
        for count in range(part.least, part.most + 1):
            for names_ in combinations(names, count):
                self.tried += 1
                if not list(self._uneven(part, names_)):
                    yield names_

    def worth(self, placed: Placed) -> tuple[int, float]:
        """The number of clusters, and the points by price."""
        prices = {each.name: each.price.cpu_hour for each in self.world.clusters if each.price}
        taken = [prices[name] for names in placed.values() for name in names]
        return len(taken), sum(100 * HALF_PRICE / (HALF_PRICE + price) for price in taken)

    def broken(self, placed: Placed) -> Iterator[str]:
        """Every rule that a placement breaks."""
        used: Counter[str] = Counter()
        for part in self.world.parts:
            names = placed.get(part.name, ())
            used.update(dict.fromkeys(names, part.cpus))
            if not part.least <= len(names) <= part.most:
                yield f"{part.name} has {len(names)} clusters"
            if not set(names) <= set(self._candidates(part)):
                yield f"{part.name} is on a cluster that is not selected"
            yield from self._uneven(part, names)
            yield from self._too_far(part, placed)
        yield from self._too_near(placed)
        for cluster in self.world.clusters:
            if used[cluster.name] * NANO > cluster.capacity["cpu"]:
                yield f"{cluster.name} is over its room"

    def _uneven(self, part: Part, names: tuple[str, ...]) -> Iterator[str]:
        if part.skew is None:
            return
        counts = Counter(dict.fromkeys((self._regions[e] for e in self._candidates(part)), 0))
        counts.update(self._regions[name] for name in names)
        if max(counts.values()) - min(counts.values()) > part.skew:
            yield f"{part.name} is spread unevenly"
        if sum(1 for count in counts.values() if count) < part.domains:
            yield f"{part.name} is in too few regions"

    def _place(self, rule: Affinity, cluster: str) -> str:
        return self._regions[cluster] if rule.topology_key else cluster

    def _too_far(self, part: Part, placed: Placed) -> Iterator[str]:
        for rule in part.rules:
            near = {self._place(rule, name) for name in placed.get(rule.component, ())}
            for name in placed.get(part.name, ()):
                if not rule.apart and self._place(rule, name) not in near:
                    yield f"{part.name} on {name} is not with {rule.component}"

    def _too_near(self, placed: Placed) -> Iterator[str]:
        for part in self.world.parts:
            for rule in part.rules:
                near = {self._place(rule, name) for name in placed.get(rule.component, ())}
                for name in placed.get(part.name, ()):
                    if rule.apart and self._place(rule, name) in near:
                        yield f"{part.name} on {name} is not apart from {rule.component}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One world: whether a placement exists and one was found, and how far it is from the best.

    `gap` is a share of the best points, for as many clusters; None if either has no placement.
    """

    seed: int
    exists: bool
    found: bool
    broken: tuple[str, ...] = ()
    fewer: bool = False
    gap: float | None = None


def judge(seed: int, *, optimal: bool = False) -> Verdict:
    """Plan one world and compare it with the model."""
    given = world(seed)
    model = Model(given)
    made = given.plan(optimal=optimal)
    if made.problems:
        return Verdict(seed, model.best is not None, found=False)
    placed: dict[str, tuple[str, ...]] = {}
    for unit in made.units:
        placed[unit.component] = (*placed.get(unit.component, ()), unit.cluster)
    broken = tuple(model.broken(placed))
    if broken or model.best is None:
        return Verdict(seed, model.best is not None, found=True, broken=broken)
    count, points = model.worth(placed)
    most, best = model.best
    gap = max(0.0, (best - points) / best) if count == most and best else 0.0
    return Verdict(seed, exists=True, found=True, fewer=count < most, gap=gap)


def run() -> list[Row]:
    """Print what the default strategy reaches, and return the rows."""
    start = time.process_time()
    verdicts = [judge(seed) for seed in range(WORLDS)]
    solvable = [each for each in verdicts if each.exists]
    found = [each for each in solvable if each.found]
    gaps = sorted(each.gap for each in found if each.gap is not None and not each.fewer)
    broken = sum(1 for each in verdicts if each.broken)
    print(f"\nPlacement of {WORLDS} random worlds, {len(solvable)} of which have an answer")
    print(f"solved: {len(found)} ({len(found) / len(solvable):.1%} of these)")
    print(f"answers that break a rule: {broken}")
    print(f"with fewer clusters than possible: {sum(1 for each in found if each.fewer)}")
    print(
        f"gap to the best: median {gaps[len(gaps) // 2]:.1%}, p95 {gaps[len(gaps) * 95 // 100]:.1%}"
    )
    print(f"largest gap: {gaps[-1]:.1%}; {time.process_time() - start:.0f} s of CPU")
    return [Row(f"placements of {WORLDS:,} random worlds that break a rule", broken, 0, "")]
