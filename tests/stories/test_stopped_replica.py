"""A replica that stands still for longer than its lease, in the middle of a pass."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

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


async def work(context: Context, owner: str) -> None:
    while await work_one(context, owner, LEASE):
        pass


async def overtaken(world: World) -> None:
    """Let a replica stand still in a pass until another one has done it, and go on."""
    await world.flush_hooks()
    await dispatch.drain(world.context)
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


async def test_a_plan_comment_is_posted_once(world: World) -> None:
    world.found(small_fleet())
    world.ada.push(APP, "main", small_app(), "Open the shop")
    await world.settle()
    world.ada.push(APP, "new", small_app(cart="2.0.0"), "A new cart")
    number = world.ada.open(APP, "new", "A new cart")

    await overtaken(world)

    assert "cart" in world.home(number)
