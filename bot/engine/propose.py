"""The core in one call: Snapshot in, Proposal out. Called by the service and the command line.

Two pure functions: `draft` decides what runs where and renders it, from the part of a Snapshot that
`planning_input` selects; `conclude` compares that with what is merged, and evaluates the gates. The
service runs `draft` in a separate process, where planning neither delays a webhook nor has access
to credentials, and keeps its result until its input changes.
"""

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bot.engine import discovery, highs
from bot.engine.contents import Contents, ContentWriter
from bot.engine.kubernetes_schemas import KubernetesSchemas
from planners.connect import Link, with_order
from planners.gate_jobs import rollback_gate_units, rollback_rules
from planners.gating.change_sets import ChangeSet, KeptFile, compare
from planners.gating.conditions import ConditionReader, Conditions
from planners.gating.evaluate import Evaluation, evaluate, refuse
from planners.gating.rollback import failures, restore
from planners.idle import idle_intents
from planners.inputs import planning_input
from planners.model import Application, PlanProblem, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.gates import PendingUnit
from planners.model.snapshot import PreviousDeployment, Snapshot
from planners.order import BEFORE_ROLLBACK, gate_wave
from planners.placement.evaluate import Evaluator
from planners.placement.exceptions import expired
from planners.plan import Plan, plan, plan_digest
from planners.rules.records import held_back
from renderers.agents import KEPT, ReportsStartedJobs
from renderers.defects import Defect
from renderers.gate_jobs import rollback_files, with_job_names
from renderers.implied_dependencies import with_implied
from renderers.layout import kept_file
from renderers.render import render
from renderers.rule_records import with_records
from renderers.tree import FileTree, blob_id
from renderers.variants import Variants

_KEPT_CONTENT = {blob_id(KEPT): KEPT}


@dataclass(frozen=True, slots=True)
class Draft:
    """What should run, and its files: each unit's by path -> blob id, and the bytes of each blob.

    `application` includes the dependencies that its manifests imply. The plan names no commits.
    `links` are the pairs that may talk. Units that wait for an address have no files.
    `rollback_gates` are the files of gates that run in the cluster when this is rolled back.
    """

    application: Application
    plan: Plan
    files: FleetFiles = field(default_factory=FleetFiles)
    contents: Contents = field(default_factory=Contents)
    digest: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    problems: tuple[PlanProblem, ...] = ()
    warnings: tuple[PlanProblem, ...] = ()
    defects: tuple[Defect, ...] = ()
    links: tuple[Link, ...] = ()
    rollback_gates: Mapping[Unit, FileTree] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Proposal:
    """What should run, what that changes in the deploy repo, and which effects are due.

    `application` includes the dependencies that its manifests imply. `files` are those of the
    draft, and `contents` maps blob ids to bytes for every file that is rendered, or that a change
    writes. A proposal with problems has no changes, and its only effects keep what is open from
    being merged: a plan is carried out as a whole or not at all.
    """

    application: Application
    plan: Plan
    digest: str
    changes: tuple[ChangeSet, ...]
    contents: Mapping[str, bytes]
    evaluation: Evaluation
    problems: tuple[PlanProblem, ...]
    files: FleetFiles = field(default_factory=FleetFiles)
    warnings: tuple[PlanProblem, ...] = ()
    conditions: Conditions = field(default_factory=Conditions)
    defects: tuple[Defect, ...] = ()
    links: tuple[Link, ...] = ()

    @property
    def trees(self) -> dict[str, FileTree]:
        """The rendered files of each cluster."""
        trees: dict[str, dict[str, bytes]] = {}
        for unit, files in self.files.items():
            tree = trees.setdefault(unit.cluster, {})
            tree.update({path: self.contents[blob] for path, blob in files.items()})
        return dict(trees)


def propose(snapshot: Snapshot, *, thorough: bool = False) -> Proposal:
    """Draft and conclude; with `thorough` the trace has all verdicts of filters."""
    restored = restoration(snapshot)
    if restored is not None:
        return restored
    return conclude(snapshot, draft(planning_input(snapshot), thorough=thorough))


def restoration(snapshot: Snapshot) -> Proposal | None:
    """The rollback of a revision, if one is due, or recorded in Git, and needs no draft."""
    if rollback_rules(snapshot.application):
        return None
    return _restoration(snapshot, {})


def _restoration(snapshot: Snapshot, gates: Mapping[Unit, FileTree]) -> Proposal | None:
    """The rollback that is due, or recorded in Git."""
    if snapshot.previous is not None and (
        snapshot.rolled_back or snapshot.overrides.reverts(snapshot.revision.sha)
    ):
        return _roll_back(snapshot, snapshot.previous, (), gates)
    return None


def draft(planned: Snapshot, *, thorough: bool = False) -> Draft:
    """Plan and render a `planning_input`.

    If that has problems, nothing new that rules have decided is part of it: they hold up nothing.
    """
    with uncollected():
        found = _draft(planned, thorough=thorough)
        held = held_back(planned)
        if not found.problems or held == planned:
            return found
        instead = _draft(held, thorough=thorough)
        if instead.problems:
            return found
        waits = PlanProblem(f"what rules decided waits: {found.problems[0]}")
        return replace(instead, warnings=(*instead.warnings, waits))


@contextmanager
def uncollected() -> Iterator[None]:
    """Pause the collector of cycles: it would walk the many objects of a plan again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _draft(planned: Snapshot, *, thorough: bool) -> Draft:
    filters, scores = discovery.filters().values(), discovery.scores().values()
    evaluator = Evaluator.of(tuple(filters), tuple(scores), thorough=thorough)
    variants = Variants(planned, discovery.sources(), discovery.patches())
    snapshot = variants.snapshot = _with_implied(planned, variants)
    problems, solver = [], None
    try:
        solver = highs.load() if snapshot.application.optimal else None
    except highs.SolverMissingError as missing:
        problems.append(PlanProblem(str(missing)))
    made = plan(snapshot, evaluator, variants.workloads(), solver)
    standby = rollback_gate_units(snapshot, made.units)
    every, agents = _with_standby(made, standby), discovery.agents()
    rendered = render(every, variants, agents, KubernetesSchemas(), discovery.carriers().values())
    made = replace(made, awaited=rendered.awaited)
    trees, unnamed = with_job_names(snapshot.application, _early(snapshot), rendered.trees)
    drafted = Draft(
        application=snapshot.application,
        plan=made,
        problems=(*problems, *made.problems, *rendered.problems, *unnamed),
        warnings=(*_idle(snapshot, made), *made.warnings, *rendered.warnings),
        defects=rendered.defects,
        links=rendered.links,
        rollback_gates={unit: rendered.trees[unit] for unit in standby},
    )
    if drafted.problems:
        return drafted
    apart = made.awaited.keys() | (set(standby) - set(made.units))
    known = {unit: tree for unit, tree in trees.items() if unit not in apart}
    files, contents = _files(with_records(known, made.records, snapshot.registration))
    conditions = ConditionReader(snapshot, made).whole
    return replace(
        drafted,
        files=files,
        contents=contents,
        digest=plan_digest(made, files, conditions.digest),
        conditions=conditions,
    )


def _with_standby(made: Plan, units: tuple[Unit, ...]) -> Plan:
    """The plan to render: with the units that only a rollback would bring."""
    wave = gate_wave(BEFORE_ROLLBACK, set(units) - set(made.units), 0)
    return replace(made, waves=(*made.waves, *wave)) if wave else made


def _early(snapshot: Snapshot) -> frozenset[str]:
    """The clusters whose agents report Jobs as ready before they have completed."""
    agents = discovery.agents().items()
    early = {name for name, agent in agents if isinstance(agent, ReportsStartedJobs)}
    return frozenset(each.name for each in snapshot.clusters if each.agent in early)


def conclude(snapshot: Snapshot, drafted: Draft) -> Proposal:
    """Compare a draft with what is merged, and evaluate gates and effects.

    A revision whose rollback is due is rolled back instead. A cancelled one is left as far as it is
    merged.
    """
    with uncollected():
        return _conclude(snapshot, drafted)


def _conclude(snapshot: Snapshot, drafted: Draft) -> Proposal:
    forward = _roll_out(snapshot, drafted)
    restored = None if drafted.problems else _restoration(snapshot, drafted.rollback_gates)
    if restored is not None:
        return restored
    if snapshot.rolled_back and not drafted.problems:
        problem = PlanProblem(
            f"revision {snapshot.revision.sha[:12]} was rolled back, and the files to restore are "
            f"no longer available: merge a new revision"
        )
        return replace(forward, problems=(problem,), evaluation=refuse(snapshot, problem))
    if snapshot.previous is not None and snapshot.cancelled is None and not forward.problems:
        failed = failures(snapshot, forward.plan, forward.changes)
        if failed:
            return _roll_back(snapshot, snapshot.previous, failed, drafted.rollback_gates)
    return forward


def reevaluate(proposal: Proposal, snapshot: Snapshot) -> Proposal:
    """The same plan with new gates and effects.

    `snapshot` differs from that of the plan only in overrides, approvals and merge requests.
    """
    if proposal.problems:
        return proposal
    planned = replace(snapshot, application=proposal.application)
    return replace(proposal, evaluation=evaluate(planned, proposal.plan, proposal.changes))


def _roll_back(
    snapshot: Snapshot,
    previous: PreviousDeployment,
    failed: tuple[PendingUnit, ...],
    gates: Mapping[Unit, FileTree],
) -> Proposal:
    rollback = restore(snapshot, previous, failed, gates)
    files, contents = _files(rollback_files(gates, previous.entries, snapshot.revision.sha))
    restored = FleetFiles.of({**previous.entries, **files})
    conditions = ConditionReader(snapshot, rollback)
    changes = _compare(snapshot, rollback, restored, conditions)
    return Proposal(
        application=snapshot.application,
        plan=rollback,
        digest=plan_digest(rollback, restored, conditions.whole.digest),
        changes=changes,
        contents={**previous.contents, **contents},
        evaluation=evaluate(snapshot, rollback, changes),
        problems=(),
    )


def _roll_out(snapshot: Snapshot, drafted: Draft) -> Proposal:
    snapshot = replace(snapshot, application=drafted.application)
    revision, fleet = snapshot.revision, snapshot.fleet_revision
    planned = replace(drafted.plan, revision=revision, fleet_revision=fleet)
    proposal = Proposal(
        application=drafted.application,
        plan=planned,
        digest=drafted.digest,
        changes=(),
        contents=drafted.contents,
        evaluation=Evaluation((), ()),
        problems=drafted.problems,
        files=drafted.files,
        warnings=drafted.warnings,
        conditions=drafted.conditions,
        defects=drafted.defects,
        links=drafted.links,
    )
    if proposal.problems:
        return replace(proposal, evaluation=refuse(snapshot, proposal.problems[0]))
    reader = ConditionReader(snapshot, planned)
    merged = snapshot.base.entries
    kept = {unit: merged[unit] for unit in planned.awaited if unit in merged}
    desired = FleetFiles.of({**drafted.files, **kept}) if kept else drafted.files
    changes = _compare(snapshot, planned, desired, reader)
    return replace(
        proposal,
        changes=changes,
        evaluation=evaluate(snapshot, planned, changes),
    )


def _idle(snapshot: Snapshot, planned: Plan) -> Iterator[PlanProblem]:
    """Intents without effect: expired ones, and those that select nothing that is placed."""
    for rule in expired(snapshot):
        components = ", ".join(rule.components)
        message = f"the exception for {components} has expired: delete it"
        yield PlanProblem(message, rule.position)
    yield from idle_intents(snapshot, planned.units)


def _compare(
    snapshot: Snapshot,
    planned: Plan,
    desired: FleetFiles,
    conditions: ConditionReader,
) -> tuple[ChangeSet, ...]:
    """The changes of each wave; a file keeps the folder of an agent whose last unit leaves."""
    merged = snapshot.base.entries
    clusters = merged.clusters - snapshot.base.kept_folders
    (blob,) = _KEPT_CONTENT
    keep = {cluster: KeptFile(kept_file(cluster), blob) for cluster in clusters}
    return compare(planned.waves, desired, merged, conditions, keep)


def _files(trees: Mapping[Unit, FileTree]) -> tuple[FleetFiles, Contents]:
    """Each unit's files, path -> blob id, and the content of each blob id."""
    writer = ContentWriter()
    writer.add(KEPT, "")
    for unit, tree in trees.items():
        writer.add_unit(unit, tree)
    return writer.written()


def _with_implied(snapshot: Snapshot, variants: Variants) -> Snapshot:
    parts = snapshot.application.components
    objects = {part.name: variants.objects(part) for part in parts}
    application = with_order(with_implied(snapshot.application, objects))
    return replace(snapshot, application=application)
