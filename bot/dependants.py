"""Wakes the applications that wait for another one, when that one has moved.

Who waits for whom is remembered among the views: losing it costs no more than a wait for the sweep.
"""

import asyncio

from bot.inbox import application_key, trigger
from bot.shell import Shell
from planners.model import Json

PREFIX = "dependants"
TELLING = ("units", "waves")


async def remember(shell: Shell, application: str, needs: tuple[str, ...]) -> None:
    """Keep that an application waits for others."""
    views = shell.store.views
    for name in needs:
        await asyncio.to_thread(views.put, f"{PREFIX}/{name}/{application}", {})


async def show(shell: Shell, application: str, view: dict[str, Json]) -> None:
    """Put an application's view, and wake who waits for it when it tells something new."""
    views, key = shell.store.views, f"rollout/{application}"
    before = await asyncio.to_thread(views.get, key) or {}
    await asyncio.to_thread(views.put, key, view)
    if any(before.get(name) != view.get(name) for name in TELLING):
        waiting = await asyncio.to_thread(views.list, f"{PREFIX}/{application}/")
        await trigger(shell, [application_key(name.rpartition("/")[2]) for name, _ in waiting])
