"""One pass after the other of the rules' core, with a light model of placement, plan and forge.

It places one component by hand, and opens one merge request for what comes and one for what goes.
States, records, causes and the need of a person are the product's own.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from planners.gating.rule_changes import Causes, needs_person
from planners.model import Readiness, Role, Unit
from planners.model.fleet_files import FleetFiles
from planners.model.gates import PendingUnit
from planners.model.rules import Action, Record, Records, RuleKey
from planners.model.signals import Sample, Series, SignalKey
from planners.model.snapshot import (
    Approval,
    Branch,
    Change,
    ClusterFailure,
    MergeRequest,
    MergeRequestState,
    Observation,
    Snapshot,
)
from planners.plan import Plan
from planners.rules.decide import decide
from planners.rules.records import records_of
from renderers.rule_records import read, write
from tests.fakes.builders import snapshot as built
from tests.properties.rules.draw import Scenario

READY_AFTER = timedelta(seconds=90)
ADDS, REMOVES = "rules", "remove"


@dataclass(frozen=True, slots=True)
class Wave:
    """A change that is proposed: the units that come or go, why, and who must agree."""

    name: str
    units: frozenset[Unit]
    digest: str
    rules: frozenset[RuleKey]
    person: str
    plan: Plan


@dataclass(frozen=True, slots=True)
class Reading:
    """What a pass reads at its beginning: the Snapshot, and the heads of branches."""

    snapshot: Snapshot
    heads: dict[str, str]


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass has decided, and the heads of branches as it saw them."""

    waves: tuple[Wave, ...]
    heads: dict[str, str]


@dataclass(slots=True)
class World:
    """The forge, the clusters and the database, all in one Snapshot."""

    scenario: Scenario
    snapshot: Snapshot = field(init=False)
    heads: dict[str, str] = field(default_factory=dict)
    fresh: dict[Unit, datetime] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        scenario = self.scenario
        start = built(scenario.application, scenario.fleet, scenario.policies)
        self.snapshot = replace(start, tenant=scenario.tenant)
        self.begin()

    def begin(self) -> None:
        """What people have placed is there."""
        names = [each.name for each in self.scenario.fleet[: self.scenario.count]]
        entries = FleetFiles.of({Unit("web", name): {} for name in names})
        self.snapshot = replace(self.snapshot, base=replace(self.snapshot.base, entries=entries))

    def at(self, now: datetime) -> None:
        """Time passes; clusters that are not silent report."""
        known = self.snapshot
        heard = {each.name for each in known.clusters} - self.silent
        last = {**known.last_reports, **dict.fromkeys(sorted(heard), now)}
        seen = dict(known.observations)
        for unit in known.base.entries:
            if unit.cluster in heard:
                since = self.fresh.get(unit)
                late = since is not None and now < since + READY_AFTER
                readiness = Readiness.PROGRESSING if late else Readiness.READY
                seen[unit] = Observation(readiness, "", "", at=now, since=now, current=True)
        self.snapshot = replace(known, now=now, last_reports=last, observations=seen)

    def deliver(self, key: SignalKey, sample: Sample) -> None:
        """A source hands a sample over."""
        signals = dict(self.snapshot.signals)
        signals[key] = signals.get(key, Series()).add([sample], self.snapshot.now)
        self.snapshot = replace(self.snapshot, signals=signals)

    def fail(self, failures: dict[str, str]) -> None:
        """Clusters say what is wrong with them."""
        now = self.snapshot.now
        found = {
            name: ClusterFailure(message, now)
            for name, message in failures.items()
            if name not in self.silent
        }
        self.snapshot = replace(self.snapshot, cluster_failures=found)

    def forget(self) -> None:
        """The database is lost."""
        self.snapshot = replace(
            self.snapshot,
            rule_states={},
            signals={},
            last_reports={},
            observations={},
            cluster_failures={},
        )

    def restart(self) -> None:
        """The service was away until now."""
        self.snapshot = replace(self.snapshot, listening_since=self.snapshot.now)

    @property
    def open(self) -> list[MergeRequest]:
        """The open merge requests."""
        every = self.snapshot.merge_requests
        return [each for each in every if each.state is MergeRequestState.OPEN]

    def close(self, number: int, user: str) -> None:
        """A person closes a merge request."""
        self.change(number, state=MergeRequestState.CLOSED, closed_by=user)

    def approve(self, number: int) -> None:
        """A person approves a merge request as it is now."""
        (request,) = (each for each in self.open if each.number == number)
        given = Approval("local:rita", "rita", "rita@x", request.head, Role.WRITE)
        self.change(number, approvals=(given,))

    def reopen(self) -> None:
        """People take back that they closed something."""
        for each in self.snapshot.merge_requests:
            if each.closed_by is not None:
                self.change(each.number, closed_by=None)

    def change(self, number: int, **fields: object) -> None:
        """A merge request changes."""
        requests = tuple(
            replace(each, **fields) if each.number == number else each  # type: ignore[arg-type]
            for each in self.snapshot.merge_requests
        )
        self.snapshot = replace(self.snapshot, merge_requests=requests)

    def read(self) -> Reading:
        """What a pass reads at its beginning."""
        return Reading(self.snapshot, dict(self.heads))

    def run(self, read: Reading) -> Pass | None:
        """Decide by what was read; None where another replica has decided since."""
        decided = decide(read.snapshot)
        if read.snapshot.rule_states != self.snapshot.rule_states:
            return None
        states, decisions = decided.rule_states, decided.decisions
        self.snapshot = replace(self.snapshot, rule_states=states, decisions=decisions)
        return Pass(tuple(waves(decided)), read.heads)

    def perform(self, found: Pass) -> None:
        """Bring merge requests in line with a pass, where nobody else did so since it read."""
        wanted = {each.name: each for each in found.waves}
        for name in (ADDS, REMOVES):
            if self.heads.get(name) != found.heads.get(name):
                continue
            request = next((each for each in self.open if each.wave == name), None)
            wave = wanted.get(name)
            if wave is None:
                if request is not None:
                    self.change(request.number, state=MergeRequestState.CLOSED)
                    self.heads.pop(name, None)
            elif request is None:
                self._open(wave)
            elif request.head != wave.digest:
                self.heads[name] = wave.digest
                branch = _branch(wave)
                self.change(
                    request.number,
                    head=wave.digest,
                    branch=branch,
                    described_digest=wave.digest,
                    approvals=(),
                )

    def _open(self, wave: Wave) -> None:
        closed = [
            each
            for each in self.snapshot.merge_requests
            if each.state is MergeRequestState.CLOSED and each.described_digest == wave.digest
        ]
        if closed and closed[-1].closed_by:
            return
        made = MergeRequest(
            number=len(self.snapshot.merge_requests) + 1,
            wave=wave.name,
            branch_name=wave.name,
            state=MergeRequestState.OPEN,
            url="",
            head=wave.digest,
            branch=_branch(wave),
            described_digest=wave.digest,
        )
        self.heads[wave.name] = wave.digest
        requests = (*self.snapshot.merge_requests, made)
        self.snapshot = replace(self.snapshot, merge_requests=requests)

    def merge(self, request: MergeRequest, wave: Wave) -> None:
        """A merge request is merged as it is shown."""
        base, now = self.snapshot.base, self.snapshot.now
        entries, records = dict(base.entries), dict(base.records)
        changes, seen = dict(base.changes), dict(self.snapshot.observations)
        for unit in wave.units:
            seen.pop(unit, None)
            records.pop(unit, None)
            if wave.name == REMOVES:
                entries.pop(unit)
                continue
            entries[unit] = {}
            changes[unit] = Change("", now, "", self.snapshot.revision.sha)
            self.fresh[unit] = now
            if unit in wave.plan.records:
                records[unit] = read(write(unit, wave.plan.records[unit]))
        base = replace(base, entries=FleetFiles.of(entries), records=records, changes=changes)
        self.snapshot = replace(self.snapshot, base=base, observations=seen)
        self.change(request.number, state=MergeRequestState.MERGED)
        self.heads[wave.name] = f"merged {request.number}"


def _branch(wave: Wave) -> Branch:
    adds = wave.name == ADDS
    records = (
        {u: wave.plan.records[u] for u in wave.units if u in wave.plan.records} if adds else {}
    )
    units = wave.units if adds else frozenset()
    steps = {each.key: len(each.steps) for each in wave.plan.decisions}
    return Branch(
        wave.digest,
        wave.digest,
        None,
        units=units,
        rules=wave.rules,
        records=records,
        rule_steps={key: steps.get(key, 0) for key in wave.rules},
    )


def waves(decided: Snapshot) -> Iterator[Wave]:
    """What the light model proposes by a Snapshot with its decisions: first what comes."""
    units, steps = placed(decided)
    records = records_of(decided, sorted(units), steps)
    plan = _plan(decided, records)
    base, causes = decided.base, Causes(decided, plan)
    new = {
        unit: ["a/b/rules/c" if unit in base.entries else "a"]
        for unit in sorted(units)
        if unit not in base.entries or base.records.get(unit, ()) != records.get(unit, ())
    }
    if new:
        rules = causes.of(new, removal=False).rules
        yield _wave(decided, plan, ADDS, new, rules)
    old = {unit: ["a"] for unit in sorted(base.entries) if unit not in units}
    if old and not new and all(decided.is_ready(unit) for unit in units):
        rules = causes.of(old, removal=True).rules
        yield _wave(decided, plan, REMOVES, old, rules)


def _wave(
    decided: Snapshot, plan: Plan, name: str, units: Iterable[Unit], rules: tuple[RuleKey, ...]
) -> Wave:
    content = [(unit, plan.records.get(unit, ())) for unit in units]
    person = needs_person(decided, plan, rules, units)
    return Wave(name, frozenset(units), f"{name} {content}", frozenset(rules), person, plan)


def _plan(decided: Snapshot, records: Records) -> Plan:
    return Plan(
        application=decided.application.name,
        revision=decided.revision,
        fleet_revision=decided.fleet_revision,
        deploy=decided.registration.deploy,
        waves=(),
        trace=(),
        failures=tuple[PendingUnit, ...](),
        decisions=decided.decisions,
        records=records,
    )


def placed(decided: Snapshot) -> tuple[frozenset[Unit], dict[str, dict[int, str]]]:
    """Where the component should run, and the clusters of a burst by step."""
    intent = decided.application.placements[0]
    count = intent.any_of.count.maximum if intent.any_of is not None else 0
    of = {each.action: each for each in decided.decisions}
    if Action.ON_DEMAND in {rule.action for rule in decided.application.rules}:
        wanted = (each.cluster for each in decided.decisions if each.action is Action.ON_DEMAND)
        return frozenset(Unit("web", name) for name in wanted), {}
    failed = {each.cluster for each in decided.decisions if each.action is Action.FAILOVER}
    names = [each.name for each in decided.clusters if each.name not in failed]
    burst = _burst_clusters(decided)
    has = {unit.cluster for unit in decided.base.entries} - set(burst.values())
    own = sorted(names, key=lambda name: (name not in has, name))[: count or len(names)]
    taken = dict[int, str]()
    decision = of.get(Action.ADD_CLUSTERS)
    if decision is not None:
        free = [name for name in names if name not in own]
        wanted = range(1, len(decision.steps) + 1)
        taken = {step: burst[step] for step in wanted if burst.get(step) in free}
        others = (name for name in free if name not in taken.values())
        taken |= dict(zip((step for step in wanted if step not in taken), others, strict=False))
    units = frozenset(Unit("web", name) for name in (*own, *taken.values()))
    return units, ({decision.rule: taken} if decision is not None else {})


def _burst_clusters(decided: Snapshot) -> dict[int, str]:
    """The clusters that bursts have or are about to have, by step."""
    every = [decided.base.records, *(branch.records for branch in decided.open_branches)]
    found = dict[int, str]()
    for unit, record in (
        (unit, each) for some in every for unit, many in some.items() for each in many
    ):
        if _adds(record):
            found.setdefault(record.step, unit.cluster)
    return found


def _adds(record: Record) -> bool:
    return record.action is Action.ADD_CLUSTERS
