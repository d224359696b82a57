"""Random signals against the state machine of rules: noise, steps, gaps, repeats, skew, crashes.

`SWITCHYARD_RULE_SERIES=10000` plays more of them. Each sabotage of the machine is found.
"""

import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from planners.model.rules import Action, Evidence, Phase, Record, Rule, RuleState
from planners.model.signals import Sample, Series, SignalKey, SignalKind
from planners.rules.machine import Moment, advance, begin
from planners.rules.memory import restored

SERIES = int(os.environ.get("SWITCHYARD_RULE_SERIES", "300"))
START = datetime(2026, 11, 29, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BUSY, QUIET = 60, 40
RULE = Rule(
    "lunch",
    ("web",),
    SignalKey(SignalKind.METRIC, "queue"),
    Action.ADD_CLUSTERS,
    above=10,
    below=4,
    hold=2 * MINUTE,
    cooldown=12 * MINUTE,
    pace=4 * MINUTE,
    max_age=3 * MINUTE,
    most=3,
)


@dataclass
class Played:
    """One life of a rule: what it decided when, and what of that is merged and ready."""

    rule: Rule
    rng: random.Random
    now: datetime = START
    series: Series = field(default_factory=Series)
    state: RuleState = field(default_factory=lambda: begin(START))
    merged: tuple[Evidence, ...] = ()
    epoch: int = 0
    since: datetime = START
    moves: list[tuple[datetime, int]] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def minute(self, value: float | None, *, always_settled: bool = False) -> None:
        """A sample, a pass, and perhaps a merge or a crash."""
        self.now += MINUTE
        samples = [] if value is None else [Sample.of(value, self.now + self.skew())]
        repeats = list(self.series.samples[-2:]) if self.rng.random() < 0.2 else []
        self.series = self.series.add([*samples, *repeats], self.now)
        settled = self.merged == self.state.steps
        before = self.state
        moment = Moment(self.series, self.now, settled or always_settled)
        self.state = advance(self.rule, before, moment)
        self.judge(before, settled=settled)
        if self.rng.random() < 0.6:
            self.merged, self.epoch = self.state.steps, self.state.epoch
        if self.rng.random() < 0.02:
            self.crash()

    def skew(self) -> timedelta:
        return timedelta(seconds=self.rng.choice([0, 0, 0, -20, 20, 600]))

    def crash(self) -> None:
        """The database is lost: what is merged is recorded, and nothing else."""
        records = [
            Record("lunch", Action.ADD_CLUSTERS, self.epoch, step, "queue", evidence)
            for step, evidence in enumerate(self.merged, 1)
        ]
        self.state = restored(records, self.now) if records else begin(self.now)
        self.series, self.since = Series(), self.now
        self.moves = [(self.now, 1)] if records else []

    def judge(self, before: RuleState, *, settled: bool) -> None:
        self.broken += self._laws(before, settled=settled)

    def _laws(self, before: RuleState, *, settled: bool) -> Iterator[str]:
        change = len(self.state.steps) - len(before.steps)
        if len(self.state.steps) > RULE.most:
            yield "more steps than the most"
        if not change:
            return
        if abs(change) > 1:
            yield "two steps at once"
        newest = self.series.newest(self.now, RULE.max_age)
        if newest is None:
            yield "a change without data"
        known = [each for each in self.series.samples if self.now - each.at <= RULE.hold]
        wrong = (e.value is None or (e.value > RULE.above) is not (change > 0) for e in known)
        if any(wrong):
            yield "a change against a sample within `for`"
        last, direction = self.moves[-1] if self.moves else (self.since, 0)
        distance = RULE.pace if direction == change else RULE.cooldown
        if self.now - last < distance:
            yield "a change too soon after the last one"
        if direction == change and not settled:
            yield "a second open change"
        self.moves.append((self.now, change))


def signal(rng: random.Random) -> Iterator[float | None]:
    """Plateaus with noise and gaps, then quiet."""
    level, gap = 1.0, 0
    for _ in range(BUSY):
        gap = 8 if rng.random() < 0.05 else gap - 1
        if rng.random() < 0.12:
            level = rng.choice([1.0, 6.0, 11.0, 20.0])
        noise = rng.gauss(0, 0.8) if rng.random() < 0.7 else 0
        yield None if gap > 0 else rng.choice([level + noise] * 8 + [None, float("nan")])
    yield from [1.0] * QUIET


def life(seed: int, sabotaged: Rule = RULE, *, always_settled: bool = False) -> Played:
    rng = random.Random(seed)
    played = Played(sabotaged, rng)
    for value in signal(rng):
        played.minute(value, always_settled=always_settled)
    return played


def test_no_law_of_rules_is_broken() -> None:
    active = 0
    for seed in range(SERIES):
        played = life(seed)
        assert played.broken == [], seed
        crashed = played.since > START + (BUSY + QUIET - 30) * MINUTE
        assert crashed or not played.state.steps, seed
        assert crashed or played.state.phase in {Phase.IDLE, Phase.RETRACTING}, seed
        active += bool(played.moves)
    assert active > SERIES / 4


SABOTAGES: dict[str, Callable[[int], Played]] = {
    "no cooldown": lambda seed: life(seed, replace(RULE, cooldown=timedelta())),
    "no pace": lambda seed: life(seed, replace(RULE, pace=timedelta())),
    "no `for`": lambda seed: life(seed, replace(RULE, hold=timedelta())),
    "old samples count": lambda seed: life(seed, replace(RULE, max_age=timedelta(hours=9))),
    "more steps": lambda seed: life(seed, replace(RULE, most=9)),
    "one threshold, too low": lambda seed: life(seed, replace(RULE, above=4)),
    "open changes do not count": lambda seed: life(seed, always_settled=True),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_each_sabotage_breaks_a_law(name: str) -> None:
    assert any(SABOTAGES[name](seed).broken for seed in range(300))
