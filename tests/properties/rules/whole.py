"""The same series in front of the whole core: it places, renders, proposes and gates.

The forge does at once what the effects say. Another application has claimed most of some clusters,
and the tenant has a quota of pods.
"""

from dataclasses import dataclass, replace

from planners.gating.change_sets import ChangeSet
from planners.gating.effects import Merge
from planners.model import Unit
from planners.model.rules import Action
from planners.model.snapshot import ResourceClaim, Snapshot
from tests.fakes.builders import NOW
from tests.fakes.ruled_world import RuledWorld
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
        """All that people want is merged and ready; the last cluster has no room."""
        last = self.scenario.fleet[-1].name
        claim = ResourceClaim("other", Unit("big", last), {"cpu": TAKEN}, NOW, tenant="others")
        fleet = tuple(replace(each, capacity={"cpu": TAKEN}) for each in self.scenario.fleet)
        text = self.snapshot.sources["web"]["main.yaml"].replace(
            b"          image:", b"          resources: {requests: {cpu: 100m}}\n          image:"
        )
        self.forge = Forge(
            replace(
                self.snapshot, clusters=fleet, claims=(claim,), sources={"web": {"main.yaml": text}}
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
        last = self.scenario.fleet[-1].name
        if any(unit.cluster == last for unit in snapshot.base.entries):
            raise BrokenLawError(f"{last} is full, and more is placed there")
        rule, quota = self.scenario.rule, self.scenario.quota
        if rule is None or rule.action is not Action.SET_REPLICAS:
            return
        for unit, records in snapshot.base.records.items():
            pods = max((rule.replicas[each.step - 1] for each in records), default=REPLICAS)
            if quota and pods > quota:
                raise BrokenLawError(f"{unit} has {pods} pods of a quota of {quota}")


def play_whole(seed: int, *, traced: bool = False) -> Outcome:
    """One series by its seed, with the whole core."""
    return WholePlay(seed, traced).run()
