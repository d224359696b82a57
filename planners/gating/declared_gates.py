"""Gates that teams and the platform declare: which of them hold a wave, and what a result means.

A result belongs to the digest of a wave: other content is asked about again. Asking is an effect;
the answers are part of the Snapshot. Objects that run in the cluster are units of their own, see
`planners.gate_jobs`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from planners.gate_jobs import job_rules
from planners.gating.change_sets import ChangeSet
from planners.gating.dependencies import GatingContext
from planners.gating.effects import AskGate, GateSubject
from planners.gating.readiness import ReadinessRequirement
from planners.model import DependencyCondition, Stage
from planners.model.fleet import policy_gates
from planners.model.gate_rules import (
    GateAction,
    GateAnswer,
    GatePhase,
    GateRule,
    GateState,
    MergedWave,
    OnTimeout,
)
from planners.model.gates import AwaitsGate, Gate
from planners.model.snapshot import DeployBase, MergeRequest, Snapshot
from planners.order import REMOVAL, Wave
from planners.plan import Plan, digest_of

OTHERS_OPEN = "all other gates are open"
LATEST = timedelta(days=1)
"""How long after its timeout a gate that nothing waits for is still asked for the first time.

A service that lost its database does not judge anew what was rolled out long ago.
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """A gate of a wave: why it is closed, if it is, and the question that is due, if one is."""

    gate: AwaitsGate | None
    ask: AskGate | None = None


def declared(snapshot: Snapshot) -> tuple[GateRule, ...]:
    """The gates of the application and of the policies that somebody outside has to answer."""
    platform = policy_gates(snapshot.policies, snapshot.tenant.name)
    every = (*snapshot.application.gates, *platform)
    return tuple(each for each in every if not each.settings.folder)


def names(snapshot: Snapshot) -> list[str]:
    """The names by which gates that are asked outside are asked anew."""
    return sorted({each.name for each in declared(snapshot)})


def overridable(snapshot: Snapshot) -> list[str]:
    """The names by which declared gates are overridden: those that run in the cluster, too."""
    return sorted({*names(snapshot), *(each.name for each in job_rules(snapshot.application))})


def actions_of(base: DeployBase, plan: Plan, change: ChangeSet) -> tuple[GateAction, ...]:
    """What a wave does to the units that it changes."""
    if plan.restores is not None:
        return (GateAction.ROLLBACK,)
    if change.wave.removal:
        return (GateAction.REMOVAL,)
    present = change.units & base.entries.keys()
    found = [GateAction.INSTALL] if change.units - present else []
    return (*found, *((GateAction.UPDATE,) if present else ()))


def gate_id(application: str, rule: GateRule, digest: str, attempt: int) -> str:
    """Names one question; after a lost database it is asked again under the same name."""
    asked = [digest, rule.policy, rule.name, rule.phase, attempt]
    return f"{application}.{digest_of(asked)[:40]}"


@dataclass(frozen=True)
class DeclaredGates:
    """The declared gates of all waves of a plan."""

    context: GatingContext
    rules: tuple[GateRule, ...]
    changes: Sequence[ChangeSet]
    _after: dict[str, tuple[Judged, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, context: GatingContext, changes: Sequence[ChangeSet]) -> "DeclaredGates":
        """Those of the application and of the newest policies."""
        return cls(context, declared(context.snapshot), changes)

    def before(
        self, change: ChangeSet, request: MergeRequest | None, others: Iterable[Gate]
    ) -> Iterator[Judged]:
        """The gates before a wave. They are asked last, so that their results are fresh."""
        snapshot, plan = self.context.snapshot, self.context.plan
        actions = actions_of(snapshot.base, plan, change) if self.rules else ()
        waits = request is None or any(True for _ in others)
        for rule in self._rules(GatePhase.BEFORE, change.wave, actions, change.clusters):
            if request is None or waits:
                yield Judged(_waiting(rule, change.wave.name, OTHERS_OPEN))
                continue
            subject = GateSubject(
                change.wave.name,
                change.digest,
                actions,
                change.clusters,
                request.number,
                request.head,
            )
            yield self._judge(rule, subject)

    def holding(self, change: ChangeSet) -> Iterator[Judged]:
        """The gates after earlier waves, which hold this one."""
        for wave in self._ordered if self._any_after else ():
            if _position(wave) < _position(change.wave):
                yield from self.after(wave)

    def after(self, wave: Wave) -> tuple[Judged, ...]:
        """The gates after a wave: it has to be merged and ready before they are asked."""
        if not self._any_after:
            return ()
        if wave.name not in self._after:
            self._after[wave.name] = tuple(self._judged_after(wave))
        return self._after[wave.name]

    @cached_property
    def _any_after(self) -> bool:
        return any(rule.phase is GatePhase.AFTER for rule in self.rules)

    @cached_property
    def _by_wave(self) -> Mapping[str, ChangeSet]:
        return {each.wave.name: each for each in self.changes}

    def _judged_after(self, wave: Wave) -> Iterator[Judged]:
        own = self._by_wave.get(wave.name)
        if own is not None and own.files:
            actions = actions_of(self.context.snapshot.base, self.context.plan, own)
            for rule in self._rules(GatePhase.AFTER, wave, actions, own.clusters):
                yield Judged(_waiting(rule, wave.name, f"{wave.name} is merged and ready"))
            return
        merged = self._merged(wave)
        if merged is None:
            return
        clusters = merged.clusters or tuple(sorted({unit.cluster for unit in wave.units}))
        actions = merged.actions or (GateAction.UPDATE,)
        for rule in self._rules(GatePhase.AFTER, wave, actions, clusters):
            subject = GateSubject(
                wave.name, merged.digest, actions, clusters, merged.number, merged.commit
            )
            if self._is_over(rule, merged, subject):
                continue
            if self._pending(wave):
                yield Judged(_waiting(rule, wave.name, f"{wave.name} is ready"))
            else:
                yield self._judge(rule, subject)

    def merged_removals(self) -> Iterator[Wave]:
        """The waves of removals that are merged; the plan has only those that are still to come."""
        known = {wave.name for wave in self.context.plan.waves}
        step = max((wave.step for wave in self.context.plan.waves), default=0) + 1
        for each in self.context.snapshot.merged_waves:
            name, _, level = each.name.rpartition(".")
            if name == REMOVAL and level.isdecimal() and each.name not in known:
                pending = [w.step for w in self.context.plan.waves if w.removal]
                yield Wave(
                    each.name,
                    Stage(REMOVAL),
                    pending[0] if pending else step,
                    int(level) - 1,
                    (),
                    removal=True,
                )

    @cached_property
    def _ordered(self) -> tuple[Wave, ...]:
        return (*self.context.plan.waves, *self.merged_removals())

    def _merged(self, wave: Wave) -> MergedWave | None:
        found = self.context.snapshot.merged_waves
        return next((each for each in found if each.name == wave.name), None)

    def _pending(self, wave: Wave) -> bool:
        if wave.removal:
            return False
        back = self.context.plan.restores is not None
        when = DependencyCondition.APPLIED if back else DependencyCondition.READY
        return bool(self.context.not_ready(wave.units, ReadinessRequirement(when)))

    def _is_over(self, rule: GateRule, merged: MergedWave, subject: GateSubject) -> bool:
        """Whether it was never asked, nothing waits for it, and the merge is long ago."""
        snapshot = self.context.snapshot
        asked = self._id(rule, subject) in snapshot.gate_answers
        waiting = any(each.files for each in self.changes)
        return not (asked or waiting) and snapshot.now > merged.at + rule.timeout + LATEST

    def _rules(
        self,
        phase: GatePhase,
        wave: Wave,
        actions: Iterable[GateAction],
        clusters: Iterable[str],
    ) -> Iterator[GateRule]:
        """The gates of a phase that hold a wave, and that no command opened."""
        opened = {
            each.gate
            for each in self.context.snapshot.overrides.gate_overrides
            if each.wave in {"", wave.name}
        }
        done, touched = set(actions), frozenset(clusters)
        staged = not wave.removal and self.context.plan.restores is None
        for rule in self.rules:
            if rule.phase is not phase or rule.name in opened or not done & set(rule.actions):
                continue
            if staged and rule.stages and wave.stage.name not in rule.stages:
                continue
            if rule.clusters is None or any(
                each.name in touched and rule.clusters.matches(each)
                for each in self.context.snapshot.clusters
            ):
                yield rule

    def _id(self, rule: GateRule, subject: GateSubject) -> str:
        snapshot = self.context.snapshot
        attempt = 1 + snapshot.overrides.gate_retries.get(rule.name, 0)
        return gate_id(snapshot.application.name, rule, subject.digest, attempt)

    def _judge(self, rule: GateRule, subject: GateSubject) -> Judged:
        snapshot, identity = self.context.snapshot, self._id(rule, subject)
        ask = AskGate(identity, rule, subject)
        answer = snapshot.gate_answers.get(identity)
        if answer is None:
            return Judged(_waiting(rule, subject.wave, ""), ask)
        due = ask if answer.again is not None and snapshot.now >= answer.again else None
        gate = _closed(rule, subject.wave, answer, snapshot)
        if gate is not None and gate.state is GateState.FAILED and gate.overdue:
            due = None
        if gate is None and due is not None:
            gate = _waiting(rule, subject.wave, "")
        return Judged(gate, due)


def _closed(rule: GateRule, wave: str, answer: GateAnswer, snapshot: Snapshot) -> AwaitsGate | None:
    """Why a gate with an answer is closed; a result that came too late is a failure, if so said."""
    now, deadline = snapshot.now, answer.begun + rule.timeout
    running = answer.state is GateState.RUNNING
    late = now >= deadline if running else answer.since >= deadline
    if answer.state is GateState.PASSED and not (late and rule.on_timeout is OnTimeout.FAIL):
        return None
    failed = answer.state is GateState.FAILED or (late and rule.on_timeout is OnTimeout.FAIL)
    times = [answer.again, deadline if running else None]
    return replace(
        _waiting(rule, wave, ""),
        state=GateState.FAILED if failed else GateState.RUNNING,
        message=answer.message,
        url=answer.url,
        until=min((each for each in times if each is not None and each > now), default=None),
        overdue=late and answer.state is not GateState.FAILED,
    )


def _waiting(rule: GateRule, wave: str, begins: str) -> AwaitsGate:
    return AwaitsGate(rule.name, rule.phase, wave, GateState.RUNNING, rule.on_timeout, begins)


def _position(wave: Wave) -> tuple[int, int]:
    return wave.step, wave.level
