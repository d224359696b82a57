"""A replica that stands still for longer than its lease, or is told to stop, in a pass."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.context import Context
from bot.forges import Comment, Forge
from bot.sandbox.demo.site import APP
from bot.worker import dispatch
from bot.worker.worker import work_one
from tests.fakes.world import World, close, small_app, small_fleet

LEASE = timedelta(hours=1)  # no heartbeat while the story lasts


class Standstill:
    """The forge of a process that gets SIGSTOP after it has read comments, and SIGCONT later.

    They are read a second time, right before the bot decides to write one.
    """

    def __init__(self, forge: Forge) -> None:
        self._forge, self._reads = forge, 0
        self.stopped, self.continued = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forge, name)

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        found = await self._forge.comments(repository, number)
        self._reads += repository == APP
        if self._reads == 2:
            self.stopped.set()
            await self.continued.wait()
        return found


class SlowWrites:
    """A forge whose answer to a new comment takes a while."""

    def __init__(self, forge: Forge) -> None:
        self._forge, self.begun, self.ended = forge, asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._forge, name)

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        self.begun.set()
        await self.ended.wait()
        return await self._forge.add_comment(repository, number, body)


async def work(context: Context, owner: str) -> None:
    while await work_one(context, owner, LEASE):
        pass


async def overtaken(world: World) -> None:
    """Let a replica stand still in a pass until another one has done it, and go on."""
    first = world.context
    forge = Standstill(first.forges["local"])
    slow = replace(first, forges={"local": forge})
    standing = asyncio.create_task(work(slow, "first"))
    await forge.stopped.wait()
    world.start_bot()
    world.now += LEASE
    await work(world.context, "second")
    forge.continued.set()
    await standing
    await close(first)


async def proposed(world: World) -> int:
    """A merge request that has no plan comment yet."""
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.ada.push(APP, "new", small_app(cart="2.0.0"), "A new cart")
    number = world.ada.open(APP, "new", "A new cart")
    await world.flush_hooks()
    await dispatch.drain(world.context)
    return number


async def test_a_plan_comment_is_posted_once(world: World) -> None:
    number = await proposed(world)

    await overtaken(world)

    assert "cart" in world.home(number)


async def test_a_replica_that_is_stopped_ends_its_write_and_gives_its_key_back(
    world: World,
) -> None:
    number = await proposed(world)
    forge = SlowWrites(world.context.forges["local"])
    slow = replace(world.context, forges={"local": forge})
    stopping = asyncio.create_task(work(slow, "first"))
    await forge.begun.wait()
    queue = world.context.store.queue

    stopping.cancel()
    assert await asyncio.wait([stopping], timeout=0.01) == (set(), {stopping})
    assert queue.claim("second", LEASE, world.now) is None, "the comment is on its way"
    forge.ended.set()
    await asyncio.wait([stopping])

    assert stopping.cancelled()
    assert "cart" in world.home(number)
    found = queue.claim("second", LEASE, world.now)
    assert found is not None
    assert (found.key, found.attempts) == (f"review/local:{APP}!{number}", 1)


@pytest.mark.parametrize("steps", range(4))
async def test_a_replica_that_is_stopped_while_it_claims_a_key_gives_it_back(
    world: World, steps: int
) -> None:
    queue = world.context.store.queue
    queue.trigger(["application/unknown"], world.now)
    stopping = asyncio.create_task(work_one(world.context, "first", LEASE))
    for _ in range(steps):
        await asyncio.sleep(0)

    stopping.cancel()
    await asyncio.wait([stopping])

    found = queue.claim("second", LEASE, world.now)
    assert found is not None
    assert found.attempts == 1
