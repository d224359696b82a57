"""The exceptions of an application that are in force: temporary changes of placement and replicas.

An exception is in force until it expires; an expired one has no effect and may be deleted. If
several apply, removing a cluster takes precedence over adding it, and the last replica count wins.
"""

from collections.abc import Iterator

from planners.model import Cluster, ExceptionRule, Target
from planners.model.snapshot import Snapshot


def in_force(snapshot: Snapshot, component: str) -> Iterator[ExceptionRule]:
    """The exceptions of a component that have not expired, in document order."""
    for rule in snapshot.application.exceptions:
        if component in rule.components and rule.holds(snapshot.now):
            yield rule


def expired(snapshot: Snapshot) -> Iterator[ExceptionRule]:
    """The exceptions that have expired."""
    return (each for each in snapshot.application.exceptions if not each.holds(snapshot.now))


def adding(snapshot: Snapshot, component: str, cluster: str) -> ExceptionRule | None:
    """The exception that adds the component to that cluster, if any."""
    rules = (each for each in in_force(snapshot, component) if cluster in each.add)
    return next(rules, None)


def removing(snapshot: Snapshot, component: str, cluster: str) -> ExceptionRule | None:
    """The exception that removes the component from that cluster, if any."""
    rules = (each for each in in_force(snapshot, component) if cluster in each.remove)
    return next(rules, None)


def replica_overrides(snapshot: Snapshot, component: str, cluster: Cluster) -> dict[Target, int]:
    """The replicas that exceptions set for a component's workloads there."""
    return {
        Target(rule.kind, rule.name or component): rule.replicas
        for rule in in_force(snapshot, component)
        if rule.replicas is not None and rule.clusters.matches(cluster)
    }
