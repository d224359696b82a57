"""Configures agents through an API, by what is merged for their clusters.

Called by the passes of `bot.worker.agents`. What a cluster should have follows from the default
branch of the deploy repo, so that nothing is remembered: after a crash, an answer that was lost, or
a change by somebody else, the next pass compares again. A cluster that fails is tried later each
time; the reason becomes the word of the cluster, with the time of the next attempt.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from bot.azure import AzureError, AzureUnavailableError, Converged
from bot.context import Backoff, Context
from bot.documents.tenants import is_tenant_setup
from bot.gather.repository import Checkout
from bot.store.audit import AuditEntry
from bot.store.keys import agent_key
from planners.model import Cluster, Fleet, Readiness, Unit
from plugins import ApiAgent, ApiObjects, ReportError, Word
from renderers.agents import ClusterTarget, Target
from renderers.layout import Layout, cluster_sync_folder

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=10)
AT_ONCE = 8
API = "api"
"""What words about a cluster call its configuration."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class AgentWriter:
    """One pass for the clusters of an agent, a few of them at a time."""

    context: Context
    agent: ApiAgent
    fleet: Fleet
    deploys: tuple[Checkout, ...]
    limit: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def configure(self, cluster: Cluster) -> tuple[Word, ...]:
        """Bring a cluster up to date, unless it failed a moment ago; what is known of it then."""
        context, now = self.context, self.context.clock()
        known = context.agent_backoffs.get(cluster.name)
        if known is not None and now < known.until:
            return ()
        async with self.limit:
            try:
                wanted = await asyncio.to_thread(self._wanted, cluster)
                converged = await context.fence.write(partial(context.azure.converge, wanted))
                words = self.agent.read(cluster.name, converged.found)
            except (AzureError, ReportError) as error:
                return (self._later(cluster, error, known),)
        await self._audit(cluster, converged)
        refused = "; ".join(converged.refused.values())
        if refused:
            return (*words, self._later(cluster, AzureError(refused), known))
        if context.agent_backoffs.pop(cluster.name, None) is None:
            return words
        return (*words, Word(cluster.name, "", API, "", Readiness.READY, "", now))

    async def _audit(self, cluster: Cluster, converged: Converged) -> None:
        now, key = self.context.clock(), agent_key(self.agent.name)
        entries = [
            AuditEntry(now, what, key, {"cluster": cluster.name, "object": name})
            for name, what in sorted(converged.written.items())
        ]
        await asyncio.to_thread(self.context.store.audit.append, *entries)

    def _wanted(self, cluster: Cluster) -> ApiObjects:
        """What the cluster should have, by the deploy repo that has a folder for it.

        Raises:
            AzureError: several have one.
        """
        found = [each for each in self.deploys if _has_folder(each, cluster.name)]
        if len(found) > 1:
            names = ", ".join(str(each.repo) for each in found)
            raise AzureError(f"several deploy repos have a folder for the cluster: {names}")
        settings = cluster.agent_settings or self.agent.settings()
        checkout = found[0] if found else self.deploys[0]
        target = ClusterTarget(
            cluster=cluster.name,
            settings=settings,
            deploy=checkout.repo,
            url=checkout.info.clone_url,
            branch=checkout.info.default_branch,
            sync_folder=cluster_sync_folder(cluster.name),
            report_url="",
        )
        wanted = self.agent.api_objects(target, self._units(cluster, checkout))
        if found:
            return wanted
        return ApiObjects(wanted.provider, wanted.cluster, {}, wanted.prefix)

    def _units(self, cluster: Cluster, checkout: Checkout) -> Iterator[Target]:
        """The components that are merged for the cluster."""
        tenants = {each.name: each for each in self.fleet.tenants}
        for each in self.fleet.registrations:
            if each.deploy != checkout.repo:
                continue
            layout = Layout.of(each)
            folder = layout.application_folder(cluster.name)
            for component in checkout.mirror.folders(checkout.head, folder):
                yield Target(
                    cluster=cluster.name,
                    settings=cluster.agent_settings or self.agent.settings(),
                    tenant=each.tenant,
                    application=each.application,
                    component=component,
                    namespaces=tenants[each.tenant].all_namespaces,
                    folder=layout.objects_folder(Unit(component, cluster.name)),
                    deploy=each.deploy,
                    is_tenant_setup=is_tenant_setup(each),
                )

    def _later(self, cluster: Cluster, error: Exception, known: Backoff | None) -> Word:
        """Try again later: longer after each failure, or when Azure says."""
        now, times = self.context.clock(), (known.times if known else 0) + 1
        pause = min(FIRST_PAUSE * 2 ** min(times - 1, 6), LONGEST_PAUSE)
        if isinstance(error, AzureUnavailableError):
            pause = max(pause, error.retry_after)
        self.context.agent_backoffs[cluster.name] = Backoff(times, now + pause)
        log.warning("agent not configured", cluster=cluster.name, error=str(error))
        message = f"{error}; next attempt at {now + pause:%H:%M:%S}"
        return Word(cluster.name, "", API, "", Readiness.STALLED, message, now)


def _has_folder(checkout: Checkout, cluster: str) -> bool:
    return bool(checkout.mirror.folders(checkout.head, f"clusters/{cluster}"))
