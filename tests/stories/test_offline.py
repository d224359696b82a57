"""Clusters that are away for days: a rollout that lets them catch up goes on without them."""

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import SWITCHYARD, World, small_app, small_fleet

FIVE = ("one", "two", "three", "four", "five")
CATCH_UP = SWITCHYARD.replace(b"  rollout:\n", b"  rollout:\n    offline: catchUp\n")
LONELY = b"""apiVersion: switchyard.dev/v1alpha1
kind: Application
metadata: {name: storefront}
spec:
  tenant: shop
  components: [{name: redis, source: {manifests: deploy/redis}}]
  placement: [{components: [redis], allOf: [{matchLabels: {tier: edge}}]}]
  rollout:
    offline: catchUp
    stages: [{name: canary, clusters: {matchLabels: {canary: "true"}}}, {name: rest}]
"""
DAY = 24 * 3600


async def running(world: World, document: bytes = LONELY) -> int:
    """The shop runs everywhere, and an update of redis and cart is proposed; its merge request."""
    world.found(small_fleet(FIVE))
    world.ada.push(APP, "main", {**small_app(), "switchyard.yaml": document}, "Open the shop")
    await world.settle()
    await world.finish()
    changed = small_app(redis="2.0.0", cart="2.0.0")
    world.ada.push(APP, "update", {**changed, "switchyard.yaml": document}, "Update")
    return world.ada.open(APP, "update", "Update")


async def leave(world: World, *clusters: str) -> None:
    """Clusters lose their connection, and a day passes."""
    for name in clusters:
        world.behave(name, silent=True)
    await world.advance(DAY)


async def roll_out(world: World, number: int) -> list[str]:
    """Merge the update, give it time, and tell which waves of it are merged."""
    before = len(world.merged())
    world.ada.merge(APP, number)
    await world.settle()
    for _ in range(4):
        await world.advance(10)
    return world.merged()[before:]


async def test_they_catch_up_when_they_are_back(world: World) -> None:
    number = await running(world)
    await leave(world, "four", "five")

    assert await roll_out(world, number) == ["canary.1", "rest.1"]
    assert "rolled out: 3 clusters ready, 2 offline" in world.home(number)
    assert not world.view().done
    assert [each.reason for each in world.wave("rest.1").pending] == [
        "offline since 2026-11-20 12:00"
    ] * 2

    for name in ("five", "four"):
        world.behave(name, silent=False)
        await world.advance(60)
    assert world.view().done
    assert "rolled out: 5 clusters ready" in world.home(number)


async def test_by_default_a_rollout_waits_for_them(world: World) -> None:
    number = await running(world, LONELY.replace(b"    offline: catchUp\n", b""))
    await leave(world, "one")

    assert await roll_out(world, number) == ["canary.1"]
    assert "waits for canary to be ready" in world.reasons("rest.1")[0]


async def test_a_stage_of_which_all_clusters_are_away_is_waited_for(world: World) -> None:
    number = await running(world)
    await leave(world, "one")

    assert await roll_out(world, number) == ["canary.1"]
    assert "offline since" in world.reasons("rest.1")[0]


async def test_while_most_clusters_are_away_all_are_waited_for(world: World) -> None:
    """Then it may be the service that hears nothing."""
    number = await running(world)
    await leave(world, "two", "three", "four")

    assert await roll_out(world, number) == ["canary.1", "rest.1"]
    assert "2 offline" not in world.home(number)
    assert {each.reason.partition(" ")[0] for each in world.wave("rest.1").pending} == {"the"}


async def test_a_dependency_on_all_clusters_needs_those_that_are_there(world: World) -> None:
    """Web requires cart on all clusters: on those that report, and on one at least."""
    number = await running(world, CATCH_UP)
    await leave(world, "four", "five")
    world.behave("three", failing=frozenset({"cart"}))
    updated = small_app(redis="2.0.0", cart="2.0.0", web="2.0.0")
    world.ada.push(APP, "update", {**updated, "switchyard.yaml": CATCH_UP}, "And web")

    merged = await roll_out(world, number)
    assert merged[-1] == "rest.2"
    await world.advance(DAY / 24)
    await world.advance(10)
    (reason,) = world.reasons("rest.3")
    assert "cart failed" in reason
    world.behave("three", failing=frozenset())
    await world.advance(DAY / 24)
    await world.advance(10)
    assert world.merged()[-1] == "rest.3"
    assert len(world.rita.requests(DEPLOY, "open")) == 0
