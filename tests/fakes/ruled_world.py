"""A world of the core in which rules decide: signals, silence of clusters, and lost memory."""

from dataclasses import replace
from datetime import datetime, timedelta

from bot.engine.propose import Proposal, propose
from planners.gating.change_sets import ChangeSet
from planners.gating.effects import PushBranch
from planners.model import Readiness
from planners.model.rules import RuleKey, RuleState
from planners.model.signals import Sample, Series, SignalKey
from planners.model.snapshot import MergeRequest, MergeRequestState, Snapshot
from planners.rules.decide import decide
from tests.fakes.builders import World


class RuledWorld(World):
    """Each pass advances the rules first; clusters that are not `silent` report each minute."""

    def __init__(self, start: Snapshot) -> None:
        super().__init__(start)
        self.silent: set[str] = set()
        self.opened_at: list[tuple[datetime, str]] = []
        self._proposal: Proposal | None = None

    def pass_once(self) -> Proposal:
        self.snapshot = decide(self.snapshot)
        self._proposal = proposal = propose(self.snapshot)
        assert not proposal.problems, proposal.problems
        for effect in proposal.evaluation.effects:
            self._do(effect)
        return proposal

    def minutes(
        self, count: int, values: dict[SignalKey, float] | None = None, every: int = 1
    ) -> None:
        """Time passes; each minute, or less often, signals have samples, and clusters report."""
        for _ in range(count // every):
            self.later(timedelta(minutes=every))
            self.sample(values or {})
            self.hear()
            self.settle()

    def sample(self, values: dict[SignalKey, float]) -> None:
        now, signals = self.snapshot.now, dict(self.snapshot.signals)
        for key, value in values.items():
            signals[key] = signals.get(key, Series()).add([Sample.of(value, now)], now)
        self.snapshot = replace(self.snapshot, signals=signals)

    def hear(self) -> None:
        heard = {c.name for c in self.snapshot.clusters} - self.silent
        last = dict.fromkeys(heard, self.snapshot.now)
        self.snapshot = replace(self.snapshot, last_reports={**self.snapshot.last_reports, **last})
        for unit in self.snapshot.base.entries:
            if unit.cluster in heard:
                self.report(unit, Readiness.READY)

    def forget(self) -> None:
        """The database is lost: states, samples and reports."""
        self.snapshot = replace(
            self.snapshot, rule_states={}, signals={}, last_reports={}, observations={}
        )

    @property
    def open(self) -> list[MergeRequest]:
        requests = self.snapshot.merge_requests
        return [each for each in requests if each.state is MergeRequestState.OPEN]

    def state(self, rule: str, cluster: str = "") -> RuleState:
        return self.snapshot.rule_states[RuleKey(rule, cluster)]

    def on(self, component: str) -> list[str]:
        """The clusters for which a component is merged."""
        units = self.snapshot.base.entries
        return sorted(unit.cluster for unit in units if unit.component == component)

    def _do(self, effect: object) -> None:
        super()._do(effect)
        if not isinstance(effect, PushBranch):
            return
        assert self._proposal is not None
        change, records = effect.change, self._proposal.plan.records
        steps = {each.key: len(each.steps) for each in self._proposal.plan.decisions}
        branch = replace(
            self._branches[effect.branch],
            rule_steps={key: steps.get(key, 0) for key in change.ruled.rules},
            rules=frozenset(change.ruled.rules),
            units=frozenset(f.unit for f in change.files if f.new is not None),
            records={unit: records[unit] for unit in change.units if unit in records},
        )
        self._branches[effect.branch] = branch
        for each in self.open:
            if each.branch_name == effect.branch:
                self._change(each.number, branch=lambda _: branch)

    def _merge(self, number: int, head: str, change: object) -> None:
        before = self.snapshot.base.records
        super()._merge(number, head, change)
        assert self._proposal is not None
        assert isinstance(change, ChangeSet)
        kept = {unit: each for unit, each in before.items() if unit not in change.units}
        new = self._proposal.plan.records.items()
        written = {unit: each for unit, each in new if unit in change.units}
        base = self.snapshot.base
        merged = {u: r for u, r in {**kept, **written}.items() if u in base.entries}
        self.snapshot = replace(self.snapshot, base=replace(base, records=merged))
