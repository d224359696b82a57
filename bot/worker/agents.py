"""Passes for agents that are configured through an API: bring it up to date, record what they say.

One key for each agent, so that a pass reads each deploy repo once for all clusters.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta

from bot.context import Context
from bot.effects.agent_objects import AgentWriter
from bot.effects.wake import wake
from bot.engine import discovery
from bot.gather.fleet import read_fleet
from bot.gather.repository import fetch
from bot.store.keys import application_key
from planners.model import Fleet
from plugins import ApiAgent, Word

PERIOD = timedelta(minutes=1)


async def reconcile_agent(context: Context, name: str) -> datetime | None:
    """Bring the clusters of an agent up to date, and record what they say.

    Returns when to do it again: every minute while there are such clusters.
    """
    agent, fleet = discovery.agents().get(name), await read_fleet(context)
    clusters = [each for each in fleet.clusters if each.agent == name]
    if not isinstance(agent, ApiAgent) or not (clusters and fleet.registrations):
        return None
    repos = sorted({each.deploy for each in fleet.registrations})
    deploys = tuple([await fetch(context, each) for each in repos])
    writer = AgentWriter(context, agent, fleet, deploys)
    said = await asyncio.gather(*(writer.configure(each) for each in clusters))
    await _record(context, fleet, [word for words in said for word in words])
    return context.clock() + PERIOD


async def _record(context: Context, fleet: Fleet, words: Iterable[Word]) -> None:
    """Keep what was said, and wake whom news concerns.

    What Azure repeats has the time at which it was said: a cluster that does not reach Azure falls
    silent.
    """
    registered = {each.application for each in fleet.registrations} | {""}
    counted = [each for each in words if each.application in registered]
    recorded = await asyncio.to_thread(context.store.reports.record_all, counted, context.clock())
    await wake(context, [application_key(each) for each in recorded.news])
