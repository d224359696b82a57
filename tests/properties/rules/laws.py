"""What must hold after every pass, told by what was delivered and by what is in Git.

Nothing of the state machine is used to judge it: the laws keep lists of their own.
"""

import math
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from planners.model import Unit
from planners.model.rules import FAILOVER, Action, Phase, Rule, RuleKey, RuleState
from planners.model.signals import SignalKey, SignalKind
from planners.model.snapshot import MergeRequest, MergeRequestState, Snapshot
from tests.properties.rules.draw import EVERYWHERE, Scenario

SKEW = timedelta(seconds=30)
HOUR = timedelta(hours=1)
WHOLE = 100
Activation = tuple[RuleKey, int, datetime]


class BrokenLawError(Exception):
    """A law does not hold."""


@dataclass(slots=True)
class Laws:
    """Watches a world."""

    scenario: Scenario
    start: datetime
    delivered: dict[SignalKey, dict[datetime, float | None]] = field(default_factory=dict)
    heard: dict[str, datetime] = field(default_factory=dict)
    bad: dict[str, datetime] = field(default_factory=dict)
    well: dict[str, datetime] = field(default_factory=dict)
    moves: dict[RuleKey, list[tuple[datetime, bool]]] = field(default_factory=dict)
    gone: set[Activation] = field(default_factory=set)
    shown: set[Activation] = field(default_factory=set)
    returned: datetime | None = None
    refused: dict[str, MergeRequest] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)

    def deliver(self, key: SignalKey, value: float | None, at: datetime, now: datetime) -> None:
        """A source handed something over: the first of a time counts, none of the future."""
        if at <= now + SKEW:
            known = value if value is not None and math.isfinite(value) else None
            self.delivered.setdefault(key, {}).setdefault(at, known)

    def forget(self, now: datetime) -> None:
        """The database was lost."""
        self.delivered.clear()
        for known in (self.heard, self.bad, self.well):
            known.clear()
        self.start = now

    def hear(self, snapshot: Snapshot, silent: set[str]) -> None:
        """Clusters that are not silent have reported."""
        for each in snapshot.clusters:
            if each.name not in silent:
                self.heard[each.name] = snapshot.now

    def before(self, snapshot: Snapshot) -> None:
        """A pass is about to decide: since when clusters fail, or are well, as it could hear."""
        rule = self.scenario.failover
        if rule is not None and self._fresh(snapshot) * WHOLE < rule.quorum * len(self.heard):
            self.bad.clear()
            self.well.clear()
            return
        for name in self.heard:
            lasting, over = self.bad, self.well
            if not self._fails(snapshot, name):
                lasting, over = over, lasting
            lasting.setdefault(name, snapshot.now)
            over.pop(name, None)

    def restart(self, now: datetime) -> None:
        """The service was away: what lasted until then does not count."""
        for known in (self.bad, self.well):
            known.update((name, max(since, now)) for name, since in known.items())

    def after(self, before: Snapshot, after: Snapshot) -> None:
        """A pass has decided by `before`; `after` is what its states are now."""
        for key, state in after.rule_states.items():
            known = before.rule_states.get(key)
            if known is not None:
                self._stepped(before, key, known, state)
            elif len(state.steps) != (steps := _recorded(before, key)):
                raise BrokenLawError(f"{key} recalls {len(state.steps)} steps of {steps}")
            self._limited(key, state)
        decided = {each.key: len(each.steps) for each in after.decisions}
        if decided != {key: len(s.steps) for key, s in after.rule_states.items() if s.steps}:
            raise BrokenLawError("the decisions are not those of the states")

    def _stepped(self, before: Snapshot, key: RuleKey, known: RuleState, state: RuleState) -> None:
        taken, steps = len(known.steps), len(state.steps)
        if steps == taken:
            if state.epoch != known.epoch:
                raise BrokenLawError(f"{key} has another epoch without a step")
            return
        if steps and taken and state.epoch != known.epoch:
            raise BrokenLawError(f"{key} has another epoch in the same activation")
        if abs(steps - taken) > 1:
            raise BrokenLawError(f"{key} took {steps - taken} steps at once")
        if key.rule == FAILOVER:
            self._failed_over(before, key, up=steps > taken)
            return
        rule = self.scenario.rule
        assert rule is not None
        up = steps > taken
        if up and not taken:
            self._begins(key)
        self._by_data(replace(rule, signal=rule.signal_on(key.cluster)), before.now, up=up)
        last = self.moves.get(key, [])[-1:]
        self._paced(rule, key, before.now, up=up)
        if up and taken and last and last[0][1]:
            self._settled(before, key, taken)

    def _begins(self, key: RuleKey) -> None:
        """In a new epoch all may be proposed again."""
        for head, each in list(self.refused.items()):
            if each.branch is not None and key in each.branch.rules:
                del self.refused[head]

    def _by_data(self, rule: Rule, now: datetime, *, up: bool) -> None:
        """The signal has been on the right side for `hold`, up to a sample that is not old."""

        def holds(value: float) -> bool:
            return value > rule.above if up else value <= rule.below

        found = self.delivered.get(rule.signal, {})
        samples = sorted((at, value) for at, value in found.items() if at <= now + SKEW)
        if not samples or now - samples[-1][0] > rule.max_age:
            raise BrokenLawError(f"{rule.name} took a step without data")
        later = samples[-1][0]
        end = now if rule.signal.kind is SignalKind.ALERT else later
        for at, value in reversed(samples):
            if value is None or not holds(value) or later - at > rule.max_age:
                break
            later = at
            if end - at >= rule.hold:
                return
        raise BrokenLawError(
            f"{rule.name} took a step that the signal does not justify for {rule.hold}"
        )

    def _paced(self, rule: Rule, key: RuleKey, now: datetime, *, up: bool) -> None:
        moves = self.moves.setdefault(key, [])
        last = moves[-1] if moves else None
        if last is not None:
            distance = rule.pace if last[1] is up else rule.cooldown
            if now < last[0] + distance:
                raise BrokenLawError(f"{key} changed {now - last[0]} after its last change")
        elif now < self.start + rule.cooldown:
            raise BrokenLawError(f"{key} changed without a cooldown after its memory began")
        moves.append((now, up))
        recent = [at for at, _ in moves if now - at < HOUR]
        if len(recent) > 1 + HOUR / min(rule.pace, rule.cooldown):
            raise BrokenLawError(f"{key} changed {len(recent)} times in an hour")

    def _settled(self, before: Snapshot, key: RuleKey, taken: int) -> None:
        """Nothing of the rule is open, and what it decided is merged."""
        if any(key in branch.rules for branch in before.open_branches):
            raise BrokenLawError(f"{key} took a step while a change of it was open")
        every = [each for some in before.base.records.values() for each in some]
        if taken not in {each.step for each in every if each.key == key}:
            raise BrokenLawError(f"{key} took a step before the last one was merged")

    def _limited(self, key: RuleKey, state: RuleState) -> None:
        rule = self.scenario.rule
        most = 1 if key.rule == FAILOVER or rule is None else rule.steps
        if len(state.steps) > most:
            raise BrokenLawError(f"{key} took {len(state.steps)} steps of {most}")
        if state.steps and state.phase not in {Phase.ACTIVE, Phase.RETRACTING}:
            raise BrokenLawError(f"{key} is {state.phase} with steps")

    def _fresh(self, snapshot: Snapshot) -> int:
        return sum(not self._silent(snapshot, each) for each in self.heard)

    def _silent(self, snapshot: Snapshot, name: str) -> bool:
        return snapshot.now >= self.heard[name] + snapshot.max_report_age(name)

    def _fails(self, snapshot: Snapshot, name: str) -> bool:
        found = snapshot.cluster_failures.get(name)
        says = found is not None and snapshot.now < found.at + snapshot.max_report_age(name)
        return says or self._silent(snapshot, name)

    def _failed_over(self, before: Snapshot, key: RuleKey, *, up: bool) -> None:
        rule, now, name = self.scenario.failover, before.now, key.cluster
        if rule is None or name not in self.heard:
            raise BrokenLawError(f"{key} moved without a policy, or a report")
        fresh = self._fresh(before)
        if fresh * WHOLE < rule.quorum * len(self.heard):
            raise BrokenLawError(
                f"{key} moved while {fresh} of {len(self.heard)} clusters were heard"
            )
        failing = sum(self._fails(before, each) for each in self.heard)
        if failing * WHOLE > rule.max_share * len(self.heard):
            raise BrokenLawError(
                f"{key} moved while {failing} of {len(self.heard)} clusters failed"
            )
        since = (self.bad if up else self.well).get(name)
        if since is None or now < since + rule.after:
            raise BrokenLawError(f"{key} moved although that had not lasted {rule.after}")
        if not up:
            if self.returned is not None and now < self.returned + rule.pace:
                raise BrokenLawError(f"{key} came back {now - self.returned} after another cluster")
            self.returned = now

    def git(self, snapshot: Snapshot, *, passed: bool = True) -> None:
        """What is merged and open, after a pass or what people do."""
        self._once(snapshot)
        self._within(snapshot)
        if passed:
            _one_change_each(snapshot)
        for each in snapshot.merge_requests:
            if each.number not in self.opened:
                self.opened.add(each.number)
                self._proposed(each)

    def _proposed(self, request: MergeRequest) -> None:
        """What a person closed is not proposed again."""
        if request.state is MergeRequestState.OPEN and request.head in self.refused:
            closed = self.refused[request.head]
            raise BrokenLawError(
                f"!{request.number} proposes again what was closed as !{closed.number}"
            )

    def close(self, request: MergeRequest) -> None:
        """A person closed a merge request, which must stay so for its epoch."""
        self.refused[request.head] = request

    def accept(self) -> None:
        """People take back that they closed something."""
        self.refused.clear()

    def _once(self, snapshot: Snapshot) -> None:
        """What was taken back, or forgotten, does not come again."""
        every = [each for some in snapshot.base.records.values() for each in some]
        now = {
            (each.key, each.epoch, each.evidence.decided)
            for each in every
            if self._counts(each.action)
        }
        again = now & self.gone
        if again:
            raise BrokenLawError(f"{min(again, key=str)} was merged twice")
        self.shown |= now
        for each in self.shown - now - self.gone:
            state = snapshot.rule_states.get(each[0])
            if state is None or each[2] not in {step.decided for step in state.steps}:
                self.gone.add(each)

    @staticmethod
    def _counts(action: Action) -> bool:
        """Steps of replicas are replaced by each other; what failed is in many records."""
        return action in {Action.ADD_CLUSTERS, Action.ON_DEMAND}

    def _within(self, snapshot: Snapshot) -> None:
        rule, fleet = self.scenario.rule, {each.name for each in snapshot.clusters}
        entries = snapshot.base.entries
        if {unit.cluster for unit in entries} - fleet:
            raise BrokenLawError("a unit is on no cluster of the fleet")
        if rule is None or rule.action is not Action.ADD_CLUSTERS:
            return
        every = (each for some in snapshot.base.records.values() for each in some)
        steps = {each.step for each in every if each.action is Action.ADD_CLUSTERS}
        if len(steps) > rule.most:
            raise BrokenLawError(f"{len(steps)} clusters by a rule that adds {rule.most}")

    def merged(self, decided: Snapshot, units: frozenset[Unit], rules: frozenset[RuleKey]) -> None:
        """What goes without a person is covered by a policy."""
        for key in rules:
            permitted = [
                each
                for policy in self.scenario.policies
                for each in policy.automatic
                if each.rule == key.rule
            ]
            names = {unit.cluster for unit in units}
            recent = sum(
                decided.now - at < HOUR
                for other, moves in self.moves.items()
                if other.rule == key.rule
                for at, _ in moves
                if at >= self.start
            )
            if not any(
                len(names) <= each.max_clusters
                and (each.clusters == EVERYWHERE or names <= set(each.clusters.names or ()))
                and recent <= each.per_hour
                for each in permitted
            ):
                raise BrokenLawError(f"{key} changed {sorted(names)} without a person")


def _recorded(snapshot: Snapshot, key: RuleKey) -> int:
    """The steps that Git has of a rule: those of its open change, else those that are merged."""
    proposed = [each.rule_steps[key] for each in snapshot.open_branches if key in each.rule_steps]
    every = (each for some in snapshot.base.records.values() for each in some)
    return min(proposed, default=max((each.step for each in every if each.key == key), default=0))


def _one_change_each(snapshot: Snapshot) -> None:
    """Of each rule one merge request is open, or two: for what comes, and what then goes."""
    seen = set[tuple[RuleKey, bool]]()
    for each in snapshot.merge_requests:
        if each.state is not MergeRequestState.OPEN or each.branch is None:
            continue
        found = {(key, each.wave.startswith("remove")) for key in each.branch.rules}
        if found & seen:
            raise BrokenLawError(f"two changes of {min(found & seen, key=str)[0]} are open")
        seen |= found


def at_base(scenario: Scenario, snapshot: Snapshot) -> str:
    """What is not as it was before any rule did anything; empty where all is."""
    active = [key for key, state in snapshot.rule_states.items() if state.steps]
    if active:
        return f"{active[0]} is {snapshot.rule_states[active[0]]}"
    if len(snapshot.base.entries) != scenario.count:
        return f"{len(snapshot.base.entries)} units instead of {scenario.count}"
    every = [each for some in snapshot.base.records.values() for each in some]
    left = [each for each in every if each.action is not Action.FAILOVER]
    return f"{left[0].key} is recorded" if left else ""
