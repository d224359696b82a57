"""Plays one series: signals, faults and people, then quiet until all is as it was."""

from dataclasses import dataclass, field
from datetime import timedelta
from random import Random

from planners.model.rules import RuleKey
from planners.model.signals import Sample, SignalKey, SignalKind
from tests.properties.rules.draw import MINUTE, Faults, Scenario, Signal, scenario
from tests.properties.rules.draw import Reading as Handed
from tests.properties.rules.laws import BrokenLawError, Laws, at_base
from tests.properties.rules.world import Pass, Reading, Wave, World

TROUBLE = 60
QUIET = 150
"""Minutes at most until the placement is as it was: hours of pace, cooldown and blindness."""
SECONDS = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a series: the law that it broke, if any, and what happened."""

    seed: int
    violation: str = ""
    moves: int = 0
    merged: int = 0
    faults: int = 0
    trace: tuple[str, ...] = ()


@dataclass(slots=True)
class Play:
    """One series in one world."""

    seed: int
    traced: bool = False
    random: Random = field(init=False)
    scenario: Scenario = field(init=False)
    world: World = field(init=False)
    laws: Laws = field(init=False)
    faults: Faults = field(init=False)
    signals: dict[SignalKey, Signal] = field(default_factory=dict)
    late: list[tuple[int, SignalKey, Handed]] = field(default_factory=list)
    old: Reading | None = None
    stalled: Pass | None = None
    until: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    down: int = 0
    hit: int = 0
    merged: int = 0
    minute: int = 0
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = Random(f"series {self.seed}")
        self.scenario = scenario(self.random)
        self.faults = Faults.of(self.random)
        self.world = self.make()
        self.laws = Laws(self.scenario, self.world.snapshot.now)
        rule = self.scenario.rule
        if rule is not None:
            names = [each.name for each in self.scenario.fleet]
            keys = map(rule.signal_on, names if rule.signal.kind is SignalKind.DEMAND else [""])
            alert = rule.signal.kind is SignalKind.ALERT
            self.signals = {key: Signal(self.random, alert=alert) for key in keys}

    def make(self) -> World:
        """The world that it is played in."""
        return World(self.scenario)

    def run(self) -> Outcome:
        """All of it, up to the first law that is broken."""
        broken = ""
        try:
            for _ in range(TROUBLE):
                self._tick()
            self._calm()
        except BrokenLawError as error:
            broken = f"minute {self.minute}: {error}"
        moves = sum(map(len, self.laws.moves.values()))
        return Outcome(self.seed, broken, moves, self.merged, self.hit, tuple(self.trace))

    def tell(self, text: str) -> None:
        """A line of the trace."""
        if self.traced:
            self.trace.append(f"{self.minute:3} {text}")

    def _tick(self) -> None:
        """One minute of trouble."""
        self._time()
        self._clusters()
        for key, signal in self.signals.items():
            for each in signal.readings(self.minute):
                self.late.append((self.minute + each.late, key, each))
        self._hand_over()
        if self._happens(self.faults.database):
            self._lose_database()
        if self.down:
            self.down -= 1
            self.old = self.stalled = None
            self.world.restart()
            self.laws.restart(self.world.snapshot.now)
            return
        if self._happens(self.faults.down):
            self._stop()
        self._replicas()
        self._people()

    def _time(self) -> None:
        self.minute += 1
        start = self.world.snapshot.now
        self.world.at(start + MINUTE)
        self.laws.hear(self.world.snapshot, self.world.silent)

    def _happens(self, rate: float) -> bool:
        happens = self.random.random() < rate
        self.hit += happens
        return happens

    def _clusters(self) -> None:
        """Some fall silent or fail for a while; at times nobody is heard."""
        random, names = self.random, [each.name for each in self.scenario.fleet]
        if self._happens(self.faults.silence):
            self.until[random.choice(names)] = self.minute + random.randint(5, 60)
        if self._happens(self.faults.blindness):
            length = random.randint(5, 50)
            self.until |= dict.fromkeys(
                random.sample(names, len(names) // 2 + 1), self.minute + length
            )
        if self._happens(self.faults.failure):
            self.failures[random.choice(names)] = "etcd is down"
        for name in [each for each in self.failures if random.random() < 0.08]:
            del self.failures[name]
        self._set_clusters()

    def _stop(self) -> None:
        """The service is away; after that clusters are heard one after the other."""
        self.down = self.random.choice((self.random.randint(1, 6), self.random.randint(20, 40)))
        for each in self.scenario.fleet:
            back = self.minute + self.down + self.random.randint(1, 6)
            self.until[each.name] = max(back, self.until.get(each.name, 0))

    def _set_clusters(self) -> None:
        silent = {name for name, until in self.until.items() if until > self.minute}
        if silent != self.world.silent:
            self.tell(f"silent: {sorted(silent)}")
        self.world.silent = silent
        self.world.fail(self.failures)

    def _hand_over(self) -> None:
        due = [each for each in self.late if each[0] <= self.minute]
        self.late = [each for each in self.late if each[0] > self.minute]
        now = self.world.snapshot.now
        for _, key, each in due:
            at = now + each.at - self.minute * MINUTE
            self.tell(f"{key} is {each.value} at {at:%H:%M:%S}, now {now:%H:%M:%S}")
            self.world.deliver(key, Sample(each.value, at))
            self.laws.deliver(key, each.value, at, now)

    def _lose_database(self) -> None:
        """With it go the leases by which replicas may act."""
        self.tell("the database is lost")
        self.old = self.stalled = None
        self.world.forget()
        self.laws.forget(self.world.snapshot.now)

    def _replicas(self) -> None:
        """One replica passes; another may act late, or by what it read long ago."""
        old, stalled = self.old, self.stalled
        if self._happens(self.faults.stale):
            self.old = self.world.read()
        if old is not None and self.random.random() < 0.5:
            self.old = None
            self.tell("a replica decides by what it read long ago")
            self._pass(old)
        if stalled is not None and self.random.random() < 0.5:
            self.stalled = None
            self.tell("a replica does what it decided long ago")
            self.world.perform(stalled)
            self.laws.git(self.world.snapshot, passed=False)
        self._pass(self.world.read())

    def _pass(self, read: Reading) -> None:
        before = self.world.snapshot
        if read.snapshot is before:
            self.laws.before(before)
        found = self.world.run(read)
        if found is None:
            return
        self.laws.after(read.snapshot, self.world.snapshot)
        self._tell_states()
        if self.stalled is None and self._happens(self.faults.stall):
            self.stalled = found
            return
        self.world.perform(found)
        self.laws.git(self.world.snapshot, passed=read.snapshot is before)
        self._merge(found)

    def _tell_states(self) -> None:
        if not self.traced:
            return
        for key, state in self.world.snapshot.rule_states.items():
            self.tell(
                f"{_name(key)} {state.phase} {len(state.steps)} of {state.epoch}: {state.why}"
            )

    def _merge(self, found: Pass) -> None:
        """What is approved, or needs nobody, is merged."""
        for wave in found.waves:
            request = next((each for each in self.world.open if each.head == wave.digest), None)
            if request is None or (wave.person and not request.approvals):
                continue
            if not wave.person:
                self.laws.merged(self.world.snapshot, wave.units, wave.rules)
            self._merge_one(wave, request.number)

    def _merge_one(self, wave: Wave, number: int) -> None:
        request = next(each for each in self.world.open if each.number == number)
        self.tell(f"!{number} merges {wave.name} {sorted(map(str, wave.units))}")
        self.world.merge(request, wave)
        self.merged += 1
        self.laws.git(self.world.snapshot, passed=False)

    def _people(self) -> None:
        random = self.random
        rates = {"at once": (1.0, 0.0), "slow": (0.1, 0.0), "closing": (0.3, 0.3)}
        approves, closes = rates.get(self.scenario.people, (0.0, 0.0))
        for each in self.world.open:
            drawn = random.random()
            if drawn < closes:
                self.tell(f"a person closes !{each.number}")
                self.world.close(each.number, "rita")
                self.laws.close(each)
            elif drawn < closes + approves:
                self.tell(f"a person approves !{each.number}")
                self.world.approve(each.number)

    def _calm(self) -> None:
        """Faults end, signals are low, people approve: all is as it was in the end."""
        self.tell("faults end")
        self.until, self.failures, self.down = {}, {}, 0
        self.old = self.stalled = None
        self.late = []
        left = ""
        for _ in range(QUIET):
            self._time()
            self._set_clusters()
            self.late += [
                (self.minute, key, Handed(0.0, self.minute * MINUTE)) for key in self.signals
            ]
            self._hand_over()
            self._pass_calmly()
            left = at_base(self.scenario, self.world.snapshot)
            if not left and not self.world.open:
                return
        raise BrokenLawError(f"it does not return: {left or 'a merge request is open'}")

    def _pass_calmly(self) -> None:
        self.world.reopen()
        self.laws.accept()
        read = self.world.read()
        self.laws.before(read.snapshot)
        found = self.world.run(read)
        assert found is not None
        self.laws.after(read.snapshot, self.world.snapshot)
        self._tell_states()
        self.world.perform(found)
        self.laws.git(self.world.snapshot)
        for each in self.world.open:
            self.world.approve(each.number)
        self._merge(found)


def _name(key: RuleKey) -> str:
    return f"{key.rule}/{key.cluster}"


def play(seed: int, *, traced: bool = False) -> Outcome:
    """One series by its seed."""
    return Play(seed, traced).run()
