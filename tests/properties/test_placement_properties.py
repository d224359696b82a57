"""Laws of placement over random fleets, tenants, requests and intents."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.placement import judge
from bot.engine import discovery, highs
from planners.model import (
    AnyOf,
    Application,
    Cluster,
    ClusterCount,
    Component,
    ComponentSource,
    PlacementIntent,
    Price,
    SpreadRule,
    Target,
    Tenant,
    Unit,
)
from planners.model.fleet_files import FleetFiles
from planners.model.requests import WorkloadRequests
from planners.model.selectors import Selector
from planners.model.snapshot import DeployBase, ResourceClaim, Snapshot
from planners.placement.divide import divide
from planners.placement.evaluate import Evaluator
from planners.plan import Plan, plan
from tests.fakes.builders import snapshot
from tests.fakes.examples import examples

REGIONS = ("eu", "us", "ap")
NANO = 10**9
JUDGE = Evaluator.of(tuple(discovery.filters().values()), tuple(discovery.scores().values()))
SOLVER = highs.load()

World: TypeAlias = tuple[Snapshot, Mapping[str, int]]  # and the whole CPUs of each component


def workloads(
    snapshot: Snapshot, cpus: Mapping[str, int]
) -> dict[Unit, tuple[WorkloadRequests, ...]]:
    """What each component requests on every cluster: whole CPUs."""
    return {
        Unit(name, cluster.name): (
            WorkloadRequests(Target("Deployment", name), 1, {"cpu": count * NANO}),
        )
        for name, count in cpus.items()
        for cluster in snapshot.clusters
    }


@st.composite
def clusters(draw: st.DrawFn, name: str) -> Cluster:
    capacity = draw(st.integers(0, 8))
    return Cluster(
        name,
        "flux",
        {
            "region": draw(st.sampled_from(REGIONS)),
            "tier": draw(st.sampled_from(("edge", "core"))),
            "owner": draw(st.sampled_from(("shop", "shop", "bank"))),
        },
        capacity={"cpu": capacity * NANO},
        allocated={"cpu": draw(st.integers(0, capacity)) * NANO},
        price=Price(draw(st.integers(1, 20)) / 100, 0.0),
        carbon=float(draw(st.integers(0, 800))),
    )


@st.composite
def worlds(draw: st.DrawFn, spread: bool = True) -> World:
    """A fleet of 1 to 7 clusters, and 1 to 4 components that each choose some."""
    fleet = tuple(draw(clusters(f"c{number}")) for number in range(draw(st.integers(1, 7))))
    names = [f"part-{number}" for number in range(draw(st.integers(1, 4)))]
    intents = []
    for name in names:
        least = draw(st.integers(0, 2))
        rules = (SpreadRule("region", draw(st.integers(1, 2))),)
        intents.append(
            PlacementIntent(
                (name,),
                any_of=AnyOf(
                    (draw(st.sampled_from((Selector(), Selector({"tier": "edge"})))),),
                    ClusterCount(least, least + draw(st.integers(1, 2))),
                ),
                spread=rules if spread and draw(st.booleans()) else (),
                prefer={"cost": draw(st.integers(1, 3)), "carbon": draw(st.integers(0, 2))},
                move_threshold=draw(st.sampled_from((0, 10, 40))),
            )
        )
    parts = tuple(Component(name, ComponentSource("manifests", name)) for name in names)
    start = snapshot(Application("shop", "shop", parts, tuple(intents)), fleet)
    start = replace(start, tenant=Tenant("shop", "shop", clusters=Selector({"owner": "shop"})))
    return start, {name: draw(st.integers(0, 3)) for name in names}


def run(world: World, *, optimal: bool = False) -> Plan:
    start, cpus = world
    return plan(start, JUDGE, workloads(start, cpus), SOLVER if optimal else None)


def installed(world: World, made: Plan) -> World:
    """The world with the plan merged."""
    entries = FleetFiles.of({unit: {} for unit in made.units})
    base = DeployBase(world[0].base.revision, entries)
    claims = tuple(
        ResourceClaim("shop", part, (name,), {"cpu": world[1][part] * NANO}, world[0].now)
        for part, name in made.units
    )
    return replace(world[0], base=base, claims=claims), world[1]


def check_laws(world: World, made: Plan) -> None:
    """Room, tenant and spread, for every plan that is not refused."""
    start, requests = world
    used: dict[str, int] = {}
    for unit in made.units:
        used[unit.cluster] = used.get(unit.cluster, 0) + requests[unit.component] * NANO
    for cluster in start.clusters:
        free = cluster.capacity["cpu"] - cluster.allocated["cpu"]
        assert used.get(cluster.name, 0) <= free
        if used.get(cluster.name) is not None:
            assert cluster.labels["owner"] == "shop"
    for intent in start.application.placements:
        for rule in intent.spread:
            check_spread(start, made, intent, rule)


def check_spread(start: Snapshot, made: Plan, intent: PlacementIntent, rule: SpreadRule) -> None:
    assert intent.any_of is not None
    counts = {
        each.labels["region"]: 0
        for each in start.clusters
        if intent.any_of.select[0].matches(each) and each.labels["owner"] == "shop"
    }
    regions = {each.name: each.labels["region"] for each in start.clusters}
    chosen = [regions[u.cluster] for u in made.units if u.component == intent.components[0]]
    roomy = {
        regions[each.unit.cluster]
        for each in made.trace
        if each.unit.component == intent.components[0] and each.rank is not None
    }
    for region in chosen:
        counts[region] += 1
    could = [count for region, count in counts.items() if region in roomy]
    if chosen:
        assert max(could) - min(could) <= rule.max_skew


@given(worlds())
@examples(120)
def test_no_plan_exceeds_capacity_leaves_the_tenant_or_violates_a_spread(
    world: World,
) -> None:
    made = run(world)

    if not made.problems:
        check_laws(world, made)


@pytest.mark.parametrize("seed", range(40))
def test_the_default_strategy_finds_a_placement_wherever_one_exists(seed: int) -> None:
    """Compared with an independent model; `make bench` compares many more worlds."""
    verdict = judge(seed)

    assert verdict.broken == ()
    assert verdict.found is verdict.exists


@given(st.integers(0, 60), st.lists(st.integers(0, 9), min_size=1, max_size=6))
@examples(100)
def test_no_cluster_loses_a_replica_when_the_total_grows(total: int, numbers: list[int]) -> None:
    weights = {f"c{at}": number for at, number in enumerate(numbers)}
    if not any(numbers):
        return
    before, after = divide(total, weights, "shop/web"), divide(total + 1, weights, "shop/web")

    assert sum(before.values()) == total
    assert all(before[name] <= after[name] for name in weights)
    quotients = {name: 2 * before[name] + 1 for name in weights if weights[name]}
    for name, count in before.items():
        assert count == 0 or all(
            weights[name] * quotients[other] >= weights[other] * (2 * count - 1)
            for other in quotients
        ), "Webster: no exchange of a replica is fairer"


@given(
    st.integers(0, 40),
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), min_size=1, max_size=6),
)
@examples(100)
def test_a_division_keeps_what_runs_and_moves_the_difference(
    total: int, clusters: list[tuple[int, int]]
) -> None:
    room = {f"c{at}": size for at, (size, _) in enumerate(clusters)}
    running = {f"c{at}": min(size, count) for at, (size, count) in enumerate(clusters)}
    if sum(room.values()) < total:
        return

    shares = divide(total, room, "shop/web", room, running)

    assert sum(shares.values()) == total
    assert all(shares[name] <= room[name] for name in room)
    assert divide(total, room, "shop/web", room, shares) == shares
    if all(running.values()):
        change = [shares[name] - running[name] for name in room]
        assert min(change) >= 0 or max(change) <= 0


@given(worlds(), st.randoms())
@examples(100)
def test_placement_does_not_depend_on_any_order(world: World, shuffle: random.Random) -> None:
    start, requests = world
    fleet, parts = list(start.clusters), list(start.application.components)
    intents = list(start.application.placements)
    for each in (fleet, parts, intents):
        shuffle.shuffle(each)
    app = replace(start.application, components=tuple(parts), placements=tuple(intents))
    other = (replace(start, clusters=tuple(fleet), application=app), requests)

    assert run(other).units == run(world).units
    assert run(other).trace == run(world).trace
    assert run(other, optimal=True).units == run(world, optimal=True).units


@given(worlds(spread=False), clusters("new"))
@examples(120)
def test_a_new_cluster_moves_nothing_for_less_than_the_threshold(
    world: World, newcomer: Cluster
) -> None:
    before = run(world)
    if before.problems:
        return
    start, requests = installed(world, before)

    after = run((replace(start, clusters=(*start.clusters, newcomer)), requests))

    totals = {each.unit: each.total or 0.0 for each in after.trace}
    for unit in set(before.units) - set(after.units):
        arrived = Unit(unit.component, "new")
        assert arrived in after.units, "what moved went to the new cluster"
        assert totals[arrived] >= totals[unit], "the total of what runs has the threshold in it"


@given(worlds())
@examples(80)
def test_an_optimal_placement_is_never_worse_and_satisfies_all_laws(
    world: World,
) -> None:
    greedy, best = run(world), run(world, optimal=True)

    if not greedy.problems:
        assert not best.problems
        assert best.optimization is not None
        gained, assignments = best.optimization.gained_points, best.optimization.gained_clusters
        assert gained is not None
        assert assignments is not None
        assert (assignments, gained) >= (0, 0)
    if not best.problems:
        check_laws(world, best)
