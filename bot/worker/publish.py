"""Publishes an application's views and wakes the applications that depend on it.

Dependants are kept among the views: losing them costs no more than a wait for the sweep.
"""

import asyncio

from bot.context import Context
from bot.effects.wake import wake
from bot.report.rollout_view import with_since
from bot.report.summary_view import mark, summary
from bot.store.keys import DEPENDANTS, MARK, ROLLOUT, SUMMARY, application_key
from planners.model import Json

TELLING = ("units", "waves")


async def remember(context: Context, application: str, needs: tuple[str, ...]) -> None:
    """Keep that an application waits for others."""
    views = context.store.views
    for name in needs:
        await asyncio.to_thread(views.put, f"{DEPENDANTS}{name}/{application}", {})


async def show(context: Context, application: str, view: dict[str, Json]) -> None:
    """Put an application's views, and wake who waits for it when they tell something new.

    The mark comes last: whoever sees it finds the rest.
    """
    views = context.store.views
    before = await asyncio.to_thread(views.get, ROLLOUT + application) or {}
    view = with_since(view, before)
    told, short = await asyncio.to_thread(lambda: (mark(view), summary(view)))
    await asyncio.to_thread(views.put, ROLLOUT + application, view)
    await asyncio.to_thread(views.put, SUMMARY + application, short)
    marks = await asyncio.to_thread(views.get, MARK + application) or {}
    await asyncio.to_thread(views.put, MARK + application, {**marks, "rollout": told})
    if any(before.get(name) != view.get(name) for name in TELLING):
        waiting = await asyncio.to_thread(views.list, f"{DEPENDANTS}{application}/")
        await wake(context, [application_key(name.rpartition("/")[2]) for name, _ in waiting])
