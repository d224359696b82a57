"""A merge request on the fleet repo says before the merge what `check` would say."""

import pytest

from bot.sandbox.demo.site import FLEET
from bot.worker.fleet_requests import FLEET as CONTEXT
from tests.fakes.world import World, small_fleet

MISTAKE = "policies/default.yaml:4:27: unknown tenant 'shopp' (did you mean 'shop'?)"
POLICY = "policies/default.yaml"


def told(world: World, number: int) -> tuple[str, str]:
    """State and text of the status."""
    status = world.otto.statuses(FLEET, world.otto.request(FLEET, number)["head"])[CONTEXT]
    return status["state"], status["description"]


def push(world: World, branch: str, policy: str) -> None:
    changed = {POLICY: small_fleet(policy=policy)[POLICY]}
    world.otto.push(FLEET, branch, changed, "Change the policy")


def propose(world: World, branch: str, policy: str) -> int:
    push(world, branch, policy)
    return world.otto.open(FLEET, branch, "Change the policy")


@pytest.mark.parametrize("world", ["memory", "github", "gitlab"], indirect=True)
async def test_a_change_of_the_fleet_is_checked_before_it_is_merged(world: World) -> None:
    world.found(small_fleet())
    number = propose(world, "trust", "{plaintextSecrets: [shopp]}")
    await world.settle()
    assert told(world, number) == ("failure", MISTAKE)

    push(world, "trust", "{plaintextSecrets: [shop]}")
    await world.settle()
    assert told(world, number) == ("success", "no mistakes in the documents of the fleet")


async def test_what_has_no_effect_is_a_warning_and_many_mistakes_are_counted(world: World) -> None:
    world.found(small_fleet())
    idle = propose(world, "idle", "{approvals: [{count: 2, clusters: {matchLabels: {teir: a}}}]}")
    wrong = propose(world, "wrong", "{plaintextSecrets: [shopp, bank]}")
    await world.settle()

    warning = "4:31: teir=a matches no cluster of the fleet (did you mean 'tier'?)"
    assert told(world, idle) == ("success", f"no mistakes; policies/default.yaml:{warning}")
    state, text = told(world, wrong)
    assert state == "failure"
    assert text.startswith("2 mistakes, switchyard check lists them: policies/default.yaml:4:34:")
