"""What an application costs at its forge on whose repositories nothing happens."""

from collections import Counter
from datetime import timedelta

import pytest

from bot.sandbox.demo.site import APP, DEPLOY, FLEET
from bot.worker.idle import REMEMBERED
from bot.worker.sweep import sweep
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_facts import cost, send

dialects = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)

SWEEP = {"github": 4, "gitlab": 6}
"""Requests about an app repo and a deploy repo: what each is, and what changed; GitLab lists the
open merge requests too, whose conflicts change without an update. With the fleet repo and the pass
that followed, 28 and 27 were asked before this was so."""
FLEET_REPO = {"github": 3, "gitlab": 4}


def requests(world: World) -> Counter[str]:
    """What the bot asked since the last time."""
    (forge,) = world.context.forges.values()
    found = Counter(forge.request_counts.outcomes)
    forge.request_counts.outcomes.clear()
    return found


async def rolled_out(world: World) -> None:
    """An application that is ready everywhere; the bot has seen what it did itself."""
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    await world.finish()
    await world.advance(300)
    await world.sweep()
    requests(world)


@dialects
async def test_a_sweep_asks_little_and_the_pass_after_it_nothing(world: World) -> None:
    await rolled_out(world)
    dialect = world.places[APP]

    await sweep(world.context)
    asked = requests(world)
    assert asked.total() == SWEEP[dialect] + FLEET_REPO[dialect]
    if dialect == "github":
        assert set(asked) == {"unchanged"}, "such answers do not count against GitHub's limit"
    await world.settle()
    assert requests(world) == {}

    world.clusters.clear()
    await world.advance(timedelta(minutes=40).total_seconds())
    assert {unit.readiness for unit in world.view().units} == {"UNKNOWN"}, "silent for too long"
    assert requests(world) == {}


async def test_facts_are_looked_at_and_only_what_they_change_needs_the_forge(world: World) -> None:
    await rolled_out(world)
    world.memory.request_counts.outcomes.clear()
    idle = world.context.idle["storefront"]

    assert await send(world, "one", cost(world, 0.01)) == 202
    await world.sweep()

    assert world.context.idle["storefront"] is idle


@pytest.mark.parametrize("repository", [APP, DEPLOY, FLEET])
async def test_a_sweep_finds_what_no_webhook_told(world: World, repository: str) -> None:
    await rolled_out(world)
    idle = world.context.idle["storefront"]
    await world.sweep()
    assert world.context.idle["storefront"] is idle

    world.deaf = True
    world.otto.push(repository, "main", {"NEWS.md": b"Something.\n"}, "Tell something")
    await world.sweep()

    assert world.context.idle["storefront"] is not idle


async def test_a_comment_that_no_webhook_told_is_answered_after_a_sweep(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    world.ada.push(APP, "shop", small_app(), "Open the shop")
    number = world.ada.open(APP, "shop", "Open the shop")
    await world.settle()
    world.ada.merge(APP, number)
    await world.settle()
    await world.finish()
    await world.advance(300)
    await world.sweep()
    assert "storefront" in world.context.idle

    world.deaf = True
    world.rita.comment(APP, number, "/switchyard status")
    await world.sweep()

    assert any("To `rita`" in each["body"] for each in world.rita.comments(APP, number))


async def test_answers_do_not_count_for_ever(world: World) -> None:
    await rolled_out(world)
    idle = world.context.idle["storefront"]

    await world.advance(REMEMBERED.total_seconds())

    assert world.context.idle["storefront"] is not idle
