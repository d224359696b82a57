"""Checks the webhooks and branch rules that Switchyard relies on: at start, then every hour."""

import asyncio
from collections.abc import Iterable

import structlog

from bot.context import Context
from bot.forges import ForgeError
from bot.gather.fleet import read_fleet
from bot.report.model import SETUP_CHECKS, SetupCheckView
from planners.model import Repo

log = structlog.get_logger()


async def check(context: Context) -> None:
    """Let every forge repair what it can; log and publish what people must fix."""
    fleet = await read_fleet(context)
    watched = {context.fleet} | {each.app for each in fleet.registrations}
    deploys = {each.deploy for each in fleet.registrations}
    for name, forge in sorted(context.forges.items()):
        address = f"{context.public_url}/hooks/{name}"
        try:
            warnings = await forge.check_setup(
                _paths(name, watched | deploys), _paths(name, deploys), address
            )
        except ForgeError as error:
            warnings = (f"{name} cannot be checked: {error}",)
        for warning in warnings:
            log.warning("set-up", forge=name, warning=warning)
        view = SetupCheckView(tuple(warnings), context.clock())
        await asyncio.to_thread(context.store.views.save, SETUP_CHECKS, name, view)


def _paths(forge: str, repos: Iterable[Repo]) -> tuple[str, ...]:
    return tuple(sorted(repo.path for repo in repos if repo.forge == forge))
