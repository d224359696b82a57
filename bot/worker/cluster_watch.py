"""Watches the clusters whose API servers Switchyard talks to: every change wakes their pass.

A watch is only a hint, as a webhook is: the pass reads the cluster again, and a watch that is lost
costs a minute. So it carries metadata, and no content of objects.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from bot.clusters import ClusterApi, ClusterError
from bot.clusters.watch import Follower, Lost
from bot.context import Context
from bot.gather.clusters import listed_kinds, read_inventories
from bot.gather.fleet import read_fleet
from bot.store import StoreError
from bot.store.keys import cluster_key
from bot.worker.clusters import direct_clusters, watched_kinds
from renderers.inventory import INVENTORY_LABEL, NAMESPACE, UNIT_LABEL

AFTER_CHANGE = timedelta(seconds=1)
EVERY_SECONDS = 60.0

log = structlog.get_logger()


@dataclass(slots=True)
class ClusterWatches:
    """The watches of one process; `pause` waits a number of seconds."""

    context: Context
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    _running: dict[tuple[str, ...], asyncio.Task[None]] = field(default_factory=dict)

    async def step(self) -> None:
        """Start and end watches, then wait a minute.

        Raises:
            ForgeError, GitError, GatherError, StoreError: the fleet cannot be read now.
        """
        await self.adjust()
        await self.pause(EVERY_SECONDS)

    async def stop(self) -> None:
        """End all watches."""
        for each in self._running.values():
            each.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        self._running.clear()

    async def adjust(self) -> None:
        """Start the watches that are missing, and end those that have no reason any more."""
        wanted: dict[tuple[str, ...], ClusterApi] = {}
        fleet = await read_fleet(self.context)
        direct = direct_clusters(fleet)
        for cluster in fleet.clusters:
            watched = watched_kinds(fleet, cluster)
            if not watched and cluster.name not in direct:
                continue
            try:
                api = await self.context.clusters.api(cluster.name)
                keys = await _inventoried(api) if cluster.name in direct else ()
            except ClusterError as error:
                log.warning("cluster not watched", cluster=cluster.name, error=str(error))
                continue
            wanted |= dict.fromkeys(keys, api)
            for each in watched:
                wanted[cluster.name, each.api_version, each.kind, "", each.namespace] = api
        for key in [each for each in self._running if each not in wanted]:
            self._running.pop(key).cancel()
        for key, api in wanted.items():
            task = self._running.get(key)
            if task is None or task.done():
                self._running[key] = asyncio.create_task(self._watch(api, key))

    async def _watch(self, api: ClusterApi, key: tuple[str, ...]) -> None:
        cluster, api_version, kind, selector, namespace = key
        try:
            resource = await api.resource(api_version, kind)
            follower = Follower(api, resource, selector, self.pause, namespace, whole=False)
            async for event in follower.events():
                if isinstance(event, Lost):
                    log.warning("watch interrupted", cluster=cluster, reason=event.message)
                due = self.context.clock() + AFTER_CHANGE
                queue = self.context.store.queue
                await asyncio.to_thread(queue.trigger, [cluster_key(cluster)], due)
        except (ClusterError, StoreError) as error:
            log.warning("kind not watched", cluster=cluster, kind=kind, error=str(error))


async def _inventoried(api: ClusterApi) -> tuple[tuple[str, ...], ...]:
    """The watches of inventories, and of the kinds that they list."""
    kinds = listed_kinds(await read_inventories(api))
    return (
        (api.cluster, "v1", "ConfigMap", INVENTORY_LABEL, NAMESPACE),
        *((api.cluster, *kind, UNIT_LABEL, "") for kind in sorted(kinds)),
    )
