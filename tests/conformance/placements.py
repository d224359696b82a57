"""Requests for clusters, as filters and scores meet them: anything may be known or unknown."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from hypothesis import Phase
from hypothesis import strategies as st

from planners.model import (
    Affinity,
    Application,
    Cluster,
    Component,
    Dependency,
    ExceptionRule,
    Location,
    Maintenance,
    PlacementIntent,
    Price,
    Taint,
    TaintEffect,
    Tenant,
    Toleration,
    Unit,
    UserPlace,
)
from planners.model.fleet_files import FleetFiles
from planners.model.selectors import LabelRequirement, Selector
from planners.model.snapshot import DeployBase, ReportedFacts, ResourceClaim, Snapshot
from planners.placement.allocation import Allocation
from planners.placement.filters import Request
from planners.placement.request_table import RequestTable
from tests.fakes.builders import NOW, component, snapshot
from tests.fakes.examples import examples

KEYS = ("region", "tier", "owner")
VALUES = ("eu", "us", "edge")
COMPONENTS = ("cart", "redis")
CLUSTERS = ("c1", "c2", "c3")
RESOURCES = ("cpu", "memory", "pods", "nvidia.com/gpu")

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
amounts = st.dictionaries(st.sampled_from(RESOURCES), st.integers(0, 10**12))
prices = st.builds(Price, st.floats(0, 10), st.floats(0, 10))
degrees = st.floats(-90, 90)
places = st.builds(UserPlace, st.sampled_from(VALUES), degrees, degrees, st.integers(1, 9))
requirements = st.one_of(
    st.builds(
        LabelRequirement,
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn")),
        st.tuples(st.sampled_from(VALUES)),
    ),
    st.builds(LabelRequirement, st.sampled_from(KEYS), st.sampled_from(("Exists", "DoesNotExist"))),
)
selectors = st.builds(
    Selector,
    labels,
    st.lists(requirements, max_size=2).map(tuple),
    st.lists(st.sampled_from(CLUSTERS), max_size=2).map(tuple),
    st.none() | st.builds(Selector, labels),
)
taints = st.builds(
    Taint, st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(TaintEffect)
)
tolerations = st.builds(
    Toleration,
    st.sampled_from(("", *KEYS)),
    st.sampled_from(("Equal", "Exists")),
    st.sampled_from(("", *VALUES)),
    st.sampled_from(("", *TaintEffect)),
)
affinities = st.builds(
    Affinity,
    st.just("redis"),
    st.sampled_from((None, "storefront", "bank")),
    st.sampled_from((None, *KEYS)),
    st.booleans(),
    st.booleans(),
)
reports = st.builds(
    ReportedFacts,
    st.integers(0, 3600).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    amounts,
    st.none() | prices,
    st.none() | st.floats(0, 2000),
    st.dictionaries(st.sampled_from(VALUES), st.floats(0, 1000)),
    st.dictionaries(st.sampled_from(VALUES), st.floats(0, 100)),
)
claims = st.builds(
    ResourceClaim,
    st.sampled_from(("storefront", "bank")),
    st.sampled_from(COMPONENTS),
    st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=2, unique=True).map(tuple),
    amounts,
    st.sampled_from((None, NOW - timedelta(minutes=5))),
    st.integers(1, 9),
)


def clusters(name: str) -> st.SearchStrategy[Cluster]:
    return st.builds(
        Cluster,
        st.just(name),
        st.just("flux"),
        labels,
        taints=st.lists(taints, max_size=2).map(tuple),
        capabilities=st.frozensets(st.sampled_from(VALUES)),
        capacity=amounts,
        allocated=amounts,
        location=st.none() | st.builds(Location, degrees, degrees),
        price=st.none() | prices,
        carbon=st.none() | st.floats(0, 2000),
        maintenance=st.sampled_from(Maintenance),
    )


intents = st.builds(
    PlacementIntent,
    st.just(("cart",)),
    excluded=st.none() | selectors,
    tolerations=st.lists(tolerations, max_size=2).map(tuple),
    requires=st.lists(st.sampled_from(VALUES), unique=True).map(sorted).map(tuple),
    users=st.lists(places, max_size=2).map(tuple),
    max_distance=st.none() | st.floats(0, 20_000),
    max_latency=st.none() | st.floats(0, 500),
    affinity=st.lists(affinities, max_size=2).map(tuple),
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A fleet of three clusters, some of whose facts were reported and claimed."""
    needs = (Dependency("redis"),) if draw(st.booleans()) else ()
    parts: tuple[Component, ...] = (component("cart", *needs), component("redis"))
    rules = st.builds(
        ExceptionRule,
        st.just(("cart",)),
        st.just("a fair"),
        st.lists(st.sampled_from(CLUSTERS), max_size=1).map(tuple),
        st.lists(st.sampled_from(CLUSTERS), max_size=1).map(tuple),
    )
    app = Application(
        "storefront",
        "shop",
        parts,
        (draw(intents),),
        exceptions=tuple(draw(st.lists(rules, max_size=1))),
    )
    start = snapshot(app, tuple(draw(clusters(name)) for name in CLUSTERS))
    running = draw(st.sets(st.sampled_from(CLUSTERS)))
    entries = FleetFiles.of({Unit("cart", name): {} for name in running})
    return replace(
        start,
        tenant=Tenant("shop", "shop", clusters=draw(selectors)),
        base=DeployBase(start.base.revision, entries),
        facts=draw(st.dictionaries(st.sampled_from(CLUSTERS), reports)),
        claims=tuple(draw(st.lists(claims, max_size=3))),
    )


@dataclass(frozen=True)
class Case:
    """The component `cart` in search of clusters while `redis` is on those of `redis`."""

    snapshot: Snapshot
    redis: Mapping[str, Mapping[str, int]]
    selectors: tuple[Selector, ...]
    requests: Mapping[str, Mapping[str, int]]
    choosing: bool
    jointly: bool

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        return self.snapshot.clusters

    def request(self, *newcomers: Cluster) -> Request:
        """The request, made anew; clusters may have joined."""
        start = replace(self.snapshot, clusters=(*self.clusters, *newcomers))
        allocation = Allocation(start, {})
        for name, requested in self.redis.items():
            allocation.assign(Unit("redis", name), requested)
        return Request(
            component=start.application.components[0],
            selectors=self.selectors,
            tenant=start.tenant,
            intent=start.application.placements[0],
            allocation=allocation,
            requests=RequestTable.of(allocation.columns, self.requests),
            choosing=self.choosing,
            jointly=self.jointly,
        )


cases = st.builds(
    Case,
    snapshots(),
    st.dictionaries(st.sampled_from(CLUSTERS), amounts),
    st.lists(selectors, min_size=1, max_size=2).map(tuple),
    st.fixed_dictionaries(dict.fromkeys(CLUSTERS, amounts)),
    st.booleans(),
    st.booleans(),
)
small = examples(5, phases=set(Phase) - {Phase.explain})
