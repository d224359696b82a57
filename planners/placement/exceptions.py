"""What an application's exceptions say now: temporary changes of where it runs, and how often.

An exception holds until its time comes. After that it changes nothing, and may be deleted. Of
several that hold, taking away wins over adding, and later replicas over earlier ones.
"""

from collections.abc import Iterator

from planners.model import Cluster, ExceptionRule
from planners.model.snapshot import Snapshot


def in_force(snapshot: Snapshot, component: str) -> Iterator[ExceptionRule]:
    """The exceptions for a component that hold now, in their order."""
    for rule in snapshot.application.exceptions:
        if component in rule.components and rule.holds(snapshot.now):
            yield rule


def expired(snapshot: Snapshot) -> Iterator[ExceptionRule]:
    """Those whose time has passed."""
    return (each for each in snapshot.application.exceptions if not each.holds(snapshot.now))


def adding(snapshot: Snapshot, component: str, cluster: str) -> ExceptionRule | None:
    """The exception that gives a component that cluster."""
    found = (each for each in in_force(snapshot, component) if cluster in each.add)
    return next(found, None)


def removing(snapshot: Snapshot, component: str, cluster: str) -> ExceptionRule | None:
    """The exception that takes a component away from that cluster."""
    found = (each for each in in_force(snapshot, component) if cluster in each.remove)
    return next(found, None)


def scaled(snapshot: Snapshot, component: str, cluster: Cluster) -> dict[tuple[str, str], int]:
    """The replicas that exceptions give a component's workloads there, by (kind, name)."""
    return {
        (rule.kind, rule.name or component): rule.replicas
        for rule in in_force(snapshot, component)
        if rule.replicas is not None and rule.clusters.matches(cluster)
    }
