"""The pass of a cluster that Switchyard applies objects to itself.

It reads what the deploy repos hold and what the cluster has, performs the difference, and records
the words that the objects say. Merges, changes on the cluster and time lead here.
"""

import asyncio
from datetime import datetime, timedelta

from bot.clusters import ClusterApi, ClusterError
from bot.context import Context
from bot.effects.units import apply_units
from bot.effects.wake import wake
from bot.engine import discovery
from bot.gather.clusters import read_desired, read_objects
from bot.gather.fleet import read_fleet
from bot.store.keys import application_key
from planners.model import Fleet, Readiness
from plugins import AppliesUnits, Word

EVERY = timedelta(minutes=1)
DRIFT_EVERY = timedelta(minutes=10)
"""How often everything is applied again: the API server then sets back what people changed."""


def direct_clusters(fleet: Fleet) -> dict[str, AppliesUnits]:
    """The clusters that Switchyard applies objects to itself and may, with their agents."""
    agents = discovery.agents()
    return {
        each.name: agent
        for each in fleet.clusters
        if (agent := _applier(agents.get(each.agent))) is not None
        and not fleet.refusal_of_direct_access(each)
    }


def _applier(agent: object) -> AppliesUnits | None:
    return agent if isinstance(agent, AppliesUnits) else None


async def reconcile_cluster(context: Context, cluster: str) -> datetime | None:
    """Bring a cluster a step nearer to what was merged; returns when to look at it again.

    A cluster that is not in the fleet, has another agent or may not be written to is left alone.

    Raises:
        GatherError, ForgeError, GitError: what was merged cannot be read.
    """
    fleet = await read_fleet(context)
    agent = direct_clusters(fleet).get(cluster)
    if agent is None:
        return None
    again = EVERY
    try:
        api = await context.clusters.api(cluster)
        again = await _bring_about(context, api, fleet, agent)
        words = agent.words(cluster, await read_objects(api), context.clock())
    except ClusterError as error:
        words = (_cannot(context, cluster, error),)
    await _record(context, words)
    return context.clock() + again


async def _bring_about(
    context: Context, api: ClusterApi, fleet: Fleet, agent: AppliesUnits
) -> timedelta:
    desired = await read_desired(context, fleet, api.cluster)
    objects, now = await read_objects(api), context.clock()
    effects = agent.effects(desired, objects)
    if context.clusters.applied.get(api.cluster, now - DRIFT_EVERY) <= now - DRIFT_EVERY:
        effects = (*agent.effects(desired, ()), *(each for each in effects if not each.items))
        context.clusters.applied[api.cluster] = now
    again = await apply_units(context, api, effects)
    return min(again or EVERY, EVERY)


def _cannot(context: Context, cluster: str, error: ClusterError) -> Word:
    """The word about a whole cluster that cannot be read or written."""
    return Word(cluster, "", "", "", Readiness.STALLED, str(error)[:500], context.clock())


async def _record(context: Context, words: tuple[Word, ...]) -> None:
    recorded = await asyncio.to_thread(context.store.reports.record_all, words, context.clock())
    await wake(context, {application_key(each) for each in recorded.news})
