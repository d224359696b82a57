"""Small views beside the whole ones: what lists need, and hashes that tell when a page changed.

Made from a rollout's view, so that no list has to read whole rollouts of large fleets.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.report.model import (
    UNIT_STATES,
    ApplicationClustersView,
    ClusterUnitsView,
    ClusterView,
    FleetView,
    PlacesView,
    ReportersView,
    ReporterView,
    RolloutView,
    SummaryView,
    TenantsView,
    UnitCounts,
    UnitView,
    WaveSummaryView,
)
from bot.report.needs import needs_of
from bot.store.views import encode
from planners.model import DEFAULT_REPORT_AGE, Cluster, Fleet

VERSION_LENGTH = 16
MOST_NEEDS = 20
NOT_PART_OF_VERSION = {"at": True, "units": {"__all__": {"at": True}}}


def count_states(units: Iterable[UnitView]) -> UnitCounts:
    """How many units are in which state; every state is there."""
    counts = dict.fromkeys(UNIT_STATES, 0)
    for unit in units:
        counts[unit.readiness] += 1
    return counts


def summarize(view: RolloutView) -> SummaryView:
    """A rollout's view without its gates and units."""
    return SummaryView(
        application=view.application,
        tenant=view.tenant,
        headline=view.headline,
        done=view.done,
        digest=view.digest,
        revision=view.revision,
        problems=len(view.problems),
        waves=tuple(WaveSummaryView(wave.name, wave.state) for wave in view.waves),
        totals=count_states(view.units),
        at=view.at,
        needs=needs_of(view)[:MOST_NEEDS],
    )


def application_clusters(view: RolloutView) -> ApplicationClustersView:
    """The rollout's units, counted for each cluster."""
    by_cluster: dict[str, list[UnitView]] = {}
    for unit in view.units:
        by_cluster.setdefault(unit.cluster, []).append(unit)
    ages = view.report_max_ages
    clusters = {
        name: _on_cluster(units, ages.get(name, DEFAULT_REPORT_AGE))
        for name, units in by_cluster.items()
    }
    return ApplicationClustersView(view.application, clusters)


def _on_cluster(units: Iterable[UnitView], report_max_age: timedelta) -> ClusterUnitsView:
    newest = max(units, key=lambda unit: unit.at)
    counts = {state: count for state, count in count_states(units).items() if count}
    at = datetime.fromisoformat(newest.at) if newest.at else None
    return ClusterUnitsView(counts, newest.revision, at, report_max_age)


def page_version(view: RolloutView) -> str:
    """Changes when a rollout's page does, apart from the times on it."""
    text = encode(view, NOT_PART_OF_VERSION)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]


def fleet_view(fleet: Fleet, revision: str) -> FleetView:
    """The clusters, applications and deploy repos that the fleet repo names at a revision."""
    clusters = sorted(fleet.clusters, key=lambda cluster: cluster.name)
    return FleetView(
        revision=revision,
        clusters=tuple(map(_cluster, clusters)),
        applications=tuple(sorted({each.application for each in fleet.registrations})),
        deploys=tuple(sorted({each.deploy for each in fleet.registrations})),
    )


def _cluster(cluster: Cluster) -> ClusterView:
    place = cluster.location
    return ClusterView(
        cluster.name,
        cluster.agent,
        dict(cluster.labels),
        cluster.maintenance.value,
        place.latitude if place else None,
        place.longitude if place else None,
    )


def reporters_view(fleet: Fleet) -> ReportersView:
    """The clusters and applications of the fleet repo, of which reports are accepted."""
    return ReportersView(
        {each.name: _reporter(each) for each in fleet.clusters},
        frozenset(each.application for each in fleet.registrations),
    )


def _reporter(cluster: Cluster) -> ReporterView:
    hub = cluster.speaker if cluster.speaker != cluster.name else ""
    return ReporterView(cluster.agent, cluster.report_key_generation, hub)


def tenants_view(fleet: Fleet) -> TenantsView:
    """Whose work the passes of applications and merge requests are."""
    tenants: dict[str, set[str]] = {}
    for each in fleet.registrations:
        for repo in (each.app, each.deploy):
            tenants.setdefault(str(repo), set()).add(each.tenant)
    return TenantsView(
        {each.application: each.tenant for each in fleet.registrations},
        {repo: next(iter(names)) for repo, names in tenants.items() if len(names) == 1},
    )


def places_view(view: RolloutView) -> PlacesView:
    """The rollout's components by cluster."""
    clusters: dict[str, list[str]] = {}
    for unit in view.units:
        clusters.setdefault(unit.cluster, []).append(unit.component)
    return PlacesView({name: tuple(components) for name, components in clusters.items()})
