"""Reviews are requested of those whose approval a wave waits for: once, and not of who declines."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import merged, wave_request

NAMED = (
    "{approvals: [{clusters: {matchLabels: {canary: 'true'}}, count: 1, "
    "users: [rita, otto, nobody]}]}"
)


async def waiting(world: World) -> int:
    """The first wave's merge request, which waits for an approval of somebody."""
    world.found(small_fleet(("one",), policy=NAMED))
    world.ada.push(APP, "main", small_app(), "Begin")
    await world.settle()
    return int(wave_request(world, "canary.1")["number"])


def reviewers(world: World, number: int) -> list[str]:
    return [*world.forge.request(DEPLOY, number).reviewers]


async def test_a_wave_requests_reviews_when_its_turn_comes(world: World) -> None:
    number = await waiting(world)
    later = int(wave_request(world, "canary.2")["number"])

    assert reviewers(world, number) == ["otto", "rita"]
    assert reviewers(world, later) == []

    world.rita.approve(DEPLOY, number)
    await world.settle()
    assert world.merged() == ["canary.1"]


async def test_who_removes_herself_is_not_asked_again(world: World) -> None:
    number = await waiting(world)
    world.rita.decline(DEPLOY, number)
    await world.settle()
    assert reviewers(world, number) == ["otto"]

    world.ada.push(APP, "main", small_app(redis="2.0.0"), "Newer")
    await world.settle()
    asked = [each["body"] for each in world.rita.comments(DEPLOY, number)]
    assert sum("is ready to merge once" in each for each in asked) == 2
    assert reviewers(world, number) == ["otto"]


async def test_who_approved_what_is_outdated_is_asked_again(world: World) -> None:
    policy = NAMED.replace("count: 1", "count: 2").replace(", nobody", "")
    world.found(small_fleet(("one",), policy=policy))
    world.ada.push(APP, "main", small_app(), "Begin")
    await world.settle()
    number = int(wave_request(world, "canary.1")["number"])
    world.rita.approve(DEPLOY, number)
    await world.settle()
    assert reviewers(world, number) == ["otto"]

    world.ada.push(APP, "main", small_app(redis="2.0.0"), "Newer")
    await world.settle()
    assert reviewers(world, number) == ["otto", "rita"]


@pytest.mark.parametrize("world", ["github"], indirect=True)
async def test_a_team_of_github_is_requested_beside_people(world: World) -> None:
    world.github.teams["fleet/approvers"] = {"rita"}
    policy = "{approvals: [{count: 1, users: [otto, nobody], teams: [fleet/approvers, edge/x]}]}"
    world.found(small_fleet(("one",), policy=policy))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    await merged(world, "shop")
    number = int(wave_request(world, "canary.1")["number"])

    assert world.github.requested_teams[DEPLOY, number] == ["fleet/approvers"]
    assert reviewers(world, number) == ["otto"]
