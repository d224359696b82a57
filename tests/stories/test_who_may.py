"""Whose approvals count: the forge's roles, teams and code owners, as the fleet's policies say."""

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.test_forges import merged, wave_request

on_each = pytest.mark.parametrize("world", ["github", "gitlab"], indirect=True)
CANARY = "clusters: {matchLabels: {canary: 'true'}}, count: 1"


def team(world: World, *logins: str) -> None:
    """Let these people be the team edge/approvers."""
    teams = world.gitlab.groups if hasattr(world, "gitlab") else world.own.teams
    teams["edge/approvers"] = set(logins)


async def proposed(world: World, policy: str) -> int:
    """The first wave's merge request under a policy."""
    world.found(small_fleet(policy=policy))
    world.ada.push(APP, "main", {"README.md": b"A shop.\n"}, "Begin")
    await merged(world, "shop")
    return int(wave_request(world, "canary.1")["number"])


def tries(world: World) -> int:
    """How often the bot tried to merge."""
    deeds = world.context.store.audit.of("application/storefront", 1000)
    return sum(each.kind == "merge" for each in deeds)


async def test_an_approval_without_the_role_does_not_count(world: World) -> None:
    number = await proposed(world, f"{{approvals: [{{{CANARY}}}]}}")
    world.site.made.forge.repositories[DEPLOY].roles["rita"] = "triage"
    world.rita.approve(DEPLOY, number)
    await world.settle()

    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert "rita lacks role write" in reason
    world.site.made.forge.repositories[DEPLOY].roles["rita"] = "write"
    await world.sweep()
    assert world.merged() == ["canary.1"]


@on_each
async def test_only_members_of_the_team_count_and_only_while_they_are(world: World) -> None:
    rule = f"{{approvals: [{{{CANARY}, teams: [edge/approvers]}}]}}"
    number = await proposed(world, rule)
    world.rita.approve(DEPLOY, number)
    await world.settle()
    assert world.merged() == []
    assert "waits for 1 approval" in world.reasons("canary.1")[0]
    assert world.wave("canary.1").gates[0].remedy.startswith("when edge/approvers approve")

    team(world, "rita")
    await world.sweep()
    assert world.merged() == ["canary.1"]


async def test_code_owners_of_the_touched_files_must_approve(world: World) -> None:
    owners = b"* @otto\n/clusters/one/ @edge/approvers # the canary\n"
    world.otto.push(DEPLOY, "main", {".github/CODEOWNERS": owners}, "Own")
    number = await proposed(world, f"{{approvals: [{{{CANARY}, codeOwners: true}}]}}")
    world.rita.approve(DEPLOY, number)
    await world.settle()
    assert ["code owners" in reason for reason in world.reasons("canary.1")] == [True]
    assert world.wave("canary.1").gates[0].remedy.startswith("when edge/approvers approve")

    team(world, "rita")
    await world.sweep()
    assert world.merged() == ["canary.1"]


async def test_a_refusal_of_the_forge_is_said_and_not_repeated_blindly(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    forge = world.site.made.forge
    forge.repositories[DEPLOY].required_statuses.append("security/scan")
    await world.settle()
    assert world.merged() == []
    (reason,) = world.reasons("canary.1")
    assert reason.startswith("the forge refused the merge: ")
    order = world.rita.statuses(DEPLOY, wave_request(world, "canary.1")["head"])
    assert order["switchyard/order"]["state"] == "success"

    before = tries(world)
    for _ in range(60):
        await world.advance(10)
    again = tries(world) - before
    assert 3 <= again <= 7
    forge.repositories[DEPLOY].required_statuses.remove("security/scan")
    await world.advance(600)
    assert world.merged() == ["canary.1"]


async def test_other_peoples_merge_requests_are_not_locked_out(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.rita.push(DEPLOY, "readme", {"README.md": b"What clusters pull, and when.\n"}, "Say")
    number = world.rita.open(DEPLOY, "readme", "Say")
    await world.settle()

    head = world.rita.request(DEPLOY, number)["head"]
    told = world.rita.statuses(DEPLOY, head)["switchyard/order"]
    assert (told["state"], told["description"]) == (
        "success",
        "not Switchyard's: nothing to wait for",
    )


async def test_nobody_lets_a_wave_through_under_another_name(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    waiting = wave_request(world, "canary.2")
    forge = world.site.made.forge
    forge.git.restore(DEPLOY, "harmless", waiting["head"])
    world.rita.open(DEPLOY, "harmless", "Nothing to see")
    await world.settle()
    await world.sweep()

    told = world.rita.statuses(DEPLOY, waiting["head"])["switchyard/order"]
    assert told["state"] == "pending"
