"""What is known of a rule where its state was lost: what Git records, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from planners.model import Unit, clusters_by_component
from planners.model.rules import Action, Evidence, Phase, Record, Rule, RuleKey, RuleState
from planners.model.snapshot import Snapshot
from planners.rules.machine import HOUR, begin


@dataclass(frozen=True, slots=True)
class Merged:
    """What is merged of a state: the steps that records name, and the units that have them."""

    steps: set[int] = field(default_factory=set)
    units: set[Unit] = field(default_factory=set)


@dataclass(frozen=True)
class Memory:
    """The states of a Snapshot, with what is recorded, by state: merged, or merged or proposed."""

    snapshot: Snapshot
    records: Mapping[RuleKey, Sequence[Record]]
    merged: Mapping[RuleKey, Merged]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Memory":
        """The memory of a Snapshot."""
        found: dict[RuleKey, list[Record]] = {}
        every = (snapshot.base.records, *(each.records for each in snapshot.open_branches))
        for record in (record for each in every for some in each.values() for record in some):
            found.setdefault(record.key, []).append(record)
        merged: dict[RuleKey, Merged] = {}
        for unit, records in snapshot.base.records.items():
            for record in records:
                known = merged.setdefault(record.key, Merged())
                known.steps.add(record.step)
                known.units.add(unit)
        return cls(snapshot, found, merged)

    @cached_property
    def _clusters(self) -> Mapping[str, frozenset[str]]:
        """Where each component is merged."""
        found = clusters_by_component(self.snapshot.base.entries)
        return {name: frozenset(clusters) for name, clusters in found.items()}

    @cached_property
    def _proposed(self) -> frozenset[RuleKey]:
        """The rules with an open change."""
        return frozenset[RuleKey]().union(*(each.rules for each in self.snapshot.open_branches))

    @cached_property
    def _kept(self) -> Mapping[RuleKey, int]:
        """How many steps of rules open changes keep in force."""
        found: dict[RuleKey, int] = {}
        for each in self.snapshot.open_branches:
            for key, steps in each.rule_steps.items():
                found[key] = min(steps, found.get(key, steps))
        return found

    def running(self, rule: Rule) -> frozenset[str]:
        """The clusters on which any component of a rule is merged."""
        none = frozenset[str]()
        return none.union(*(self._clusters.get(name, none) for name in rule.components))

    def state(self, key: RuleKey) -> RuleState:
        """The state as it is known, else as Git has it, else that of a rule that begins.

        An open change that gives steps back is newer than what is recorded.
        """
        known, now = self.snapshot.rule_states.get(key), self.snapshot.now
        if known is not None:
            return known
        records, kept = self.records.get(key), self._kept.get(key)
        if kept == 0:
            return RuleState(Phase.RETRACTING, now, recalled=True)
        found = restored(records, now) if records else begin(now)
        if kept is None or kept >= len(found.steps):
            return found
        return replace(found, phase=Phase.RETRACTING, steps=found.steps[:kept])

    def state_on(self, rule: Rule, cluster: str) -> RuleState:
        """That of a rule; one for demand takes over where its components run already."""
        key, now = RuleKey(rule.name, cluster), self.snapshot.now
        known = key in {*self.snapshot.rule_states, *self.records, *self._kept}
        if known or rule.action is not Action.ON_DEMAND or not self._runs(rule, cluster):
            return self.state(key)
        return RuleState(Phase.ACTIVE, now, (Evidence(0, rule.above, now, now),))

    def _runs(self, rule: Rule, cluster: str) -> bool:
        """Whether a component of a rule is merged on a cluster, or on any (empty)."""
        where = self.running(rule)
        return cluster in where if cluster else bool(where)

    def is_settled(self, rule: Rule, key: RuleKey, state: RuleState) -> bool:
        """Whether what a rule decided last is merged and ready, and no change of it is open."""
        if key in self._proposed:
            return False
        if rule.action is Action.ON_DEMAND and not state.epoch:
            return bool(state.steps) is self._runs(rule, key.cluster)
        merged = self.merged.get(key, Merged())
        done = max(merged.steps, default=0)
        return done == len(state.steps) and all(map(self.snapshot.is_ready, merged.units))


def restored(records: Sequence[Record], now: datetime) -> RuleState:
    """The state of an active rule from its records; a whole cooldown begins.

    Of a step that is recorded nowhere any more, the evidence of the next one counts.
    """
    epoch = max(each.epoch for each in records)
    steps = {each.step: each.evidence for each in records if each.epoch == epoch}
    numbers = range(1, max(steps) + 1)
    evidence = tuple(steps[min(n for n in steps if n >= number)] for number in numbers)
    moves = tuple(sorted(each.decided for each in steps.values() if now - each.decided < HOUR))
    return RuleState(Phase.ACTIVE, now, evidence, epoch, moves=moves, recalled=True)
