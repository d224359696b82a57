"""The plan: what should be, in which order, and why. First of the core's three steps."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from planners.model import DependencyScope, FilePosition, Json, Repo, Revision, Unit
from planners.model.gates import PendingUnit
from planners.model.requests import WorkloadRequests
from planners.model.snapshot import Snapshot
from planners.optimizer.optimize import OptimizationResult, optimize
from planners.optimizer.solver import Solver
from planners.order import Wave, removals, steps, waves
from planners.placement.allocation import Allocation
from planners.placement.place import Evaluator, PlacementDecision, place
from planners.placement.replicas import Shares, divide


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """Why a plan cannot be carried out, in words, with the place in a file where there is one."""

    message: str
    position: FilePosition | None = None

    def __str__(self) -> str:
        return f"{self.position}: {self.message}" if self.position else self.message


@dataclass(frozen=True, slots=True)
class Plan:
    """What should be, and why. With a problem in it, it must not be carried out.

    `optimization` is set if a solver placed the components. A rollback has no trace: it restores
    the files of the deploy repo's commit `restores`, because of `failures`.
    """

    application: str
    revision: Revision
    fleet_revision: Revision
    deploy: Repo
    waves: tuple[Wave, ...]
    trace: tuple[PlacementDecision, ...]
    replicas: Shares = field(default_factory=dict)
    problems: tuple[PlanProblem, ...] = ()
    optimization: OptimizationResult | None = None
    restores: Revision | None = None
    failures: tuple[PendingUnit, ...] = ()

    @property
    def units(self) -> tuple[Unit, ...]:
        """Every unit that should run, sorted."""
        return tuple(sorted(unit for wave in self.waves if not wave.removal for unit in wave.units))


def plan(
    snapshot: Snapshot,
    judge: Evaluator,
    workloads: Mapping[Unit, tuple[WorkloadRequests, ...]],
    solver: Solver | None = None,
) -> Plan:
    """Turn a Snapshot into a Plan: a pure function, blind to the order of what it is given.

    With a solver all components are placed at once.
    """
    placement, optimum = place(Allocation(snapshot, workloads), judge), None
    if solver is not None:
        placement, optimum = optimize(placement, solver)
    shares, overflows = divide(placement.allocation)
    units = [decision.unit for decision in placement.trace if decision.chosen]
    used = {unit.cluster for unit in units}
    application = snapshot.application
    rollout = steps(application.stages, (c for c in snapshot.clusters if c.name in used))
    gone = snapshot.base.entries.keys() - set(units)
    problems = [
        PlanProblem(message, group.intent.position) for group, message in placement.problems
    ]
    problems += [PlanProblem(message, intent.position) for intent, message in overflows]
    return Plan(
        application=application.name,
        revision=snapshot.revision,
        fleet_revision=snapshot.fleet_revision,
        deploy=snapshot.registration.deploy,
        waves=waves(application.components, rollout, units)
        + removals(application.components, gone, len(rollout)),
        trace=placement.trace,
        replicas=shares,
        problems=(*dict.fromkeys(problems), *_apart(snapshot, set(units))),
        optimization=optimum,
    )


def _apart(snapshot: Snapshot, units: set[Unit]) -> list[PlanProblem]:
    """Dependencies on the same cluster whose other end is placed elsewhere."""
    problems = []
    for component in snapshot.application.components:
        for need in component.depends_on:
            elsewhere = need.on is not DependencyScope.SAME_CLUSTER or need.application is not None
            if elsewhere or need.implied:
                continue
            apart = sorted(
                unit.cluster
                for unit in units
                if unit.component == component.name
                and Unit(need.component, unit.cluster) not in units
            )
            if apart:
                problems.append(
                    PlanProblem(
                        f"{component.name} needs {need.component} on the same cluster, but "
                        f"{need.component} is not placed on {', '.join(apart)}: place it there "
                        f"too, or write `on: allClusters`"
                    )
                )
    return problems


def digest_of(value: Json) -> str:
    """SHA-256 over the canonical JSON of a value (sorted keys, no blanks), in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def plan_digest(made: Plan, desired: Mapping[Unit, Mapping[str, str]]) -> str:
    """The digest of what should be and in which order.

    `desired` maps each unit to its files (path -> blob id). It does not depend on what is merged
    already, so that it stays the same while a rollout advances; removals are part of it.
    """
    shape: list[Json] = [
        {
            "name": wave.name,
            "soak": wave.stage.soak.total_seconds(),
            "units": [
                [
                    unit.component,
                    unit.cluster,
                    digest_of(dict(sorted(desired.get(unit, {}).items()))),
                ]
                for unit in wave.units
            ],
        }
        for wave in made.waves
    ]
    return digest_of({"application": made.application, "deploy": str(made.deploy), "waves": shape})
