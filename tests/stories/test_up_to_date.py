"""A forge that merges only branches that contain main's head: Switchyard rebuilds them itself."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import wave_request

SIX = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
APPROVED = "{approvals: [{clusters: {matchLabels: {tier: edge}}, count: 1}]}"


def pushes(world: World) -> int:
    deeds = world.context.store.audit.of("application/storefront", 1000)
    return sum(each.kind == "push" for each in deeds)


async def test_every_wave_merges_with_its_approval(world: World) -> None:
    world.memory.up_to_date_only = True
    world.found(small_fleet(policy=APPROVED))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    for wave in SIX:
        world.rita.approve(DEPLOY, wave_request(world, wave)["number"])

    await world.finish()

    assert world.merged() == SIX
    assert pushes(world) == 6 + 5, "each branch once, and each but the first once more"


async def test_an_approval_of_other_content_does_not_count(world: World) -> None:
    world.memory.up_to_date_only = True
    world.found(small_fleet(policy=APPROVED))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.rita.approve(DEPLOY, wave_request(world, "canary.1")["number"])
    world.rita.approve(DEPLOY, wave_request(world, "canary.2")["number"])
    world.ada.push(APP, "main", small_app(cart="2.0.0"), "Change cart")

    await world.settle()

    assert world.merged() == ["canary.1"]
    assert any("approval by rita is outdated" in each for each in world.reasons("canary.2"))


def strict(world: World, how: str) -> None:
    """Require branches to be up to date at GitHub, by a branch protection or by a ruleset."""
    if how == "protection":
        world.github.protection[DEPLOY] = {"strict": True, "linear": True}
        return
    checks = [{"context": "switchyard/order"}]
    parameters = {"required_status_checks": checks, "strict_required_status_checks_policy": True}
    world.github.rulesets[DEPLOY] = [
        {"type": "required_status_checks", "parameters": parameters},
        {"type": "pull_request", "parameters": {"allowed_merge_methods": ["squash"]}},
    ]


@pytest.mark.parametrize("world", ["github"], indirect=True)
@pytest.mark.parametrize("how", ["protection", "ruleset"])
async def test_six_waves_merge_where_github_asks_for_up_to_date_branches(
    world: World, how: str
) -> None:
    strict(world, how)
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    await world.finish()

    assert world.merged() == SIX
    assert set(world.github.methods) <= {"merge", "squash"}
