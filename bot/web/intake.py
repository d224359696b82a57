"""Who may report, about what, and how often: what a compromised cluster can reach.

A cluster reports with a key of its own, which the fleet repo can revoke, about the applications
that run on it, and at a limited rate. Everything else leaves no row in the database.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeAlias

import structlog
from fastapi import HTTPException, status

from bot.context import Context
from bot.keys import agent_key, facts_key
from bot.report.model import REPORTERS, ReportersView
from bot.store.inbox import IncomingDelivery
from bot.store.keys import application_key
from bot.store.reports import Message, Recorded
from bot.web.cluster_status import Document, StatusRefusedError, record_documents
from bot.web.group_commit import GroupCommit
from bot.web.places import Places
from plugins import Word

THREADS = 3
BURST, PER_SECOND = 1_000, 10.0
MOST_BURST, MOST_PER_SECOND = 20_000, 200.0
"""A cluster's limit counts for each cluster that it speaks for, up to the most for a hub."""
RETRY_SECONDS = 30

INVALID_SIGNATURE = "Invalid signature."
FLEET_NOT_READ = "The fleet repo has not been read yet. Retry in a minute."
TOO_MANY_REPORTS = "The cluster has sent too many reports. Retry later."
NOT_THERE = "{} is not placed on {}."
NOT_ITS_OWN = "The fleet repo does not let {} report for {} with agent {}."

Outcome: TypeAlias = frozenset[str] | StatusRefusedError

log = structlog.get_logger()


@dataclass(slots=True)
class _Allowance:
    """How many reports a cluster may send at a time; it grows with time up to the burst."""

    left: float
    at: datetime

    def spend(self, now: datetime, clusters: int) -> bool:
        """Whether one was left for the speaker of so many clusters."""
        passed = max(0.0, (now - self.at).total_seconds())
        grown = self.left + passed * min(clusters * PER_SECOND, MOST_PER_SECOND)
        self.left, self.at = min(grown, _burst(clusters)), now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def _burst(clusters: int) -> int:
    return min(clusters * BURST, MOST_BURST)


@dataclass(frozen=True, slots=True)
class Sender:
    """A cluster that sends reports, the keys that authenticate it, and what the fleet repo says.

    There are two keys while the service's report key is rotated.
    """

    cluster: str
    keys: tuple[bytes, ...]
    reporters: ReportersView

    @property
    def is_declared(self) -> bool:
        """Whether the fleet repo has the cluster."""
        return self.cluster in self.reporters.clusters

    def speaks_for(self, cluster: str, agent: str) -> bool:
        """Whether it reports for a cluster with that agent: itself, or as the cluster's hub."""
        found = self.reporters.clusters.get(cluster)
        return found is not None and found.agent == agent and (found.hub or cluster) == self.cluster


@dataclass(slots=True)
class Intake:
    """The reports of all clusters, for one process."""

    context: Context
    report_keys: tuple[str, ...]
    _allowances: dict[str, _Allowance] = field(default_factory=dict)
    _places: Places = field(init=False)
    _ignored: Counter[str] = field(default_factory=Counter)
    _speakers: Counter[str] = field(default_factory=Counter)
    _counted: ReportersView | None = None
    _deliveries: GroupCommit[IncomingDelivery, bool] = field(init=False)
    _words: GroupCommit[Sequence[Word], Recorded] = field(init=False)
    _documents: GroupCommit[Document, Outcome] = field(init=False)
    _wakes: GroupCommit[frozenset[str], None] = field(init=False)
    _readers: GroupCommit[None, ReportersView | None] = field(init=False)

    def __post_init__(self) -> None:
        """Give writing and reading threads of their own: passes keep the others busy."""
        store, clock = self.context.store, self.context.clock
        self._places = Places(store.views)
        threads = ThreadPoolExecutor(THREADS, "intake")

        def load(waiting: Sequence[None]) -> list[ReportersView | None]:
            return [store.views.load_shared(REPORTERS, "")] * len(waiting)

        self._readers = GroupCommit(load, threads)
        self._deliveries = GroupCommit(lambda each: store.inbox.put_all(each, clock()), threads)

        def record(waiting: Sequence[Sequence[Word]]) -> list[Recorded]:
            now = clock()
            return store.reports.record_messages([Message(each, now) for each in waiting])

        def trigger(waiting: Sequence[frozenset[str]]) -> list[None]:
            store.queue.trigger(map(application_key, frozenset().union(*waiting)), clock())
            return [None] * len(waiting)

        self._words = GroupCommit(record, threads)
        self._wakes = GroupCommit(trigger, threads)
        self._documents = GroupCommit(partial(record_documents, self.context), threads)

    async def sender(self, cluster: str, agent: str = "") -> Sender:
        """The sender that a request claims to be from; without an agent it sends facts.

        Raises:
            HTTPException: 503 until the fleet repo has been read for the first time.
        """
        reporters = await self.reporters()
        known = reporters.clusters.get(cluster)
        generation = known.generation if known is not None else 1
        keys = tuple(
            agent_key(each, agent, cluster, generation)
            if agent
            else facts_key(each, cluster, generation)
            for each in self.report_keys
        )
        return Sender(cluster, keys, reporters)

    def admit(self, sender: Sender, *, is_authentic: bool) -> None:
        """Return if the sender signed the request and may send another one.

        Raises:
            HTTPException: 401 for another key, 403 for a cluster that is not in the fleet, 429 for
                too many reports.
        """
        if not is_authentic:
            raise HTTPException(status.HTTP_401_UNAUTHORIZED, INVALID_SIGNATURE)
        if not sender.is_declared:
            raise HTTPException(
                status.HTTP_403_FORBIDDEN, f"The fleet repo declares no cluster {sender.cluster}."
            )
        self.limit(sender.cluster)

    def limit(self, cluster: str) -> None:
        """Return if a cluster may send another request.

        Raises:
            HTTPException: 429 for too many of them.
        """
        now, clusters = self.context.clock(), max(1, self._speakers[cluster])
        allowance = self._allowances.setdefault(cluster, _Allowance(_burst(clusters), now))
        if not allowance.spend(now, clusters):
            self._count(cluster, TOO_MANY_REPORTS)
            raise HTTPException(
                status.HTTP_429_TOO_MANY_REQUESTS,
                TOO_MANY_REPORTS,
                {"Retry-After": str(RETRY_SECONDS)},
            )

    async def reason_to_ignore(self, sender: Sender, agent: str, word: Word) -> str:
        """Why a word is not recorded: it is about nothing that runs there. Empty if it is.

        An application that has not been planned since the database was created runs anywhere. The
        answer does not tell whether there is such an application elsewhere.
        """
        reason = ""
        if not sender.speaks_for(word.cluster, agent):
            reason = NOT_ITS_OWN.format(sender.cluster, word.cluster, agent)
        elif word.is_about_cluster:
            return ""
        elif not await self._is_placed(sender, word):
            reason = NOT_THERE.format(f"{word.application}/{word.component}", word.cluster)
        if reason:
            self._count(sender.cluster, reason)
        return reason

    async def deliver(self, delivery: IncomingDelivery) -> bool:
        """Store a webhook durably; False if its id is known already.

        Raises:
            InboxFullError: too many deliveries are pending.
        """
        return await self._deliveries(delivery)

    async def record(self, words: Sequence[Word]) -> Recorded:
        """Store words durably."""
        return await self._words(words)

    async def record_document(self, document: Document) -> frozenset[str]:
        """Record a status document; the applications about which it says something new.

        Raises:
            StatusRefusedError: it does not count.
        """
        outcome = await self._documents(document)
        if isinstance(outcome, StatusRefusedError):
            raise outcome
        return outcome

    async def wake(self, applications: frozenset[str]) -> None:
        """Make applications due, about which something new was said."""
        await self._wakes(applications)

    async def reporters(self) -> ReportersView:
        """What the fleet repo says about clusters and applications.

        Raises:
            HTTPException: 503 until the fleet repo has been read for the first time.
        """
        found = await self._readers(None)
        if found is None:
            raise HTTPException(
                status.HTTP_503_SERVICE_UNAVAILABLE,
                FLEET_NOT_READ,
                {"Retry-After": str(RETRY_SECONDS)},
            )
        if found is not self._counted:
            speakers = (each.hub or name for name, each in found.clusters.items())
            self._counted, self._speakers = found, Counter(speakers)
        return found

    async def _is_placed(self, sender: Sender, word: Word) -> bool:
        """Whether the unit is where the word says, by what is kept here or in the database."""
        name, cluster = word.application, word.cluster
        if name not in sender.reporters.applications:
            return False
        if word.component in self._places.kept(name, cluster):
            return True
        found = await asyncio.to_thread(self._places.components, name, cluster)
        return found is None or word.component in found

    def _count(self, cluster: str, reason: str) -> None:
        """Count an ignored report; logs the first one, the second, the fourth, and so on."""
        self._ignored[cluster] += 1
        count = self._ignored[cluster]
        if count & (count - 1) == 0:
            log.warning("reports ignored", cluster=cluster, count=count, reason=reason)
