"""Runs simulated clusters against a service: pull, step, send reports, and retry failed ones."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import httpx

from bot.forges import GitCredentials
from bot.git import GitError, Mirrors
from bot.sandbox.demo.agents import Report, SimulatedCluster
from bot.sandbox.demo.argocd import SimulatedArgoCD
from bot.sandbox.demo.config_sync import SimulatedConfigSync
from planners.model import Repo

MAX_CONCURRENT_REPORTS = 8
Simulated = SimulatedCluster | SimulatedArgoCD | SimulatedConfigSync


@dataclass(frozen=True, slots=True)
class _Unsent:
    """A report that a cluster has to send."""

    cluster: str
    report: Report


class SimulatedFleet:
    """Clusters that share one mirror of the deploy repo; real agents would each have their own."""

    def __init__(
        self,
        clusters: Sequence[Simulated],
        folder: Path,
        clone: tuple[str, GitCredentials],
        service_url: str,
        clock: Callable[[], datetime],
    ) -> None:
        self.clusters = {cluster.name: cluster for cluster in clusters}
        self._mirror = Mirrors(folder).of(Repo("local", "fleet/deploy"))
        self._clone = clone
        self._service = service_url
        self._clock = clock
        self._unsent: list[_Unsent] = []
        self._limit = asyncio.Semaphore(MAX_CONCURRENT_REPORTS)

    async def run(self, poll_seconds: float) -> None:
        """Step all clusters periodically until cancelled."""
        async with httpx.AsyncClient(timeout=10) as client:
            while True:
                await self.step(client)
                await asyncio.sleep(poll_seconds)

    async def step(self, client: httpx.AsyncClient) -> None:
        """Pull once, step every cluster, and send the reports."""
        self._unsent += await asyncio.to_thread(self.collect_reports)
        sending, self._unsent = self._unsent, []
        sent = await asyncio.gather(*(self._send(client, each) for each in sending))
        self._unsent = [each for each, done in zip(sending, sent, strict=True) if not done]

    def collect_reports(self) -> list[_Unsent]:
        """Step all clusters, and return their new reports."""
        with suppress(GitError):
            self._mirror.fetch(*self._clone)
        head = self._mirror.head("main")
        if head is None:
            return []
        found = []
        for name, cluster in self.clusters.items():
            files = self._mirror.files(head, f"clusters/{name}")
            found += [_Unsent(name, report) for report in cluster.step(self._clock(), head, files)]
        return found

    async def _send(self, client: httpx.AsyncClient, unsent: _Unsent) -> bool:
        """Whether the service took it."""
        address, report = self.clusters[unsent.cluster].address, unsent.report
        url = f"{self._service}/reports/{address}"
        async with self._limit:
            try:
                response = await client.post(url, content=report.body, headers=dict(report.headers))
            except httpx.HTTPError:
                return False
            return response.is_success
