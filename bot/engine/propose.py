"""The core in one call: Snapshot in, Proposal out. Used by the service and by the command line.

A pure function, so that the service can run it in a process of its own: planning never holds up a
webhook, and holds no credentials.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bot.engine import discovery, highs
from bot.engine.kubernetes_schemas import KubernetesSchemas
from planners.gating.change_sets import ChangeSet, compare
from planners.gating.evaluate import Evaluation, evaluate
from planners.gating.rollback import failures, restore
from planners.model import Application, Unit
from planners.model.gates import PendingUnit
from planners.model.snapshot import PreviousDeployment, Snapshot
from planners.optimizer.solver import Solver
from planners.placement.exceptions import expired
from planners.placement.place import Evaluator
from planners.plan import Plan, PlanProblem, plan, plan_digest
from renderers.implied_dependencies import with_implied
from renderers.render import render
from renderers.tree import FileTree, blob_id
from renderers.variants import Variants


@dataclass(frozen=True, slots=True)
class Proposal:
    """What should be, what that changes, and what is due now.

    `application` is the one planned, with the dependencies that its manifests imply. `contents`
    maps a blob id to bytes for every file that a change writes. With a problem there are no changes
    and no effects: a plan that cannot be carried out whole is not carried out at all.
    """

    application: Application
    plan: Plan
    digest: str
    trees: Mapping[str, FileTree]
    changes: tuple[ChangeSet, ...]
    contents: Mapping[str, bytes]
    evaluation: Evaluation
    problems: tuple[PlanProblem, ...]
    warnings: tuple[str, ...] = ()


def propose(snapshot: Snapshot, *, thorough: bool = False) -> Proposal:
    """Plan, render, compare and decide; `thorough` keeps every refusal of every filter.

    A revision that failed where its application says so, or that somebody told to, is taken back
    instead, and stays so. One that is cancelled stays as far as it is merged.
    """
    if snapshot.rolled_back and snapshot.previous is not None:
        return _restore(snapshot, snapshot.previous, ())
    if snapshot.overrides.reverts(snapshot.revision.sha) and snapshot.previous is not None:
        return _restore(snapshot, snapshot.previous, ())
    forward = _roll_out(snapshot, thorough=thorough)
    if snapshot.rolled_back:
        lost = PlanProblem(
            f"revision {snapshot.revision.sha[:12]} was taken back, and what it goes back to is "
            f"not found any more: merge a new revision"
        )
        return replace(forward, problems=(lost,), evaluation=Evaluation((), ()))
    if snapshot.previous is not None and snapshot.cancelled is None and not forward.problems:
        why = failures(snapshot, forward.plan, forward.changes)
        if why:
            return _restore(snapshot, snapshot.previous, why)
    return forward


def decide_again(proposal: Proposal, snapshot: Snapshot) -> Proposal:
    """The same plan, with gates and effects for what people did since it was made.

    `snapshot` differs from that of the plan in overrides, approvals and merge requests alone.
    """
    if proposal.problems:
        return proposal
    planned = replace(snapshot, application=proposal.application)
    return replace(proposal, evaluation=evaluate(planned, proposal.plan, proposal.changes))


def _restore(
    snapshot: Snapshot, earlier: PreviousDeployment, why: tuple[PendingUnit, ...]
) -> Proposal:
    made = restore(snapshot, earlier, why)
    changes = compare(made.waves, earlier.entries, snapshot.base.entries)
    return Proposal(
        application=snapshot.application,
        plan=made,
        digest=plan_digest(made, earlier.entries),
        trees={},
        changes=changes,
        contents=earlier.contents,
        evaluation=evaluate(snapshot, made, changes),
        problems=(),
    )


def _roll_out(snapshot: Snapshot, *, thorough: bool) -> Proposal:
    filters, scores = discovery.filters().values(), discovery.scores().values()
    judge = Evaluator.of(tuple(filters), tuple(scores), thorough=thorough)
    variants = Variants(snapshot, discovery.sources(), discovery.patches())
    snapshot = variants.snapshot = _with_implied(snapshot, variants)
    found, missing = _solver(snapshot)
    made = plan(snapshot, judge, variants.workloads(), found)
    rendered = render(made, variants, discovery.agents(), KubernetesSchemas())
    problems = (*missing, *made.problems, *rendered.problems)
    warnings = (*_over(snapshot), *rendered.warnings)
    if problems:
        nothing = Evaluation((), ())
        return Proposal(snapshot.application, made, "", {}, (), {}, nothing, problems, warnings)
    ids, desired = _blobs(rendered.trees)
    changes = compare(made.waves, desired, snapshot.base.entries)
    written = {change.new for each in changes for change in each.files}
    contents = {name: content for content, name in ids.items() if name in written}
    trees: dict[str, dict[str, bytes]] = {}
    for unit, tree in rendered.trees.items():
        trees.setdefault(unit.cluster, {}).update(tree)
    return Proposal(
        application=snapshot.application,
        plan=made,
        digest=plan_digest(made, desired),
        trees=trees,
        changes=changes,
        contents=contents,
        evaluation=evaluate(snapshot, made, changes),
        problems=(),
        warnings=warnings,
    )


def _over(snapshot: Snapshot) -> Iterator[str]:
    """Exceptions that change nothing any more."""
    for rule in expired(snapshot):
        yield f"{rule.position}: the exception for {', '.join(rule.components)} is over: delete it"


def _blobs(
    trees: Mapping[Unit, FileTree],
) -> tuple[dict[bytes, str], dict[Unit, dict[str, str]]]:
    """The blob id of every content, and each unit's files by path -> blob id."""
    every = {content for tree in trees.values() for content in tree.values()}
    ids = {content: blob_id(content) for content in every}
    return ids, {
        unit: {path: ids[content] for path, content in tree.items()} for unit, tree in trees.items()
    }


def _with_implied(snapshot: Snapshot, variants: Variants) -> Snapshot:
    parts = snapshot.application.components
    objects = {part.name: variants.objects(part) for part in parts}
    return replace(snapshot, application=with_implied(snapshot.application, objects))


def _solver(snapshot: Snapshot) -> tuple[Solver | None, tuple[PlanProblem, ...]]:
    """The solver, where the application asks for an optimal placement."""
    if not snapshot.application.optimal:
        return None, ()
    try:
        return highs.load(), ()
    except highs.SolverMissingError as missing:
        return None, (PlanProblem(str(missing)),)
