"""What decides besides the files: when a wave merges, what a failure does, who lets it through.

It is part of the digests of plan and waves, so that approvals bind to it. Freezes, holds and pauses
are not: they only stop what is approved, and would drop every approval when they begin and end.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import time, timedelta
from enum import Enum
from functools import cached_property

from planners.gating.rule_changes import Causes
from planners.model import (
    ApprovalRule,
    Cluster,
    Dependency,
    Json,
    MergeMethod,
    OfflineMode,
    OnFailure,
    Stage,
    Window,
)
from planners.model.fleet import policy_gates
from planners.model.gate_rules import GatePhase, GateRule
from planners.model.rules import AutomaticRule
from planners.model.snapshot import Snapshot
from planners.order import Wave
from planners.plan import Plan, digest_of


@dataclass(frozen=True, slots=True)
class StageConditions:
    """What must hold after a stage before the next one begins."""

    name: str
    soak: timedelta = timedelta()
    max_failures: int = 0
    max_failures_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a wave, or of all waves of a plan.

    `stages` are the wave's own and the earlier ones. `dependencies` maps components to theirs.
    `time_zones` are those of the clusters that have windows; the approvers are the tenant's.
    `max_report_ages` are by cluster, under an empty name if all have the same. `automatic` lists
    which of the rules that caused it need no person.
    """

    stages: tuple[StageConditions, ...] = ()
    dependencies: Mapping[str, tuple[Dependency, ...]] = field(default_factory=dict)
    on_failure: OnFailure = OnFailure.HOLD
    offline: OfflineMode = OfflineMode.WAIT
    approvals: tuple[ApprovalRule, ...] = ()
    approvers: tuple[str, ...] = ()
    approver_teams: tuple[str, ...] = ()
    windows: tuple[Window, ...] = ()
    time_zones: tuple[str, ...] = ()
    max_report_ages: Mapping[str, timedelta] = field(default_factory=dict)
    merge_method: MergeMethod | None = None
    automatic: tuple[AutomaticRule, ...] = ()
    gates: tuple[GateRule, ...] = ()

    @property
    def digest(self) -> str:
        """Its SHA-256, in hexadecimal; a field that is not set does not count."""
        return digest_of(_json(self))


def _json(value: object) -> Json:
    if is_dataclass(value):
        return {name: _json(each) for name, each in _set_fields(value)}
    match value:
        case Enum():
            return value.name
        case timedelta():
            return value.total_seconds()
        case time():
            return value.isoformat()
        case Mapping():
            return {str(key): _json(each) for key, each in value.items()}
        case frozenset():
            return sorted((_json(each) for each in value), key=str)
        case tuple():
            return [_json(each) for each in value]
        case None | bool() | int() | str():
            return value
        case unknown:
            raise TypeError(f"no JSON for {type(unknown).__name__}")


def _set_fields(value: object) -> Iterator[tuple[str, object]]:
    """The fields that differ from their defaults: a new field changes no digest by itself."""
    for each in fields(value):  # type: ignore[arg-type]
        default = each.default if each.default_factory is MISSING else each.default_factory()
        content = getattr(value, each.name)
        if content != default:
            yield each.name, content


@dataclass(frozen=True)
class ConditionReader:
    """Reads the conditions of a plan's waves; a rollback, which nobody approves, has none."""

    snapshot: Snapshot
    plan: Plan
    _by_cluster: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)

    @cached_property
    def whole(self) -> Conditions:
        """Those of all waves."""
        units = [unit for wave in self.plan.waves for unit in wave.units]
        return self._read(self.plan.waves, {unit.cluster for unit in units})

    def of(self, wave: Wave, clusters: Iterable[str]) -> Conditions:
        """Those of a wave that changes these clusters."""
        return self._read((wave,), clusters)

    def _read(self, waves: Sequence[Wave], names: Iterable[str]) -> Conditions:
        if self.plan.restores is not None:
            return Conditions()
        snapshot, application = self.snapshot, self.snapshot.application
        components = {unit.component for w in waves if not w.removal for unit in w.units}
        clusters = [self._clusters[name] for name in names if name in self._clusters]
        rules = sorted({index for each in clusters for index in self._touching(each)[0]})
        windows = sorted({index for each in clusters for index in self._touching(each)[1]})
        stages = self._stages.get(max((wave.step for wave in waves), default=-1), ())
        return Conditions(
            stages=stages,
            dependencies={
                each.name: each.depends_on
                for each in application.components
                if each.name in components and each.depends_on
            },
            on_failure=application.on_failure,
            offline=application.offline,
            approvals=tuple(self._rules[index] for index in rules),
            approvers=snapshot.tenant.approvers,
            approver_teams=snapshot.tenant.approver_teams,
            windows=tuple(self._windows[index] for index in windows),
            time_zones=tuple(sorted({c.timezone for c in clusters if self._touching(c)[1]})),
            max_report_ages=_ages(snapshot, clusters),
            automatic=self._automatic(waves),
            merge_method=next((p.merge_method for p in snapshot.policies if p.merge_method), None),
            gates=tuple(g for g in self._gates if _may_hold(g, waves, stages, clusters)),
        )

    @cached_property
    def causes(self) -> Causes:
        """The rules behind the plan's changes."""
        return Causes(self.snapshot, self.plan)

    def _automatic(self, waves: Sequence[Wave]) -> tuple[AutomaticRule, ...]:
        """What policies permit to the rules that are recorded for units of waves."""
        snapshot = self.snapshot
        permitted = [each for policy in snapshot.policies for each in policy.automatic]
        if not permitted or not self.causes.any:
            return ()
        units = {unit for wave in waves for unit in wave.units}
        every = (self.plan.records, snapshot.base.records)
        records = [record for each in every for unit in units for record in each.get(unit, ())]
        rules = {record.rule for record in records}
        name = snapshot.application.name
        return tuple(e for e in permitted if e.application == name and e.rule in rules)

    @cached_property
    def _clusters(self) -> Mapping[str, Cluster]:
        return {each.name: each for each in self.snapshot.clusters}

    @cached_property
    def _rules(self) -> Sequence[ApprovalRule]:
        return [rule for policy in self.snapshot.policies for rule in policy.approvals]

    @cached_property
    def _gates(self) -> Sequence[GateRule]:
        """The application's gates, and those of policies."""
        snapshot = self.snapshot
        platform = policy_gates(snapshot.policies, snapshot.tenant.name)
        return [*snapshot.application.gates, *platform]

    @cached_property
    def _windows(self) -> Sequence[Window]:
        return [window for policy in self.snapshot.policies for window in policy.windows]

    def _touching(self, cluster: Cluster) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The positions of the rules and of the windows that select a cluster."""
        if cluster.name not in self._by_cluster:
            self._by_cluster[cluster.name] = (
                tuple(i for i, each in enumerate(self._rules) if each.clusters.matches(cluster)),
                tuple(i for i, each in enumerate(self._windows) if each.clusters.matches(cluster)),
            )
        return self._by_cluster[cluster.name]

    @cached_property
    def _stages(self) -> Mapping[int, tuple[StageConditions, ...]]:
        """For each step, the stages up to and including its own, in rollout order."""
        found: dict[StageConditions, None] = {}
        by_step: dict[int, tuple[StageConditions, ...]] = {}
        for wave in sorted(self.plan.waves, key=lambda each: each.step):
            if not wave.removal:
                found[_conditions_of(wave.stage)] = None
            by_step[wave.step] = tuple(found)
        return by_step


def _ages(snapshot: Snapshot, clusters: Sequence[Cluster]) -> Mapping[str, timedelta]:
    """By cluster; under an empty name if it is the same for all of them."""
    ages = {each.name: snapshot.max_report_age(each.name) for each in clusters}
    different = set(ages.values())
    return {"": different.pop()} if len(different) == 1 else dict(sorted(ages.items()))


def _may_hold(
    rule: GateRule,
    waves: Sequence[Wave],
    stages: Sequence[StageConditions],
    clusters: Sequence[Cluster],
) -> bool:
    """Whether a gate can hold one of the waves; after an earlier stage it holds this one."""
    outside = any(wave.removal for wave in waves)
    if rule.phase is GatePhase.AFTER:
        return outside or not rule.stages or any(each.name in rule.stages for each in stages)
    if rule.stages and not (outside or any(wave.stage.name in rule.stages for wave in waves)):
        return False
    return rule.clusters is None or any(rule.clusters.matches(each) for each in clusters)


def _conditions_of(stage: Stage) -> StageConditions:
    return StageConditions(stage.name, stage.soak, stage.max_failures, stage.max_failures_percent)
