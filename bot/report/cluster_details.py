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
    """What an application claims; of a unit that is merged and proposed the larger claim counts.

    It is added up once for all clusters on which the same is claimed.
    """
    mine = [each for each in claims if each.application == application]
    on_cluster: dict[str, list[int]] = {}
    for number, each in enumerate(mine):
        for cluster in each.clusters:
            on_cluster.setdefault(cluster, []).append(number)
    totals: dict[tuple[int, ...], dict[str, int]] = {}
    for numbers in set(map(tuple, on_cluster.values())):
        totals[numbers] = _total(mine[number] for number in numbers)
    return ClaimsView({name: totals[tuple(on_cluster[name])] for name in sorted(on_cluster)})


def _total(claims: Iterable[ResourceClaim]) -> dict[str, int]:
    """What is claimed on one cluster, by resource."""
    components: dict[str, dict[str, int]] = {}
    for each in claims:
        found = components.setdefault(each.component, {})
        for name, value in each.requests.items():
            found[name] = max(value, found.get(name, 0))
    total: dict[str, int] = {}
    for _, requests in sorted(components.items()):
        for name, value in requests.items():
            total[name] = total.get(name, 0) + value
    return total
