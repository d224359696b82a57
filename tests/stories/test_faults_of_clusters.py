"""Clusters whose clocks are wrong, that speak of the past, or that never speak again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from bot.sandbox.demo.agents import Report, SimulatedCluster
from bot.sandbox.demo.site import APP
from tests.fakes.world import World, small_app, small_fleet
from tests.stories.laws import WAVES, begin, check, converge, hold, page


@dataclass(slots=True)
class Skewed(SimulatedCluster):
    """A cluster whose clock is wrong by so much."""

    skew: timedelta = timedelta()

    def step(self, now: datetime, revision: str, files: Mapping[str, bytes]) -> list[Report]:
        return SimulatedCluster.step(self, now + self.skew, revision, files)


def skew(world: World, name: str, by: timedelta) -> Skewed:
    """A cluster's agent, started anew with its clock wrong by so much."""
    known = world.clusters[name]
    return Skewed(known.name, known.key, known.behaviour, skew=by)


def skew_all(world: World, by: timedelta) -> None:
    for name in world.clusters:
        world.clusters[name] = skew(world, name, by)


@pytest.mark.parametrize("minutes", [-15, 9])
async def test_a_clock_that_is_wrong_changes_no_order(world: World, minutes: int) -> None:
    world.found(small_fleet())
    skew_all(world, timedelta(minutes=minutes))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    await converge(world)


async def test_nothing_goes_on_by_reports_that_are_hours_old_when_they_arrive(world: World) -> None:
    """Held back, or the clock is behind: nobody can tell, so the wave says both."""
    world.found(small_fleet())
    skew_all(world, timedelta(hours=-10))
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    await hold(world, ["canary.1"])
    told = "sent 600 min after it was observed, or the clock is behind"
    assert told in world.reasons("canary.2")[0]
    skew_all(world, timedelta())
    await converge(world, step=30, times=80)


async def test_a_clock_that_is_set_right_during_the_rollout(world: World) -> None:
    """What was said of a later time counts until that time, and no wave goes before its turn."""
    await begin(world)
    skew_all(world, timedelta(minutes=9))
    await world.advance(3)
    check(world)
    skew_all(world, timedelta())

    await converge(world, step=30, times=80)


async def test_a_report_from_the_future_is_refused_and_the_wait_is_overdue(world: World) -> None:
    await begin(world)
    ahead = skew(world, "one", timedelta(hours=1))
    world.behave("one", silent=True)
    head = world.agents.head("main")
    assert head is not None
    for report in ahead.step(world.now, head, world.agents.files(head, "clusters/one")):
        answer = await world.client.post(
            "/reports/flux/one", content=report.body, headers=dict(report.headers)
        )
        assert answer.status_code == 422
        assert "time is in the future" in answer.text

    await hold(world, ["canary.1"], 640)
    assert world.reasons("canary.2")[0].endswith("overdue)")
    world.behave("one", silent=False)
    await converge(world)


async def test_a_report_for_an_old_commit_is_no_readiness(world: World) -> None:
    await begin(world)
    world.behave("one", stuck_at=world.log()[-1]["sha"])

    await hold(world, ["canary.1"])
    assert world.reasons("canary.2")[0].startswith("cart waits for redis to be Ready on one")
    world.behave("one", stuck_at=None)
    await converge(world)


async def test_a_cluster_that_is_silent_for_ever_is_overdue_for_ever(world: World) -> None:
    await begin(world)
    world.behave("one", silent=True)

    await hold(world, ["canary.1"], 4 * 3600)
    told = "no report since 12:00:00, overdue"
    assert told in world.reasons("canary.2")[0]
    assert told in await page(world)
    assert {unit.readiness for unit in world.view().units} == {"UNKNOWN", "UNMERGED"}
    world.behave("one", silent=False)
    await converge(world)
    assert world.merged() == list(WAVES)
