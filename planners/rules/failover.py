"""Failover: when the components of an application leave clusters that are silent or fail.

The platform's policies say for which clusters, and after how long. Where too few clusters of the
fleet are heard, it is the service that is blind; where too many of a class fail, the cause is a
common one: nothing moves then, in any direction. What lasted while the service was blind or away
does not count: clusters that report every few minutes are heard one after the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from planners.model import Cluster
from planners.model.rules import FAILOVER, Action, FailoverRule, Phase, Rule, RuleKey, RuleState
from planners.model.signals import Sample, Series, SignalKey, SignalKind
from planners.model.snapshot import Snapshot
from planners.rules.machine import Moment, advance
from planners.rules.memory import Memory

SIGNAL = SignalKey(SignalKind.ALERT, "silence")
FAILS = Rule(FAILOVER, (), SIGNAL, Action.FAILOVER, max_age=timedelta.max)
WHOLE = 100


@dataclass(frozen=True)
class _Fleet:
    """Which clusters are heard, and which fail."""

    snapshot: Snapshot
    _blindness: dict[str, str] = field(default_factory=dict)

    @cached_property
    def heard(self) -> dict[str, bool]:
        """Whether each cluster that ever reported is heard now."""
        snapshot, last = self.snapshot, self.snapshot.last_reports
        return {
            each.name: snapshot.now < last[each.name] + snapshot.max_report_age(each.name)
            for each in snapshot.clusters
            if each.name in last
        }

    def fails(self, cluster: str) -> bool:
        """Whether it is silent, or says that it fails."""
        return not self.heard[cluster] or bool(self.snapshot.cluster_failure(cluster))

    def blindness(self, rule: FailoverRule) -> str:
        """Why nothing may move, if so."""
        key = str(rule)
        if key not in self._blindness:
            self._blindness[key] = self._why_blind(rule)
        return self._blindness[key]

    def _why_blind(self, rule: FailoverRule) -> str:
        heard = sum(self.heard.values())
        if heard * WHOLE < rule.quorum * len(self.heard):
            return (
                f"only {heard} of {len(self.heard)} clusters are heard, less than the quorum of "
                f"{rule.quorum}%: the service may be blind"
            )
        names = [c.name for c in self.snapshot.clusters if rule.clusters.matches(c)]
        known = [name for name in names if name in self.heard]
        failing = sum(map(self.fails, known))
        if failing * WHOLE > rule.max_share * len(known):
            return (
                f"{failing} of {len(known)} clusters of {rule.clusters} fail, more than "
                f"{rule.max_share}%: the cause is a common one"
            )
        return ""

    def series(self, cluster: str, timer: datetime | None) -> Series:
        """1 since a cluster fails, or 0 since it is well: as long as the service could hear it."""
        since = max(timer or self.snapshot.now, self.snapshot.listening_since)
        return Series((Sample(float(self.fails(cluster)), since),))


def rule_of(snapshot: Snapshot, cluster: Cluster) -> FailoverRule | None:
    """What the first policy that selects a cluster says."""
    rules = (rule for policy in snapshot.policies for rule in policy.failover)
    return next((rule for rule in rules if rule.clusters.matches(cluster)), None)


def fail_over(snapshot: Snapshot, memory: Memory) -> dict[RuleKey, RuleState]:
    """The states of all clusters that the application runs on, or has left."""
    fleet, found = _Fleet(snapshot), dict[RuleKey, RuleState]()
    for key, rule in sorted(_concerned(snapshot, memory), key=lambda each: each[0].cluster):
        state = memory.state(key)
        if key.cluster not in fleet.heard:
            found[key] = replace(state, why=f"{key.cluster} has never reported: stays as it is")
            continue
        blind = fleet.blindness(rule)
        if blind:
            kept = replace(state, timer=None, why=f"{blind}: stays as it is")
            found[key] = kept if state.steps else replace(kept, phase=Phase.IDLE)
            continue
        returned = _returned(memory, found) if state.steps else None
        machine, state, moment = _judged(fleet, rule, key, state, returned)
        settled = memory.is_settled(machine, key, state)
        advanced = advance(machine, state, replace(moment, settled=settled))
        if advanced.phase is Phase.IDLE:
            advanced = replace(advanced, why=f"{key.cluster} is well")
        found[key] = advanced
    return found


def due_failovers(snapshot: Snapshot) -> Iterator[datetime]:
    """When clusters may be left, or chosen again, unless that is over before."""
    for key, state in snapshot.rule_states.items():
        cluster = snapshot.cluster(key.cluster) if key.rule == FAILOVER else None
        rule = rule_of(snapshot, cluster) if cluster is not None else None
        if rule is not None and state.timer is not None:
            yield state.timer + rule.after


def _concerned(snapshot: Snapshot, memory: Memory) -> Iterator[tuple[RuleKey, FailoverRule]]:
    names = {unit.cluster for unit in snapshot.base.entries}
    names |= {k.cluster for k in (*snapshot.rule_states, *memory.records) if k.rule == FAILOVER}
    for cluster in snapshot.clusters:
        rule = rule_of(snapshot, cluster) if cluster.name in names else None
        if rule is not None:
            yield RuleKey(FAILOVER, cluster.name), rule


def _returned(memory: Memory, found: dict[RuleKey, RuleState]) -> datetime | None:
    """When the last cluster came back."""
    states = {**memory.snapshot.rule_states, **found}
    return max(
        (s.changed for k, s in states.items() if k.rule == FAILOVER and s.moves and not s.steps),
        default=None,
    )


def _judged(
    fleet: _Fleet, rule: FailoverRule, key: RuleKey, state: RuleState, returned: datetime | None
) -> tuple[Rule, RuleState, Moment]:
    """What the state machine needs for a cluster; `returned` is when the last one came back.

    Where nothing moved yet, `after` is the only wait.
    """
    signal, now = SignalKey(SIGNAL.kind, SIGNAL.name, key.cluster), fleet.snapshot.now
    machine = replace(FAILS, signal=signal, hold=rule.after, cooldown=rule.after, pace=rule.pace)
    series = fleet.series(key.cluster, state.timer)
    if not state.steps and not state.moves:
        state = replace(state, changed=min(state.changed, series.samples[0].at - rule.after))
    waits = returned is not None and now < returned + rule.pace and bool(state.steps)
    held = "waits: another cluster came back just now" if waits else ""
    return machine, state, Moment(series, now, held=held)
