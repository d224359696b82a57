"""What is known of a rule where its state was lost: what Git records, and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from planners.model import Unit
from planners.model.rules import Action, Evidence, Phase, Record, Rule, RuleKey, RuleState
from planners.model.snapshot import Snapshot
from planners.rules.machine import HOUR, begin


@dataclass(frozen=True, slots=True)
class Memory:
    """The states of a Snapshot, and the records that are merged or proposed, by state."""

    snapshot: Snapshot
    records: Mapping[RuleKey, Sequence[Record]]

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Memory":
        """The memory of a Snapshot."""
        found: dict[RuleKey, list[Record]] = {}
        every = (snapshot.base.records, *(each.records for each in snapshot.open_branches))
        for record in (record for each in every for some in each.values() for record in some):
            found.setdefault(record.key, []).append(record)
        return cls(snapshot, found)

    def state(self, key: RuleKey) -> RuleState:
        """The state as it is known, else as it is recorded, else that of a rule that begins."""
        known = self.snapshot.rule_states.get(key)
        if known is not None:
            return known
        records = self.records.get(key)
        return restored(records, self.snapshot.now) if records else begin(self.snapshot.now)

    def state_on(self, rule: Rule, cluster: str) -> RuleState:
        """That of a rule; one for demand takes over where its components run already."""
        key, now = RuleKey(rule.name, cluster), self.snapshot.now
        known = key in self.snapshot.rule_states or key in self.records
        takes_over = rule.action is Action.ON_DEMAND and not known
        if not (takes_over and running(self.snapshot, rule, cluster)):
            return self.state(key)
        return RuleState(Phase.ACTIVE, now, (Evidence(0, rule.above, now, now),))


def restored(records: Sequence[Record], now: datetime) -> RuleState:
    """The state of an active rule from its records; pace and cooldown begin anew."""
    epoch = max(each.epoch for each in records)
    steps = {each.step: each.evidence for each in records if each.epoch == epoch}
    evidence = tuple(steps[number] for number in sorted(steps))
    moves = tuple(sorted(each.decided for each in evidence if now - each.decided < HOUR))
    return RuleState(Phase.ACTIVE, now, evidence, epoch, moves=moves)


def running(snapshot: Snapshot, rule: Rule, cluster: str) -> list[Unit]:
    """The merged units of a rule's components, on one cluster or all (empty)."""
    return [
        unit
        for unit in snapshot.base.entries
        if unit.component in rule.components and cluster in {"", unit.cluster}
    ]


def is_settled(snapshot: Snapshot, rule: Rule, key: RuleKey, state: RuleState) -> bool:
    """Whether what a rule decided last is merged and ready, and no change of it is open."""
    if any(key in branch.rules for branch in snapshot.open_branches):
        return False
    if rule.action is Action.ON_DEMAND and not state.epoch:
        return bool(state.steps) is bool(running(snapshot, rule, key.cluster))
    steps, units = set[int](), set[Unit]()
    for unit, records in snapshot.base.records.items():
        for record in records:
            if record.key == key:
                steps.add(record.step)
                units.add(unit)
    done = max(steps, default=0)
    return done == len(state.steps) and all(snapshot.is_ready(unit) for unit in units)
