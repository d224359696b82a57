"""The plan: what should run where, in which order, and why. The first of the core's three steps.

`plan` combines placement and order; `renderers.render` and `planners.gating` follow.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from json.encoder import encode_basestring_ascii as quoted

from planners.bursts import place_with_rules
from planners.gate_jobs import gate_units, removal_gate_units, without_gate_jobs
from planners.model import (
    DependencyScope,
    Json,
    PlanProblem,
    Repo,
    Revision,
    Unit,
    clusters_by_component,
    listing,
)
from planners.model.addresses import Awaited
from planners.model.fleet_files import Block, FleetFiles
from planners.model.gates import PendingUnit
from planners.model.requests import WorkloadRequests
from planners.model.rules import Action, Decision, Record, Records
from planners.model.snapshot import Snapshot
from planners.model.unit_files import folder_of
from planners.optimizer.optimize import OptimizationResult, OptimizedPlacement, optimize
from planners.optimizer.solver import Solver
from planners.order import (
    BEFORE_REMOVAL,
    Wave,
    gate_wave,
    removals,
    rule_waves,
    steps,
    waves,
)
from planners.placement.evaluate import Evaluator
from planners.placement.interplay import with_interplay
from planners.placement.replicas import UnitReplicas, distribute
from planners.placement.trace import PlacementDecision
from planners.rules.records import records_of, scaled

FOLDER = "\0"
"""Stands for the folder of a unit's files; JSON escapes this character in names."""


@dataclass(frozen=True)
class Plan:
    """What should run, in which order, and why. Not to be carried out if it has problems.

    `optimization` is set if a solver placed the components. `decisions` are those of rules,
    `records` say which units they concern, `warnings` what they could not do. A rollback has no
    trace: it restores the files of the deploy repo's commit `restores`, because of `failures`.
    `awaited` are the addresses without which units stay as they are merged.
    """

    application: str
    revision: Revision
    fleet_revision: Revision
    deploy: Repo
    waves: tuple[Wave, ...]
    trace: Sequence[PlacementDecision]
    replicas: UnitReplicas = field(default_factory=dict)
    problems: tuple[PlanProblem, ...] = ()
    optimization: OptimizationResult | None = None
    restores: Revision | None = None
    failures: tuple[PendingUnit, ...] = ()
    awaited: Awaited = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    records: Records = field(default_factory=dict)
    warnings: tuple[PlanProblem, ...] = ()

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """All units that should run, sorted."""
        return tuple(sorted(unit for wave in self.waves if not wave.removal for unit in wave.units))


def plan(
    snapshot: Snapshot,
    evaluator: Evaluator,
    workloads: Mapping[Unit, tuple[WorkloadRequests, ...]],
    solver: Solver | None = None,
) -> Plan:
    """Compute the plan for a snapshot; a pure function, independent of the order of its input.

    With a solver, all components are placed together.
    """
    own = replace(snapshot, application=without_gate_jobs(snapshot.application))
    ruled = place_with_rules(own, workloads, evaluator)
    optimized = OptimizedPlacement(ruled.placement)
    if solver is not None:
        optimized = optimize(optimized.placement, solver)
    placement = optimized.placement
    distribution = distribute(placement.allocation)
    gates = gate_units(snapshot.application, snapshot.clusters, placement.units)
    units = tuple(sorted((*placement.units, *gates)))
    records = records_of(snapshot, units, ruled.steps)
    placed = clusters_by_component(units)
    return Plan(
        application=snapshot.application.name,
        revision=snapshot.revision,
        fleet_revision=snapshot.fleet_revision,
        deploy=snapshot.registration.deploy,
        waves=_waves(snapshot, units, records),
        trace=with_interplay(placement) if evaluator.thorough else placement.trace,
        replicas=distribution.replicas,
        problems=(
            *dict.fromkeys((*placement.problems, *distribution.problems)),
            *_separated_dependencies(snapshot, placed),
            *_unreachable_quorums(snapshot, placed),
        ),
        optimization=optimized.result,
        decisions=snapshot.decisions,
        records=records,
        warnings=ruled.warnings,
    )


def _comes_by_rule(snapshot: Snapshot, unit: Unit, records: Sequence[Record]) -> bool:
    """Whether a rule adds or moves a unit; a change of its replicas goes with those of the others.

    So that one step of a rule is one change, whatever else brought the units that it scales.
    """
    added = any(record.action is not Action.SET_REPLICAS for record in records)
    base = snapshot.base
    return added and (unit not in base.entries or scaled(records) == scaled(base.records.get(unit)))


def _waves(snapshot: Snapshot, units: Sequence[Unit], records: Records) -> tuple[Wave, ...]:
    """The waves of the rollout, those of units that rules add or move, and the removals."""
    application = snapshot.application
    apart = {unit for unit in records if _comes_by_rule(snapshot, unit, records[unit])}
    planned = [unit for unit in units if unit not in apart] if apart else units
    used = {unit.cluster for unit in planned}
    rollout = steps(application.stages, (c for c in snapshot.clusters if c.name in used))
    gates = removal_gate_units(application, snapshot.clusters, set(units), snapshot.base.entries)
    removed = snapshot.base.entries.beyond(units) - gates
    last = max(len(rollout), 1 if apart else 0)
    before = gate_wave(BEFORE_REMOVAL, gates - set(units), last)
    return (
        waves(application.components, rollout, planned)
        + rule_waves(application, snapshot.clusters, rollout, apart)
        + before
        + removals(application.components, removed, last + len(before))
    )


def _separated_dependencies(
    snapshot: Snapshot, placed: Mapping[str, set[str]]
) -> Iterator[PlanProblem]:
    """`on: sameCluster` dependencies that are not placed on the cluster of their dependant."""
    for component in snapshot.application.components:
        for dependency in component.depends_on:
            same_cluster = dependency.on is DependencyScope.SAME_CLUSTER
            if not same_cluster or dependency.application is not None or dependency.implied:
                continue
            here, there = placed.get(component.name, set()), placed.get(dependency.component, set())
            apart = sorted(here - there)
            if apart:
                yield PlanProblem(
                    f"{component.name} depends on {dependency.component} on the same cluster, but "
                    f"{dependency.component} is not placed on {listing(apart)}: place it "
                    f"there too, or set `on: allClusters`",
                    component.position,
                )


def _unreachable_quorums(
    snapshot: Snapshot, placed: Mapping[str, set[str]]
) -> Iterator[PlanProblem]:
    """Dependencies on more clusters than their component is placed on."""
    components = {each.name for each in snapshot.application.components}
    for component in snapshot.application.components:
        for dependency in component.depends_on:
            known = dependency.application is None and dependency.component in components
            if not known or dependency.quorum is None:
                continue
            count = len(placed.get(dependency.component, ()))
            if count < dependency.quorum and component.name in placed:
                yield PlanProblem(
                    f"{component.name} depends on {dependency.component} on "
                    f"{dependency.quorum} clusters, but {dependency.component} is placed on "
                    f"{count}: lower the quorum, or set `on: allClusters`",
                    component.position,
                )


def canonical(value: object) -> str:
    """A value's canonical JSON: sorted keys, no whitespace."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest_of(value: object) -> str:
    """The SHA-256 of a value's canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def file_digests(files: FleetFiles) -> Mapping[str, Mapping[str, str]]:
    """`digest_of` each unit's files (path -> blob id), by component and cluster."""
    found: dict[str, dict[str, str]] = {}
    for block in files.blocks:
        digests = zip(block.clusters, _block_digests(block), strict=True)
        found.setdefault(block.component, {}).update(digests)
    return found


def _block_digests(block: Block) -> Iterator[str]:
    """The digests of units with the same names of files; their JSON is one text."""
    text = _json_of(block.names)
    for cluster, ids in zip(block.clusters, block.ids, strict=True):
        folder = quoted(folder_of(cluster))[1:-1]
        yield hashlib.sha256((text % ids).replace(FOLDER, folder).encode()).hexdigest()


@lru_cache(maxsize=4096)
def _json_of(names: tuple[str, ...]) -> str:
    """The JSON of files with these sorted names, with FOLDER and a place for each blob id."""
    escaped = (quoted(name)[1:-1].replace("%", "%%") for name in names)
    return "{" + ",".join([f'"{FOLDER}{name}":"%s"' for name in escaped]) + "}"


def plan_digest(plan: Plan, desired: FleetFiles, conditions: str) -> str:
    """The digest of a plan's files, their order, and the digest of its conditions.

    `desired` maps each unit to its files (path -> blob id). The digest does not depend on what is
    merged already, so that it stays the same during a rollout; removals are included. It is that of
    one JSON text, of which no more than a wave is in memory.
    """
    digests, nothing = file_digests(desired), digest_of({})
    bound = {
        "application": plan.application,
        "conditions": conditions,
        "deploy": str(plan.deploy),
    }
    found = hashlib.sha256(f'{canonical(bound)[:-1]},"waves":['.encode())
    for at, wave in enumerate(plan.waves):
        units: list[Json] = [
            [component, cluster, digests.get(component, {}).get(cluster, nothing)]
            for component, cluster in wave.units
        ]
        text = canonical({"name": wave.name, "units": units})
        found.update(f"{',' if at else ''}{text}".encode())
    found.update(b"]}")
    return found.hexdigest()
