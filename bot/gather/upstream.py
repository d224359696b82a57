"""Upstream applications: those that an application depends on, what is merged and how it runs."""

import asyncio

from bot.context import Context
from bot.gather.deploy import read_base
from bot.gather.observe import observe
from bot.gather.repository import fetch
from planners.model import Application, Fleet
from planners.model.snapshot import UpstreamApplication


def depended_on(application: Application) -> tuple[str, ...]:
    """The names of the applications that it depends on."""
    needs = {need.application for part in application.components for need in part.depends_on}
    return tuple(sorted(name for name in needs if name is not None))


async def read_upstream(
    context: Context, fleet: Fleet, application: Application
) -> dict[str, UpstreamApplication]:
    """Every application it depends on, as it is on the main branch of its deploy repo."""
    found: dict[str, UpstreamApplication] = {}
    for name in depended_on(application):
        registration = fleet.registration(name)
        if registration is None:
            continue
        checkout = await fetch(context, registration.deploy)
        base = await asyncio.to_thread(read_base, context.results, checkout, registration)
        rows = await asyncio.to_thread(context.store.reports.of_application, name)
        seen = await asyncio.to_thread(observe, checkout.mirror, base.changes, rows)
        found[name] = UpstreamApplication(base.changes, seen)
    return found
