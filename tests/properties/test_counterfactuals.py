"""What `explain` asks for suffices: applied to the fleet, the cluster is chosen."""

import random
from dataclasses import replace

import pytest

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
from planners.placement.place import Evaluator, PlacementDecision
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
