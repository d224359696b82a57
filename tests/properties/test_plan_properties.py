"""Laws of the core over random fleets and applications."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bot.engine.propose import propose
from planners.gating.effects import Merge
from planners.model import (
    AnyOf,
    Application,
    Cluster,
    ClusterCount,
    Component,
    ComponentSource,
    Dependency,
    DependencyScope,
    PlacementIntent,
    Readiness,
    Stage,
    Unit,
)
from planners.model.selectors import Selector
from planners.model.snapshot import Snapshot
from tests.fakes.builders import World, snapshot
from tests.fakes.examples import examples

REGIONS = ("eu", "us", "ap")


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A fleet of 1 to 8 clusters and an application of 1 to 6 components without cycles."""
    fleet = tuple(
        Cluster(
            f"c{number}",
            "flux",
            {"region": draw(st.sampled_from(REGIONS)), "canary": str(number == 0).lower()},
        )
        for number in range(draw(st.integers(1, 8)))
    )
    names = [f"part-{number}" for number in range(draw(st.integers(1, 6)))]
    parts = []
    for number, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:number]), unique=True)) if number else []
        on = draw(
            st.sampled_from(
                [DependencyScope.SAME_CLUSTER, DependencyScope.ALL_CLUSTERS, DependencyScope.QUORUM]
            )
        )
        quorum = min(2, len(fleet)) if on is DependencyScope.QUORUM else None
        edges = tuple(Dependency(need, on=on, quorum=quorum) for need in sorted(needs))
        parts.append(Component(name, ComponentSource("manifests", f"deploy/{name}"), edges))
    placements = [PlacementIntent(tuple(names), all_of=(Selector(),))]
    if draw(st.booleans()):
        placements.append(
            PlacementIntent((names[0],), any_of=AnyOf((Selector(),), ClusterCount(1, 2)))
        )
    stages = draw(
        st.sampled_from(
            [
                (),
                (Stage("canary", Selector({"canary": "true"})), Stage("rest", max_at_once=2)),
                (Stage("europe", Selector({"region": "eu"})),),
            ]
        )
    )
    return snapshot(Application("shop", "shop", tuple(parts), tuple(placements), (), stages), fleet)


@given(snapshots(), st.randoms())
@examples(20)
def test_the_digest_does_not_depend_on_any_order(start: Snapshot, shuffle: random.Random) -> None:
    clusters, parts = list(start.clusters), list(start.application.components)
    sources = list(start.sources.items())
    placements = list(start.application.placements)
    for each in (clusters, parts, sources, placements):
        shuffle.shuffle(each)
    application = replace(start.application, components=tuple(parts), placements=tuple(placements))
    other = replace(start, application=application, clusters=tuple(clusters), sources=dict(sources))

    assert propose(other).digest == propose(start).digest
    assert [change.digest for change in propose(other).changes] == [
        change.digest for change in propose(start).changes
    ]


@given(snapshots())
@examples(60)
def test_applying_a_plan_and_planning_again_yields_no_effects(start: Snapshot) -> None:
    world = World(start)
    planned = [wave.name for wave in propose(start).plan.waves]

    done = world.finish()

    assert propose(world.snapshot) == done
    assert sorted(world.merged) == sorted(planned)
    assert sorted(world.opened) == sorted(planned)
    assert [e for e in done.evaluation.effects if type(e).__name__ != "RequeueAt"] == []


class Watched(World):
    """A world that remembers what was READY when each wave merged."""

    def __init__(self, start: Snapshot) -> None:
        super().__init__(start)
        self.ready_before: dict[str, set[Unit]] = {}

    def _do(self, effect: object) -> None:
        if isinstance(effect, Merge):
            seen = self.snapshot.observations.items()
            ready = {unit for unit, said in seen if said.readiness is Readiness.READY}
            self.ready_before[effect.change.wave.name] = ready
        super()._do(effect)


@given(snapshots())
@examples(40)
def test_no_wave_merges_before_dependencies_and_earlier_steps_are_ready(start: Snapshot) -> None:
    world = Watched(start)
    plan = propose(start).plan
    position = {unit: wave for wave in plan.waves for unit in wave.units}

    world.finish()

    for unit, wave in position.items():
        component = start.application.component(unit.component)
        assert component is not None
        ready = world.ready_before[wave.name]
        assert {u for u in position if position[u].step < wave.step} <= ready
        for need in component.depends_on:
            others = [u for u in position if u.component == need.component]
            so_far = {u for u in others if position[u].step <= wave.step}
            match need.on:
                case DependencyScope.SAME_CLUSTER:
                    assert {u for u in others if u.cluster == unit.cluster} <= ready
                case DependencyScope.ALL_CLUSTERS:
                    assert so_far <= ready
                case _:
                    assert need.quorum is not None
                    assert len(so_far & ready) >= min(need.quorum, len(so_far))


@given(snapshots())
@examples(25)
def test_one_image_changes_one_file_on_each_cluster(start: Snapshot) -> None:
    world = World(start)
    world.finish()
    name = start.application.components[0].name
    source = start.sources[name]["main.yaml"].replace(b"app:1.0.0", b"app:2.0.0")
    world.snapshot = replace(world.snapshot, sources={**start.sources, name: {"main.yaml": source}})

    changes = propose(world.snapshot).changes

    files = [file for change in changes for file in change.files]
    assert len(files) == len(start.clusters)
    assert {file.unit.component for file in files} == {name}
