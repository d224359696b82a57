"""What is known of a rule where its state was lost: what Git records, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from planners.model import Unit
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
        found: dict[str, set[str]] = {}
        for component, cluster in self.snapshot.base.entries:
            found.setdefault(component, set()).add(cluster)
        return {name: frozenset(clusters) for name, clusters in found.items()}

    @cached_property
    def _proposed(self) -> frozenset[RuleKey]:
        """The rules with an open change."""
        return frozenset[RuleKey]().union(*(each.rules for each in self.snapshot.open_branches))

    @cached_property
    def _given_back(self) -> frozenset[RuleKey]:
        """The rules of which an open change takes back all that they did."""
        branches = self.snapshot.open_branches
        return frozenset[RuleKey]().union(*(each.given_back for each in branches))

    def running(self, rule: Rule) -> frozenset[str]:
        """The clusters on which any component of a rule is merged."""
        none = frozenset[str]()
        return none.union(*(self._clusters.get(name, none) for name in rule.components))

    def state(self, key: RuleKey) -> RuleState:
        """The state as it is known, else as Git has it, else that of a rule that begins.

        An open change that takes back all that a rule did is newer than what is recorded.
        """
        known = self.snapshot.rule_states.get(key)
        if known is not None:
            return known
        if key in self._given_back:
            return RuleState(Phase.RETRACTING, self.snapshot.now, recalled=True)
        records = self.records.get(key)
        return restored(records, self.snapshot.now) if records else begin(self.snapshot.now)

    def state_on(self, rule: Rule, cluster: str) -> RuleState:
        """That of a rule; one for demand takes over where its components run already."""
        key, now = RuleKey(rule.name, cluster), self.snapshot.now
        known = key in {*self.snapshot.rule_states, *self.records, *self._given_back}
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
    """The state of an active rule from its records; a whole cooldown begins."""
    epoch = max(each.epoch for each in records)
    steps = {each.step: each.evidence for each in records if each.epoch == epoch}
    evidence = tuple(steps[number] for number in sorted(steps))
    moves = tuple(sorted(each.decided for each in evidence if now - each.decided < HOUR))
    return RuleState(Phase.ACTIVE, now, evidence, epoch, moves=moves, recalled=True)
