"""What the page of one cluster shows besides what runs there: from the fleet repo, and claims.

Kept apart from the list of clusters, which every page of the fleet reads. Quantities are in
nano-units by Kubernetes resource name.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.store import keys
from bot.store.views import ViewKind
from planners.model import Cluster, Fleet, Price
from planners.model.snapshot import ResourceClaim


@dataclass(frozen=True, slots=True)
class ClusterDetailsView:
    """A cluster as the fleet repo describes it; None or an absent key means unknown."""

    kubernetes: str = ""
    nodes: int | None = None
    capacity: Mapping[str, int] = field(default_factory=dict)
    allocated: Mapping[str, int] = field(default_factory=dict)
    price: Price | None = None
    carbon: float | None = None
    taints: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    timezone: str = ""


@dataclass(frozen=True, slots=True)
class FleetDetailsView:
    """The details of every cluster, by name."""

    clusters: dict[str, ClusterDetailsView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ClaimsView:
    """What an application's units request, merged or proposed, by cluster."""

    clusters: dict[str, dict[str, int]] = field(default_factory=dict)


FLEET_DETAILS = ViewKind(keys.FLEET_DETAILS, FleetDetailsView, shared=True)
CLAIMS = ViewKind(keys.CLAIMS, ClaimsView, shared=True)


def fleet_details(fleet: Fleet) -> FleetDetailsView:
    """The details of the clusters of the fleet repo."""
    return FleetDetailsView({each.name: _details(each) for each in fleet.clusters})


def _details(cluster: Cluster) -> ClusterDetailsView:
    return ClusterDetailsView(
        kubernetes=cluster.kubernetes or "",
        nodes=cluster.nodes,
        capacity=cluster.capacity,
        allocated=cluster.allocated,
        price=cluster.price,
        carbon=cluster.carbon,
        taints=tuple(str(each) for each in cluster.taints),
        capabilities=tuple(sorted(cluster.capabilities)),
        timezone=cluster.timezone,
    )


def claims_view(application: str, claims: Iterable[ResourceClaim]) -> ClaimsView:
    """What an application claims; of a unit that is merged and proposed the larger claim counts."""
    units: dict[tuple[str, str], dict[str, int]] = {}
    for each in claims:
        for cluster in each.clusters if each.application == application else ():
            found = units.setdefault((cluster, each.component), {})
            for name, value in each.requests.items():
                found[name] = max(value, found.get(name, 0))
    clusters: dict[str, dict[str, int]] = {}
    for (cluster, _), requests in sorted(units.items()):
        total = clusters.setdefault(cluster, {})
        for name, value in requests.items():
            total[name] = total.get(name, 0) + value
    return ClaimsView(clusters)
