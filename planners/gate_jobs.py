"""Gates that run in the cluster: a component of their own, beside what they gate.

They are delivered, ordered and waited for like every other component, so that they work while a
cluster is away. They are not placed: each goes where the application's own components go.
"""

from collections.abc import Iterable, Iterator
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
from planners.model.gate_rules import GatePhase, GateRule, OnTimeout
from planners.order import steps

SOURCE = "manifests"


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
    before = tuple(_needs(application, r.name, r) for r in rules if r.phase is GatePhase.BEFORE)
    gates = (
        Component(
            rule.name,
            ComponentSource(SOURCE, rule.settings.folder),
            tuple(_needs(application, each.name, rule) for each in own)
            if rule.phase is GatePhase.AFTER
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
    rules = job_rules(application)
    used = {unit.cluster for unit in units} if rules else set()
    rollout = steps(application.stages, (each for each in clusters if each.name in used))
    for rule in rules:
        for step in rollout:
            if not rule.stages or step.stage.name in rule.stages:
                yield from (Unit(rule.name, cluster) for cluster in step.clusters)


def _needs(application: Application, component: str, rule: GateRule) -> Dependency:
    back = application.on_failure is OnFailure.ROLLBACK and rule.on_timeout is OnTimeout.FAIL
    return Dependency(
        component,
        on=DependencyScope.SAME_CLUSTER,
        timeout=rule.timeout,
        on_failure=OnFailure.ROLLBACK if back else OnFailure.HOLD,
        implied=True,
    )
