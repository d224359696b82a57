"""The pass of a cluster whose API server Switchyard talks to itself.

Where there is no agent, it reads what the deploy repos hold and what the cluster has, and performs
the difference. Where there is one that may be watched, it reads the agent's objects. Either way it
records the words that the objects say. Merges, changes on the cluster and time lead here.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from bot.clusters import ClusterApi, ClusterError, read_watched, words_in
from bot.context import Context
from bot.effects.units import apply_units
from bot.effects.wake import wake
from bot.engine import discovery
from bot.gather.clusters import read_desired, read_objects
from bot.gather.fleet import read_fleet
from bot.store.keys import application_key
from planners.model import Cluster, Fleet, Readiness
from plugins import Agent, AppliesUnits, Watched, WatchedKind, Word

EVERY = timedelta(minutes=1)
DRIFT_EVERY = timedelta(minutes=10)
"""How often everything is applied again: the API server then sets back what people changed."""
MAX_MESSAGE_LENGTH = 500

log = structlog.get_logger()


def direct_clusters(fleet: Fleet) -> dict[str, AppliesUnits]:
    """The clusters that Switchyard applies objects to itself and may, with their agents."""
    agents = discovery.agents()
    return {
        each.name: agent
        for each in fleet.clusters
        if (agent := _applier(agents.get(each.agent))) is not None
        and not fleet.refusal_of_direct_access(each)
    }


def watched_kinds(fleet: Fleet, cluster: Cluster) -> tuple[WatchedKind, ...]:
    """The kinds of an agent's objects that may be read on a cluster; none where none may."""
    agent = discovery.agents().get(cluster.agent)
    watched: object = agent
    if agent is None or not isinstance(watched, Watched) or not fleet.may_be_watched(cluster):
        return ()
    return watched.watched(cluster.agent_settings or agent.settings())


def reached_clusters(fleet: Fleet) -> tuple[str, ...]:
    """The clusters that have a pass of their own."""
    direct = direct_clusters(fleet)
    return tuple(
        each.name for each in fleet.clusters if each.name in direct or watched_kinds(fleet, each)
    )


def _applier(agent: object) -> AppliesUnits | None:
    return agent if isinstance(agent, AppliesUnits) else None


async def reconcile_cluster(context: Context, name: str) -> datetime | None:
    """Bring a cluster a step nearer to what was merged; returns when to look at it again.

    What objects say holds when they are read, however long ago their conditions changed.

    A cluster that is not in the fleet, or may be neither written to nor watched, is left alone.

    Raises:
        GatherError, ForgeError, GitError: what was merged cannot be read.
    """
    fleet = await read_fleet(context)
    cluster = next((each for each in fleet.clusters if each.name == name), None)
    if cluster is None or name not in reached_clusters(fleet):
        return None
    again, direct = EVERY, direct_clusters(fleet).get(name)
    try:
        api = await context.clusters.api(name)
        if direct is not None:
            again = await _bring_about(context, api, fleet, direct)
            words = direct.words(name, await read_objects(api), context.clock())
        else:
            heard = await _listen(api, fleet, cluster)
            words = tuple(replace(each, at=context.clock()) for each in heard)
    except ClusterError as error:
        words = (_cannot(context, name, error),)
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


async def _listen(api: ClusterApi, fleet: Fleet, cluster: Cluster) -> tuple[Word, ...]:
    """What an agent's objects say about clusters that it may speak for."""
    agent: Agent = discovery.agents()[cluster.agent]
    objects = await read_watched(api, watched_kinds(fleet, cluster))
    words = words_in(agent, cluster.name, objects)
    speaks_for = {
        each.name
        for each in fleet.clusters
        if each.agent == cluster.agent and each.speaker == cluster.name
    }
    return tuple(
        each
        for each in words
        if each.cluster in speaks_for
        and (each.is_about_cluster or fleet.registration(each.application) is not None)
    )


def _cannot(context: Context, cluster: str, error: ClusterError) -> Word:
    """The word about a whole cluster that cannot be read or written."""
    message = str(error)[:MAX_MESSAGE_LENGTH]
    return Word(cluster, "", "", "", Readiness.STALLED, message, context.clock())


async def _record(context: Context, words: tuple[Word, ...]) -> None:
    """Record words; those that say something new wake their applications."""
    recorded = await asyncio.to_thread(context.store.reports.record_all, words, context.clock())
    await wake(context, map(application_key, recorded.news))
