"""Runs simulated clusters against a service: pull, step, send, and send again what got lost."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import httpx

from bot.forges import GitCredentials
from bot.git import GitError, Mirrors
from bot.sandbox.demo.agents import Report, SimulatedCluster
from planners.model import Repo

MOST_AT_ONCE = 8


class Fleet:
    """Clusters that share one mirror of the deploy repo, where twelve agents would have twelve."""

    def __init__(
        self,
        clusters: Sequence[SimulatedCluster],
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
        self._unsent: dict[tuple[str, str], Report] = {}
        self._limit = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(self, poll_seconds: float) -> None:
        """Step all clusters again and again, until cancelled."""
        async with httpx.AsyncClient(timeout=10) as client:
            while True:
                await self.step(client)
                await asyncio.sleep(poll_seconds)

    async def step(self, client: httpx.AsyncClient) -> None:
        """Pull once, let every cluster act, and send what they say."""
        for key, report in (await asyncio.to_thread(self.look)).items():
            self._unsent[key] = report
        sending = dict(self._unsent)
        await asyncio.gather(*(self._send(client, *item) for item in sending.items()))

    def look(self) -> dict[tuple[str, str], Report]:
        """What all clusters say now, by cluster and component."""
        with suppress(GitError):
            self._mirror.fetch(*self._clone)
        head = self._mirror.head("main")
        if head is None:
            return {}
        found = {}
        for name, cluster in self.clusters.items():
            files = self._mirror.files(head, f"clusters/{name}")
            for report in cluster.step(self._clock(), head, files):
                found[name, report.component] = report
        return found

    async def _send(self, client: httpx.AsyncClient, key: tuple[str, str], report: Report) -> None:
        url = f"{self._service}/reports/flux/{key[0]}"
        async with self._limit:
            with suppress(httpx.HTTPError):
                answer = await client.post(url, content=report.body, headers=dict(report.headers))
                if answer.is_success and self._unsent.get(key) is report:
                    del self._unsent[key]
