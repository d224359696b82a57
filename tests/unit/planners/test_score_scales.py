"""Every score has the scale that the guide on choosing clusters states."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bot.engine import discovery
from planners.model import (
    AnyOf,
    Application,
    Cluster,
    ClusterCount,
    Component,
    ComponentSource,
    Location,
    PlacementIntent,
    Price,
    Target,
    Unit,
    UserPlace,
)
from planners.model.requests import WorkloadRequests
from planners.model.selectors import Selector
from planners.model.snapshot import ReportedFacts, ResourceClaim
from planners.placement.allocation import Allocation
from planners.placement.groups import placement_groups
from tests.fakes.builders import NOW, snapshot

CPU = 10**9
GIB = 2**30 * 10**9
HOME = Location(50.0, 14.0)
USERS = (UserPlace("near", 50.0, 14.0, 3), UserPlace("far", 50.0, 14.0, 1))


def points(
    name: str,
    cluster: Cluster,
    requests: Mapping[str, int] | None = None,
    facts: ReportedFacts | None = None,
    claims: tuple[ResourceClaim, ...] = (),
) -> float:
    """What a cluster scores for a component with these requests."""
    intent = PlacementIntent(("web",), any_of=AnyOf((Selector(),), ClusterCount(1, 1)), users=USERS)
    web = Component("web", ComponentSource("manifests", "web"))
    start = snapshot(Application("store", "shop", (web,), (intent,)), (cluster,))
    start = replace(start, facts={cluster.name: facts} if facts else {}, claims=claims)
    workload = WorkloadRequests(Target("Deployment", "web"), 1, requests or {})
    allocation = Allocation(start, {Unit("web", cluster.name): (workload,)})
    request = placement_groups(start)[0].request(allocation)
    score, _, subject = name.partition("/")
    return discovery.scores()[score].score(request, cluster, subject).value


@pytest.mark.parametrize(
    ("price", "cpus", "gibs", "value"),
    [
        (Price(0.0, 0.0), 1, 4, 100),
        (Price(0.03, 0.005), 1, 4, 50),  # 0.05 for a CPU with 4 GiB
        (Price(0.03, 0.005), 0, 0, 50),  # without requests it is priced as that
        (Price(0.03, 0.005), 6, 24, 50),  # however much of it
        (Price(0.05, 0.0), 1, 4, 50),
        (Price(0.05, 0.0), 2, 0, 50),
        (Price(0.0, 0.0125), 0, 4, 50),
        (Price(0.0, 0.0125), 1, 4, 50),
        (Price(0.06, 0.01), 1, 4, 33.33),
    ],
)
def test_cost_scores_50_at_5_cents_for_a_cpu_with_4_gib(
    price: Price, cpus: int, gibs: int, value: float
) -> None:
    cluster = Cluster("one", "flux", price=price)

    assert points("cost", cluster, {"cpu": cpus * CPU, "memory": gibs * GIB}) == value


@pytest.mark.parametrize(("carbon", "value"), [(0.0, 100), (300.0, 50), (900.0, 25)])
def test_carbon_scores_50_at_300_grams(carbon: float, value: float) -> None:
    assert points("carbon", Cluster("one", "flux", carbon=carbon)) == value


@pytest.mark.parametrize(
    ("near", "far", "value"), [(0.0, 0.0, 100), (50.0, 50.0, 50), (0.0, 200.0, 50)]
)
def test_latency_scores_50_at_a_weighted_average_of_50_ms(
    near: float, far: float, value: float
) -> None:
    facts = ReportedFacts(NOW, latency={"near": near, "far": far})

    assert points("latency", Cluster("one", "flux", location=HOME), facts=facts) == value


def test_headroom_scores_the_scarcer_share_that_is_left() -> None:
    cluster = Cluster("one", "flux", capacity={"cpu": 8 * CPU, "memory": 16 * GIB})

    assert points("headroom", cluster) == 100
    assert points("headroom", cluster, {"cpu": 4 * CPU, "memory": 4 * GIB}) == 50
    assert points("headroom", cluster, {"cpu": 2 * CPU, "memory": 12 * GIB}) == 25


def test_balance_scores_50_at_10_components() -> None:
    claims = tuple(ResourceClaim("bank", f"part-{n}", ("one",), {}, NOW) for n in range(10))

    assert points("balance", Cluster("one", "flux")) == 100
    assert points("balance", Cluster("one", "flux"), claims=claims) == 50


def test_a_reported_score_counts_as_it_is() -> None:
    facts = ReportedFacts(NOW, scores={"queue": 37.5})

    assert points("reported/queue", Cluster("one", "flux"), facts=facts) == 37.5
