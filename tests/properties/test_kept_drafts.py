"""Law 18: a pass costs what has changed, and kept drafts give the same bytes as new ones."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.plans import Plans
from bot.engine.propose import Draft, conclude, draft, propose
from bot.engine.results import DifferentResultError, Results
from planners.inputs import planning_input
from planners.model import (
    AnyOf,
    ClusterCount,
    ExceptionRule,
    FilePosition,
    ObjectIdentity,
    PlacementIntent,
    Policy,
    Price,
    Readiness,
    Revision,
    Stage,
    Unit,
)
from planners.model.overrides import Hold
from planners.model.selectors import Selector
from planners.model.snapshot import OwnedObjects, ReportedFacts, ResourceClaim, Snapshot
from tests.fakes.builders import NOW, World, application, clusters, snapshot
from tests.fakes.examples import examples

CLUSTERS = tuple(each.name for each in clusters())
Step = Callable[[World], None]


class Drafter:
    """Drafts in this process, and counts."""

    def __init__(self) -> None:
        self.drafts = 0

    async def __call__(self, planned: Snapshot) -> Draft:
        self.drafts += 1
        return draft(planned)


def start() -> Snapshot:
    """Three components in two stages, one of them placed by cost; an exception expires."""
    app = application(stages=(Stage("canary", Selector({"canary": "true"})), Stage("rest")))
    rule = ExceptionRule(
        ("cart",), "sale", replicas=5, until=NOW + timedelta(minutes=7), name="cart"
    )
    placements = (
        PlacementIntent(("redis", "cart"), all_of=(Selector(),)),
        PlacementIntent(
            ("web",), any_of=AnyOf((Selector(),), ClusterCount(1, 2)), prefer={"cost": 100}
        ),
    )
    return snapshot(replace(app, exceptions=(rule,), placements=placements))


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """Something that happens to a world."""
    cluster = draw(st.sampled_from(CLUSTERS))
    component = draw(st.sampled_from(["redis", "cart", "web"]))
    readiness = draw(st.sampled_from(list(Readiness)))
    seconds = draw(st.integers(0, 1200))
    number = draw(st.integers(1, 4))

    def change(**fields: object) -> Step:
        return lambda world: setattr(world, "snapshot", replace(world.snapshot, **fields))  # type: ignore[arg-type]

    def told(world: World) -> None:
        facts = ReportedFacts(world.snapshot.now, price=Price(number / 10, 0.01))
        world.snapshot = replace(world.snapshot, facts={**world.snapshot.facts, cluster: facts})

    def moved(world: World) -> None:
        """The document has another line before the exception, and means the same."""
        app = world.snapshot.application
        at = FilePosition("switchyard.yaml", number, 1)
        rules = tuple(replace(each, position=at) for each in app.exceptions)
        world.snapshot = replace(world.snapshot, application=replace(app, exceptions=rules))

    def claimed(world: World) -> None:
        """Merged by another application, or proposed by it or by this one."""
        name = draw(st.sampled_from([world.snapshot.application.name, "other"]))
        merged = NOW if name == "other" and number == 1 else None
        proposed = 0 if merged else number
        claim = ResourceClaim(
            name, component, (cluster,), {"cpu": 10**9}, merged, proposed, tenant="shop"
        )
        objects = {ObjectIdentity("apps", "Deployment", "shop", component): "deployment.yaml"}
        owned = OwnedObjects(name, "shop", component, objects, frozenset({cluster}), proposed)
        world.snapshot = replace(
            world.snapshot,
            claims=(*world.snapshot.claims, claim),
            owned=(*world.snapshot.owned, owned),
            clusters=tuple(
                replace(each, capacity={"cpu": 3 * 10**9}) for each in world.snapshot.clusters
            ),
        )

    return draw(
        st.sampled_from(
            [
                World.pass_once,
                claimed,
                lambda world: world.report(Unit(component, cluster), readiness),
                World.report_all,
                lambda world: world.later(timedelta(seconds=seconds)),
                told,
                moved,
                change(revision=Revision(start().revision.repo, f"{number:040x}")),
                change(sources=snapshot(images={component: f"app:{number}"}).sources),
                change(policies=(Policy("p", facts_max_age=timedelta(minutes=number)),)),
                change(clusters=clusters(number)),
                lambda world: setattr(
                    world,
                    "snapshot",
                    replace(
                        world.snapshot,
                        overrides=replace(
                            world.snapshot.overrides, holds=(Hold("", "rita", "lunch", NOW),)
                        ),
                    ),
                ),
            ]
        )
    )


@given(st.lists(steps(), max_size=8))
@examples(12)
def test_kept_drafts_give_the_same_proposals_as_new_ones(happens: list[Step]) -> None:
    """New ones are made of the whole Snapshot: nothing else in it decides."""

    async def run() -> None:
        world, plans = World(start()), Plans(Drafter(), Results(10_000_000))
        for step in happens:
            step(world)
            kept = await plans(world.snapshot)
            assert kept == propose(world.snapshot)
            assert kept == conclude(world.snapshot, draft(world.snapshot))

    asyncio.run(run())


async def test_nothing_is_placed_or_rendered_for_reports_approvals_and_commands() -> None:
    world, drafter = World(start()), Drafter()
    plans = Plans(drafter, Results(10_000_000))
    world.settle()
    before = await plans(world.snapshot)

    world.report_all()
    world.approve(1)
    world.label(1, "switchyard/hold")
    world.later(timedelta(minutes=3))
    world.snapshot = replace(world.snapshot, revision=Revision(before.plan.revision.repo, "b" * 40))
    after = await plans(world.snapshot)

    assert drafter.drafts == 1
    assert after.digest == before.digest
    assert after.evaluation != before.evaluation
    assert after.plan.revision.sha == "b" * 40

    world.later(timedelta(minutes=5))
    await plans(world.snapshot)
    assert drafter.drafts == 2, "the exception has expired"


async def test_own_proposals_count_only_beside_those_of_others() -> None:
    world, drafter = World(start()), Drafter()
    plans = Plans(drafter, Results(10_000_000))
    world.settle()
    await plans(world.snapshot)

    def claim(name: str, number: int) -> ResourceClaim:
        return ResourceClaim(name, "web", ("c1",), {"cpu": 0}, None, number, tenant="shop")

    def owned(name: str, number: int) -> OwnedObjects:
        web = ObjectIdentity("apps", "Deployment", "shop", "web")
        return OwnedObjects(name, "shop", "web", {web: "web.yaml"}, frozenset({"c1"}), number)

    own = world.snapshot.application.name
    world.snapshot = replace(world.snapshot, claims=(claim(own, 3),), owned=(owned(own, 3),))
    await plans(world.snapshot)
    assert drafter.drafts == 1

    world.snapshot = replace(world.snapshot, owned=(*world.snapshot.owned, owned("other", 2)))
    first = await plans(world.snapshot)
    assert drafter.drafts == 2
    assert "merge request 2 " in str(first.problems), "the older merge request goes first"


async def test_verification_drafts_anew_and_compares() -> None:
    drafter = Drafter()
    plans = Plans(drafter, Results(10_000_000, verify=True))
    await plans(start())
    await plans(start())
    assert drafter.drafts == 2

    async def other(_: Snapshot) -> Draft:
        return draft(planning_input(snapshot(images={"web": "app:2"})))

    with pytest.raises(DifferentResultError, match="plan"):
        await replace(plans, drafter=other)(start())
