"""Gates that run in the cluster: a component of their own, beside what they gate.

They are delivered, ordered and waited for like every other component, so that they work while a
cluster is away. They are not placed: each goes where the application's own components go, or from
where these leave. What agents do with a Job that is merged, and later removed from Git:

- Flux (kustomize-controller, fluxcd/pkg/ssa), Azure Arc: applies it, waits until it has completed
  (a status reader of its own for Jobs), and deletes it with its pods (background) when it is gone.
- Argo CD (gitops-engine `health_job.go`): Progressing until it has completed; pruned like others.
- Config Sync (cli-utils `kstatus/status/core.go`): Current when it has started; pruned likewise.
- Clusters without an agent: Switchyard waits as Flux does, and deletes in the background.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from planners.model import (
    Application,
    Cluster,
    Component,
    ComponentSource,
    Dependency,
    DependencyScope,
    OnFailure,
    Unit,
)
from planners.model.gate_rules import GateAction, GatePhase, GateRule, OnTimeout
from planners.model.snapshot import Snapshot
from planners.order import steps

SOURCE = "manifests"
DELIVERY = frozenset({GateAction.INSTALL, GateAction.UPDATE})


def job_rules(application: Application) -> tuple[GateRule, ...]:
    """The gates of an application that run in the cluster."""
    return tuple(each for each in application.gates if each.settings.folder)


def with_gate_jobs(application: Application) -> Application:
    """The application with a component for each gate that runs in the cluster.

    Before a wave its own components wait for it; after a wave it waits for them.
    """
    rules = job_rules(application)
    if not rules:
        return application
    own = application.components
    before = tuple(
        _needs(application, rule.name, rule)
        for rule in rules
        if rule.phase is GatePhase.BEFORE and _delivered(rule)
    )
    gates = (
        Component(
            rule.name,
            ComponentSource(SOURCE, rule.settings.folder),
            tuple(_needs(application, each.name, rule) for each in own)
            if rule.phase is GatePhase.AFTER and _delivered(rule)
            else (),
        )
        for rule in rules
    )
    components = (*(replace(each, depends_on=(*each.depends_on, *before)) for each in own), *gates)
    return replace(application, components=tuple(sorted(components, key=lambda each: each.name)))


def without_gate_jobs(application: Application) -> Application:
    """What is placed: the application's own components."""
    names = {each.name for each in job_rules(application)}
    if not names:
        return application
    own = tuple(each for each in application.components if each.name not in names)
    return replace(application, components=own)


def gate_units(
    application: Application, clusters: Iterable[Cluster], units: Iterable[Unit]
) -> Iterator[Unit]:
    """The units of gates beside the units that are placed, in the stages that they hold."""
    rules = [each for each in job_rules(application) if _delivered(each)]
    used = {unit.cluster for unit in units} if rules else set()
    rollout = steps(application.stages, (each for each in clusters if each.name in used))
    for rule in rules:
        for step in rollout:
            if not rule.stages or step.stage.name in rule.stages:
                yield from (Unit(rule.name, cluster) for cluster in step.clusters)


def removal_gate_units(
    application: Application,
    clusters: Iterable[Cluster],
    units: Collection[Unit],
    merged: Iterable[Unit],
) -> frozenset[Unit]:
    """The units of gates before removals, on the clusters that a merged unit is about to leave."""
    rules = [each for each in job_rules(application) if GateAction.REMOVAL in each.actions]
    if not rules:
        return frozenset()
    own = {each.name for each in job_rules(application)}
    known = {each.name for each in clusters}
    left = {
        unit.cluster for unit in merged if unit.component not in own and unit not in units
    } & known
    return frozenset(Unit(rule.name, cluster) for rule in rules for cluster in left)


def rollback_rules(application: Application) -> tuple[GateRule, ...]:
    """The gates that run in the cluster before or after a rollback."""
    return tuple(e for e in job_rules(application) if GateAction.ROLLBACK in e.actions)


def rollback_gate_units(snapshot: Snapshot, units: Iterable[Unit]) -> tuple[Unit, ...]:
    """The units that gates would have in a rollback, wherever something is or shall be merged."""
    rules = rollback_rules(snapshot.application)
    if not rules:
        return ()
    used = {unit.cluster for unit in (*units, *snapshot.base.entries)}
    used &= {each.name for each in snapshot.clusters}
    return tuple(sorted(Unit(rule.name, cluster) for rule in rules for cluster in used))


def _delivered(rule: GateRule) -> bool:
    return not DELIVERY.isdisjoint(rule.actions)


def _needs(application: Application, component: str, rule: GateRule) -> Dependency:
    back = application.on_failure is OnFailure.ROLLBACK and rule.on_timeout is OnTimeout.FAIL
    return Dependency(
        component,
        on=DependencyScope.SAME_CLUSTER,
        timeout=rule.timeout,
        on_failure=OnFailure.ROLLBACK if back else OnFailure.HOLD,
        implied=True,
    )
