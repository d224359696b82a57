"""Which changes of a wave rules caused, and why such a wave needs a person, if it does."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from planners.model import AnyOf, Unit
from planners.model.rules import FAILOVER, Action, AutomaticRule, Record, RuleKey
from planners.model.snapshot import Snapshot
from planners.plan import Plan
from planners.rules.deviations import choosing
from planners.rules.failover import rule_of
from planners.rules.records import scaled


@dataclass(frozen=True, slots=True)
class RuleChange:
    """The rules that caused changes of a wave; `alone`: they caused all of them."""

    rules: tuple[RuleKey, ...] = ()
    alone: bool = False


@dataclass(frozen=True)
class Causes:
    """Finds the rules behind the changes of a plan."""

    snapshot: Snapshot
    plan: Plan

    @property
    def any(self) -> bool:
        """Whether there can be any."""
        snapshot = self.snapshot
        return bool(snapshot.application.rules or snapshot.base.records or self.plan.decisions)

    def of(self, paths: Mapping[Unit, Iterable[str]], *, removal: bool) -> RuleChange:
        """Those of changed units, each with the paths that change."""
        caused = {
            unit: self._removed(unit) if removal else self._written(unit, changed)
            for unit, changed in paths.items()
        }
        keys = {key for each in caused.values() for key in each}
        ordered = sorted(keys, key=lambda each: (each.rule, each.cluster))
        return RuleChange(tuple(ordered), bool(caused) and all(caused.values()))

    def _written(self, unit: Unit, paths: Iterable[str]) -> frozenset[RuleKey]:
        """Content of another revision is not a rule's, whatever is recorded beside it.

        A unit that one rule brings is no change of another one that has set its replicas.
        """
        base = self.snapshot.base
        before, after = self._records(base.records, unit), self._records(self.plan.records, unit)
        if unit not in base.entries and after - scaled(after):
            after -= scaled(after)
        keys = frozenset(each.key for each in before ^ after)
        if unit not in base.entries or all(_is_record(path) for path in paths):
            return keys
        change = base.changes.get(unit)
        same = change is not None and change.source == self.snapshot.revision.sha
        return keys if same else frozenset()

    def _removed(self, unit: Unit) -> frozenset[RuleKey]:
        """What recorded rules give back, what failed, and what has no demand any more."""
        application = self.snapshot.application
        if application.component(unit.component) is None:
            return frozenset()
        rules = {each.name: each for each in application.rules}
        records = self._records(self.snapshot.base.records, unit)
        recorded = {each.key for each in records - scaled(records)}
        found = {key for key in recorded if key.rule in rules or key.rule == FAILOVER}
        if unit.component in choosing(application):
            failed = {each.key for each in self.plan.decisions if each.action is Action.FAILOVER}
            found |= failed & {RuleKey(FAILOVER, unit.cluster)}
        for rule in rules.values():
            if rule.action is Action.ON_DEMAND and unit.component in rule.components:
                found.add(RuleKey(rule.name, unit.cluster))
        return frozenset(found)

    @staticmethod
    def _records(records: Mapping[Unit, tuple[Record, ...]], unit: Unit) -> frozenset[Record]:
        return frozenset(records.get(unit, ()))


def _is_record(path: str) -> bool:
    return path.split("/")[2:3] == ["rules"]


def needs_person(
    snapshot: Snapshot, plan: Plan, rules: tuple[RuleKey, ...], units: Iterable[Unit]
) -> str:
    """Why no policy lets a wave through that these rules caused; empty if one does."""
    changed = frozenset(units)
    named = {key.rule for key in rules} | _scaled_first(snapshot, plan, changed)
    reasons = [_refusal(snapshot, rule, changed) for rule in sorted(named)]
    reasons += _running_twice(snapshot, plan, changed)
    return next((each for each in reasons if each), "")


def _scaled_first(snapshot: Snapshot, plan: Plan, changed: Iterable[Unit]) -> set[str]:
    """The rules that set replicas of new units as they are merged nowhere yet."""
    every = (record for each in snapshot.base.records.values() for record in each)
    merged = {(each.key, each.epoch, each.step) for each in every}
    return {
        record.rule
        for unit in changed
        if unit not in snapshot.base.entries
        for record in scaled(plan.records.get(unit))
        if (record.key, record.epoch, record.step) not in merged
    }


def _refusal(snapshot: Snapshot, rule: str, changed: frozenset[Unit]) -> str:
    application = snapshot.application.name
    permitted = [
        each
        for policy in snapshot.policies
        for each in policy.automatic
        if (each.application, each.rule) == (application, rule)
    ]
    if not permitted:
        return "no policy makes it automatic"
    refusals = [_limit(snapshot, each, changed) for each in permitted]
    return "" if "" in refusals else refusals[0]


def _limit(snapshot: Snapshot, permitted: AutomaticRule, changed: frozenset[Unit]) -> str:
    """What a permission does not cover; empty if it covers all."""
    names = {unit.cluster for unit in changed}
    covered = {c.name for c in snapshot.clusters if permitted.clusters.matches(c)}
    if names - covered:
        return f"it is not automatic on {min(names - covered)}"
    if len(names) > permitted.max_clusters:
        return f"it changes {len(names)} clusters, automatic are {permitted.max_clusters}"
    states = snapshot.rule_states.items()
    moves = sum(len(state.moves) for key, state in states if key.rule == permitted.rule)
    if moves > permitted.per_hour:
        return f"it decided {moves} times in the last hour, automatic are {permitted.per_hour}"
    return ""


def _running_twice(snapshot: Snapshot, plan: Plan, changed: frozenset[Unit]) -> Iterator[str]:
    """Components that run on one cluster only, and may still run on the one that failed."""
    for unit in sorted(changed):
        for record in plan.records.get(unit, ()):
            if record.action is not Action.FAILOVER or unit in snapshot.base.entries:
                continue
            cluster = snapshot.cluster(record.cluster)
            rule = rule_of(snapshot, cluster) if cluster is not None else None
            if _runs_once(snapshot, unit.component) and not (rule is not None and rule.fenced):
                yield (
                    f"{unit.component} runs on one cluster only, and {record.cluster} may still "
                    f"run it: make sure that it does not"
                )


def _runs_once(snapshot: Snapshot, component: str) -> bool:
    counts = [
        entry.count
        for intent in snapshot.application.placements
        if component in intent.components
        for entry in (*intent.all_of, intent.any_of)
        if isinstance(entry, AnyOf)
    ]
    return len(counts) == 1 and counts[0].maximum == 1
