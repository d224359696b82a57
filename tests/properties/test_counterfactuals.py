"""What `explain` asks for suffices: applied to the fleet, the cluster is chosen."""

import random
from dataclasses import replace

import pytest

from bench import placement as bench
from bot.engine import discovery
from bot.wording.explanation import remedies
from planners.model import (
    AnyOf,
    Application,
    Cluster,
    ClusterCount,
    Component,
    ComponentSource,
    PlacementIntent,
    Price,
    Taint,
    TaintEffect,
    Target,
    Unit,
)
from planners.model.requests import WorkloadRequests
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from planners.placement.evaluate import Evaluator
from planners.placement.trace import PlacementDecision
from planners.plan import Plan, plan
from tests.fakes.builders import snapshot

NANO = 10**9
TAINT = Taint("dedicated", "ml", TaintEffect.NO_SCHEDULE)
EVALUATOR = Evaluator.of(
    tuple(discovery.filters().values()), tuple(discovery.scores().values()), thorough=True
)


def world(seed: int) -> Snapshot:
    """Up to 6 clusters, some unsuitable in several ways; web takes 1 or 2 with a GPU."""
    draw = random.Random(seed)
    fleet = tuple(
        Cluster(
            f"c{number}",
            "flux",
            {"tier": draw.choice(("edge", "edge", "core"))},
            taints=(TAINT,) if draw.random() < 0.3 else (),
            capabilities=frozenset({"gpu"} if draw.random() < 0.7 else ()),
            capacity={"cpu": draw.choice((1, 4, 4)) * NANO},
            price=Price(draw.choice((0.01, 0.05, draw.randint(1, 20) / 100))),
        )
        for number in range(draw.randint(2, 6))
    )
    intent = PlacementIntent(
        ("web",),
        any_of=AnyOf((Selector({"tier": "edge"}),), ClusterCount(1, draw.randint(1, 2))),
        requires=("gpu",),
        prefer={"cost": 1},
    )
    web = Component("web", ComponentSource("manifests", "web"))
    return snapshot(Application("store", "shop", (web,), (intent,)), fleet)


def planned(start: Snapshot) -> Plan:
    requests = (WorkloadRequests(Target("Deployment", "web"), 1, {"cpu": 2 * NANO}),)
    return plan(start, EVALUATOR, {Unit("web", each.name): requests for each in start.clusters})


def applied(cluster: Cluster, decision: PlacementDecision) -> Cluster:
    """The cluster with everything changed that `explain` asks for, and nothing else."""
    for each in remedies(decision):
        if each.endswith("(labels)"):
            cluster = replace(cluster, labels={"tier": "edge"})
        elif each.endswith("(taints)"):
            cluster = replace(cluster, taints=())
        elif each.endswith("(capabilities)"):
            cluster = replace(cluster, capabilities=frozenset({"gpu"}))
        elif each.endswith("(capacity)"):
            cluster = replace(cluster, capacity={"cpu": 2 * NANO})
        else:
            assert each.startswith("more than "), each
            cluster = replace(cluster, price=Price(0.0))
    return cluster


@pytest.mark.parametrize("seed", range(60))
def test_what_would_have_to_change_suffices_and_is_needed(seed: int) -> None:
    start = world(seed)
    made = planned(start)
    if made.problems:
        return
    for decision in made.trace:
        if decision.chosen:
            continue
        name = decision.unit.cluster
        asked = remedies(decision)
        assert asked
        changed = tuple(
            applied(each, decision) if each.name == name else each for each in start.clusters
        )
        assert decision.unit in planned(replace(start, clusters=changed)).units, asked


def crowded(seed: int) -> tuple[bench.World, Plan]:
    """A world of several components with affinities, spreads, taints and capabilities; its plan."""
    draw = random.Random(seed)
    drawn = bench.world(seed)
    fleet = tuple(
        replace(
            each,
            taints=(TAINT,) if draw.random() < 0.2 else (),
            capabilities=frozenset({"gpu"} if draw.random() < 0.7 else ()),
            capacity={"cpu": each.capacity["cpu"] * draw.choice((2, 4))},
        )
        for each in drawn.clusters
    )
    made = replace(drawn, clusters=fleet)
    return made, crowded_plan(made, seed)


def crowded_plan(made: bench.World, seed: int) -> Plan:
    """Its plan; some of its components require a GPU."""
    start, draw = made.snapshot, random.Random(seed)
    intents = tuple(
        replace(each, requires=("gpu",) if draw.random() < 0.3 else ())
        for each in start.application.placements
    )
    start = replace(start, application=replace(start.application, placements=intents))
    return plan(start, EVALUATOR, made.workloads)


def upgraded(cluster: Cluster, decision: PlacementDecision, region: str | None) -> Cluster:
    """The cluster with every change of its own that `explain` asks for."""
    for each in remedies(decision):
        if each.endswith("(labels)"):
            assert region is not None
            cluster = replace(cluster, labels={"region": region})
        elif each.endswith("(taints)"):
            cluster = replace(cluster, taints=())
        elif each.endswith("(capabilities)"):
            cluster = replace(cluster, capabilities=frozenset({"gpu"}))
        elif each.endswith("(capacity)"):
            needed, _, seen = each.partition(" instead of ")
            lacking = int(needed.split()[1]) - int(seen.split()[1])
            cluster = replace(cluster, capacity={"cpu": cluster.capacity["cpu"] + lacking * NANO})
        elif each.startswith("more than "):
            cluster = replace(cluster, price=Price(0.0))
    return cluster


def names_others(remedy: str) -> bool:
    """Whether it is about the placement of other components, or on other clusters."""
    return remedy.startswith(("that it also fits ", "another placement ")) or remedy.endswith(
        ("(affinity)", "(spread)")
    )


@pytest.mark.parametrize("seed", range(40))
def test_with_several_components_it_suffices_or_says_what_else_decides(seed: int) -> None:
    made, first = crowded(seed)
    regions = {each.name: each.region for each in made.parts}
    for decision in () if first.problems else first.trace:
        asked = remedies(decision)
        if decision.chosen or any(map(names_others, asked)):
            continue
        unit = decision.unit
        changed = tuple(
            upgraded(each, decision, regions[unit.component]) if each.name == unit.cluster else each
            for each in made.clusters
        )
        assert asked
        assert unit in crowded_plan(replace(made, clusters=changed), seed).units, asked


def test_most_explanations_of_roomy_worlds_name_no_others() -> None:
    alone = [each for seed in range(60) for each in planned(world(seed)).trace if not each.chosen]
    assert not any(names_others(remedy) for each in alone for remedy in remedies(each))

    crowds = [each for seed in range(40) for each in crowded(seed)[1].trace if not each.chosen]
    silent = [each for each in crowds if not any(map(names_others, remedies(each)))]
    assert len(silent) > len(crowds) / 10


def test_a_dearer_cluster_with_a_taint_needs_a_toleration_and_points() -> None:
    edge = {"tier": "edge"}
    gpu = frozenset({"gpu"})
    fleet = (
        Cluster("cheap", "flux", edge, capabilities=gpu, price=Price(0.01)),
        Cluster("dear", "flux", edge, capabilities=gpu, price=Price(0.05), taints=(TAINT,)),
    )
    start = world(0)
    intent = replace(
        start.application.placements[0], any_of=AnyOf((Selector(),), ClusterCount(1, 1))
    )
    made = planned(
        replace(start, clusters=fleet, application=replace(start.application, placements=(intent,)))
    )

    dear = next(each for each in made.trace if each.unit.cluster == "dear")
    assert remedies(dear) == [
        f"a toleration for {TAINT} instead of taint {TAINT} (taints)",
        "more than 83.33 points, the score of the last chosen cluster, instead of 50",
    ]
