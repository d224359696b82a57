"""What a wave waits for in the world: its dependencies, earlier steps, approvals and freezes."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from planners.changes import ChangeSet
from planners.gates import (
    AwaitsApproval,
    AwaitsDependency,
    AwaitsReplacement,
    AwaitsStep,
    Frozen,
    Gate,
    Held,
    Pending,
)
from planners.model import ApprovalRule, Dependency, On, Unit, When
from planners.plan import Plan
from planners.readiness import Requirement, lacking
from planners.selectors import Selector
from planners.snapshot import MergeRequest, Snapshot

HOLD_LABEL = "switchyard/hold"


@dataclass(frozen=True, slots=True)
class Context:
    """What every question about a wave needs; `unmerged` maps units with a change to their wave."""

    snapshot: Snapshot
    plan: Plan
    unmerged: Mapping[Unit, str]

    def reached(self, step: int) -> dict[str, tuple[Unit, ...]]:
        """Each component's units in the steps up to and including `step`."""
        found: dict[str, list[Unit]] = {}
        for wave in self.plan.waves:
            if wave.step <= step and not wave.removal:
                for unit in wave.units:
                    found.setdefault(unit.component, []).append(unit)
        return {name: tuple(sorted(units)) for name, units in found.items()}

    def lacking(self, units: Iterable[Unit], wanted: Requirement) -> tuple[Pending, ...]:
        """What those units lack, in their order."""
        found = (lacking(self.snapshot, unit, wanted, self.unmerged) for unit in units)
        return tuple(pending for pending in found if pending is not None)


def judge(context: Context, change: ChangeSet, request: MergeRequest | None) -> Iterator[Gate]:
    """The closed gates of a wave, those that only people can open last."""
    if change.wave.removal:
        yield from _replacement(context, change)
    else:
        yield from _dependencies(context, change)
        yield from _steps(context, change)
    yield from _freezes(context.snapshot, change)
    if request is not None:
        if HOLD_LABEL in request.labels:
            yield Held(HOLD_LABEL)
        yield from _approvals(context.snapshot, change, request)


def _dependencies(context: Context, change: ChangeSet) -> Iterator[Gate]:
    reached = context.reached(change.wave.step)
    clusters: dict[str, list[str]] = {}
    for unit in sorted(change.units):
        clusters.setdefault(unit.component, []).append(unit.cluster)
    for component in context.snapshot.application.components:
        for need in component.depends_on:
            mine = clusters.get(component.name)
            if mine is None:
                continue
            targets = reached.get(need.component, ())
            if need.on is On.SAME_CLUSTER:
                targets = tuple(unit for unit in targets if unit.cluster in mine)
            yield from _edge(context, component.name, need, targets)


def _edge(
    context: Context, component: str, need: Dependency, targets: tuple[Unit, ...]
) -> Iterator[Gate]:
    wanted = Requirement(need.when, need.soak, need.timeout)
    pending = context.lacking(targets, wanted)
    reached = len(targets) - len(pending)
    needed = len(targets) if need.quorum is None else min(need.quorum, len(targets))
    if reached < needed:
        yield AwaitsDependency(
            component, need.component, need.when, need.on, pending, needed, reached
        )


def _steps(context: Context, change: ChangeSet) -> Iterator[Gate]:
    """Every unit of the application in an earlier step must be ready, changed or not."""
    earlier: dict[str, list[Pending]] = {}
    for wave in context.plan.waves:
        if wave.step < change.wave.step and not wave.removal:
            pending = context.lacking(wave.units, Requirement(When.READY, wave.stage.soak))
            label = wave.name.rpartition(".")[0]
            earlier.setdefault(label, []).extend(pending)
    for label, lack in earlier.items():
        if lack:
            yield AwaitsStep(label, tuple(lack))


def _replacement(context: Context, change: ChangeSet) -> Iterator[Gate]:
    """Everything that should run is ready, and dependants are gone before what they need."""
    wanted = Requirement(When.READY)
    pending = context.lacking(context.plan.units, wanted)
    before = (
        unit
        for wave in context.plan.waves
        if wave.removal and wave.level < change.wave.level
        for unit in wave.units
        if unit in context.unmerged
    )
    pending += context.lacking(before, wanted)
    if pending:
        yield AwaitsReplacement(pending)


def _touches(snapshot: Snapshot, change: ChangeSet, selector: Selector) -> bool:
    touched = (snapshot.cluster(name) for name in change.clusters)
    return any(cluster is not None and selector.matches(cluster) for cluster in touched)


def _freezes(snapshot: Snapshot, change: ChangeSet) -> Iterator[Gate]:
    for policy in snapshot.policies:
        for freeze in policy.freezes:
            if freeze.start <= snapshot.now < freeze.end and _touches(
                snapshot, change, freeze.clusters
            ):
                yield Frozen(freeze.name, freeze.end, freeze.reason)


def _approvals(snapshot: Snapshot, change: ChangeSet, request: MergeRequest) -> Iterator[Gate]:
    """Only approvals of the head count, and an author's own only where the rule says so."""
    rules = [
        (rule, f"clusters with {rule.clusters}")
        for policy in snapshot.policies
        for rule in policy.approvals
        if _touches(snapshot, change, rule.clusters)
    ]
    outsiders = _outsiders(snapshot, change)
    if outsiders:
        rules.append((ApprovalRule(Selector(), 1), f"it overwrites a change by {outsiders}"))
    for rule, reason in rules:
        given: list[str] = []
        discounted: list[str] = []
        for approval in request.approvals:
            if approval.head == request.head:
                own = approval.email.lower() in snapshot.authors
                counts = rule.author_may_approve or not own
                (given if counts else discounted).append(approval.user)
        if len(given) < rule.count:
            yield AwaitsApproval(
                rule.count, tuple(given), tuple(discounted), reason, rule.author_may_approve
            )


def _outsiders(snapshot: Snapshot, change: ChangeSet) -> str:
    """Who, other than Switchyard, last changed what this wave is about to overwrite."""
    last = (snapshot.base.changes.get(unit) for unit in sorted(change.units))
    return ", ".join(sorted({each.author for each in last if each and each.source is None}))
