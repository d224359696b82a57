"""The same series in front of the whole core: it places, renders, proposes and gates.

The forge does at once what the effects say. Another application has claimed most of some clusters,
and the tenant has a quota of pods.
"""

from dataclasses import dataclass, replace

from planners.gating.change_sets import ChangeSet
from planners.gating.effects import Merge
from planners.model.rules import Action
from planners.model.snapshot import ResourceClaim, Snapshot
from tests.fakes.builders import NOW
from tests.fakes.ruled_world import RuledWorld
from tests.properties.rules.draw import Scenario
from tests.properties.rules.laws import BrokenLawError
from tests.properties.rules.play import Outcome, Play
from tests.properties.rules.world import Pass, Reading, World

CORE = 10**9
TAKEN = 2 * CORE
REPLICAS = 2


class Forge(RuledWorld):
    """Effects come true; it tells which merge requests were merged."""

    def __init__(self, start: Snapshot) -> None:
        super().__init__(start)
        self.performed: list[ChangeSet] = []

    def _do(self, effect: object) -> None:
        super()._do(effect)
        if isinstance(effect, Merge):
            assert isinstance(effect.change, ChangeSet)
            self.performed.append(effect.change)


@dataclass(slots=True)
class WholeWorld(World):
    """The light world with a pass of the whole core."""

    forge: Forge | None = None

    def begin(self) -> None:
        """All that people want is merged and ready; one more cluster has room, the others none."""
        claims = tuple(
            ResourceClaim("other", "big", (name,), {"cpu": TAKEN}, NOW, tenant="others")
            for name in full(self.scenario)
        )
        fleet = tuple(replace(each, capacity={"cpu": TAKEN}) for each in self.scenario.fleet)
        text = self.snapshot.sources["web"]["main.yaml"].replace(
            b"          image:", b"          resources: {requests: {cpu: 100m}}\n          image:"
        )
        self.forge = Forge(
            replace(
                self.snapshot, clusters=fleet, claims=claims, sources={"web": {"main.yaml": text}}
            )
        )
        self.forge.hear()
        self.forge.finish()
        self.forge.forget()
        self.snapshot = replace(self.forge.snapshot, rule_states={}, decisions=())

    def run(self, read: Reading) -> Pass | None:
        """A pass, with all its effects; what another replica read before is refused."""
        if read.snapshot is not self.snapshot:
            return None
        assert self.forge is not None
        self.forge.snapshot, self.forge.performed = self.snapshot, []
        self.forge.pass_once()
        for each in self.forge.performed:
            self.fresh |= dict.fromkeys(each.units, self.snapshot.now)
        self.snapshot = self.forge.snapshot
        return Pass((), {})

    def perform(self, found: Pass) -> None:
        """Effects came true with the pass."""


class WholePlay(Play):
    """A series in a whole world; what was merged is judged by ledger and quota."""

    def make(self) -> World:
        """The world that it is played in."""
        return WholeWorld(self.scenario)

    def _merge(self, found: Pass) -> None:
        del found
        world = self.world
        assert isinstance(world, WholeWorld)
        assert world.forge is not None
        for change in world.forge.performed:
            self.tell(f"merges {change.wave.name} {sorted(map(str, change.units))}")
            self.merged += 1
        world.forge.performed = []
        self._within_limits(world.snapshot)

    def _within_limits(self, snapshot: Snapshot) -> None:
        over = {unit.cluster for unit in snapshot.base.entries} & set(full(self.scenario))
        if over:
            raise BrokenLawError(f"{min(over)} is full, and more is placed there")
        rule, quota = self.scenario.rule, self.scenario.quota
        if rule is None or rule.action is not Action.SET_REPLICAS:
            return
        for unit, records in snapshot.base.records.items():
            pods = max((rule.replicas[each.step - 1] for each in records), default=REPLICAS)
            if quota and pods > quota:
                raise BrokenLawError(f"{unit} has {pods} pods of a quota of {quota}")


def full(scenario: Scenario) -> list[str]:
    """The clusters that others have taken: all but those that people use and one more."""
    names = [each.name for each in scenario.fleet]
    return names[min(scenario.count + 1, len(names) - 1) :]


def play_whole(seed: int, *, traced: bool = False) -> Outcome:
    """One series by its seed, with the whole core."""
    return WholePlay(seed, traced).run()
