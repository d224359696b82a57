"""What forges do on bad days: all of it delays, nothing of it doubles, loses or reorders."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.demo.site import APP, DEPLOY
from tests.fakes.faults import AFTER, STALE, Faults
from tests.fakes.inline import work_inline
from tests.fakes.world import World, small_app, small_fleet

WAVES = ["canary.1", "canary.2", "canary.3", "rest.1", "rest.2", "rest.3"]
OPEN = {"github": ("POST", "/pulls$"), "gitlab": ("POST", "/merge_requests$")}
LIST = {"github": ("GET", "deploy/pulls$"), "gitlab": ("GET", "deploy/merge_requests$")}
ONE = {"github": ("GET", r"deploy/pulls/\d+$"), "gitlab": ("GET", r"deploy/merge_requests/\d+$")}
MERGE = {"github": ("PUT", "/merge$"), "gitlab": ("PUT", "/merge$")}
STATUS = {"github": ("POST", "/statuses/"), "gitlab": ("POST", "/statuses/")}
AGAIN = 5  # seconds after which a pass that met a broken forge is tried again
ANY = ("GET", "fleet(/|%2F)deploy")


@pytest.fixture(params=["github", "gitlab"])
async def bad(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[World, Faults, str]]:
    """A world whose forge has faults; its name."""
    faults = Faults()
    work_inline(asyncio.get_running_loop())
    world = World(tmp_path, request.param, faults.wrap)
    yield world, faults, request.param
    await world.stop()


async def rolled_out(world: World) -> None:
    """The rollout comes to its end, in order, with one merge request a wave."""
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    for _ in range(2):
        await world.advance(AGAIN)
    await world.finish()
    assert world.merged() == WAVES
    assert len(world.rita.requests(DEPLOY, "all")) == len(WAVES)


async def test_a_write_that_was_done_and_answered_502(bad: tuple[World, Faults, str]) -> None:
    world, faults, name = bad
    opened = faults.add(*OPEN[name], kind=AFTER, times=2)
    merged = faults.add(*MERGE[name], kind=AFTER, times=2)

    await rolled_out(world)

    assert (opened.happened, merged.happened) == (2, 2)


async def test_a_list_that_is_out_of_date(bad: tuple[World, Faults, str]) -> None:
    world, faults, name = bad
    stale = faults.add(*LIST[name], kind=STALE, times=6)

    await rolled_out(world)

    assert stale.happened == 6


async def test_not_found_just_after_it_was_made(bad: tuple[World, Faults, str]) -> None:
    world, faults, name = bad
    lost = faults.add(*ONE[name], status=404, times=3)

    await rolled_out(world)

    assert lost.happened > 0 or name == "gitlab"


async def test_it_will_not_merge_now(bad: tuple[World, Faults, str]) -> None:
    world, faults, name = bad
    words = b'{"message": "Base branch was modified. Review and try the merge again."}'
    refused = [faults.add(*MERGE[name], status=code, body=words) for code in (405, 409, 422)]

    await rolled_out(world)

    assert [each.happened for each in refused] == [1, 1, 1]


async def test_a_limit_delays_and_says_until_when(bad: tuple[World, Faults, str]) -> None:
    world, faults, name = bad
    code = {"github": 403, "gitlab": 429}[name]
    faults.add(*STATUS[name], status=code, headers={"retry-after": "300"})
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()

    errors = [each.last_error or "" for each in world.context.store.queue.waiting(10)]
    assert any("delayed by Git" in each and "limits until" in each for each in errors), errors
    calls = len(faults.asked)
    await world.advance(200)
    assert len(faults.asked) == calls, "nothing is sent before the limit ends"
    await world.advance(101)
    await world.finish()
    assert world.merged() == WAVES


async def test_a_revoked_token_holds_everything_until_it_is_replaced(
    bad: tuple[World, Faults, str],
) -> None:
    world, faults, _ = bad
    world.found(small_fleet())
    await world.settle()
    revoked = faults.add(*ANY, status=401, times=6, body=b'{"message": "Bad credentials"}')
    world.ada.push(APP, "main", small_app(), "Open the shop")
    for _ in range(8):
        await world.advance(60)

    assert revoked.happened == 6
    await world.finish()
    assert world.merged() == WAVES


async def test_a_rollout_costs_few_writes(bad: tuple[World, Faults, str]) -> None:
    world, faults, _ = bad

    await rolled_out(world)

    writes = [path for method, path in faults.asked if method != "GET" and "/app/" not in path]
    assert len(writes) <= 5 * len(WAVES), writes
