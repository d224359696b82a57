"""What declared gates answered, and which waves of a revision are merged.

Answers are kept among the views: losing them costs asking again, under the same id. Merged waves
are read from the trailers of their commits on main.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.context import Context
from bot.engine.results import Results
from bot.forges import ForgeMergeRequest
from bot.gather.merged import TRAILER, with_merged_trailers
from bot.gather.repository import Checkout, our_requests
from bot.git import CommitInfo
from bot.store.keys import GATES
from bot.store.views import Views
from planners.gating.declared_gates import declared
from planners.gating.merge_requests import branch_prefix
from planners.model.gate_rules import (
    GateAction,
    GateAnswer,
    GatePhase,
    GateState,
    MergedWave,
)
from planners.model.snapshot import Snapshot
from planners.order import REMOVAL

KEPT = timedelta(days=90)
MOST_KEPT = 1000
MOST_REMOVALS = 50
CLUSTER = 100
"""Bytes that the name of a cluster takes in memory, about."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it is kept; `host` is the server that may post a result, if any."""

    answer: GateAnswer
    host: str = ""

    @property
    def value(self) -> dict[str, Any]:
        """As JSON."""
        given = self.answer
        return {
            "state": given.state.value,
            "begun": given.begun.isoformat(),
            "since": given.since.isoformat(),
            "message": given.message,
            "url": given.url,
            "again": given.again.isoformat() if given.again else None,
            "memory": given.memory,
            "host": self.host,
        }

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "KeptAnswer":
        """The answer of a kept value."""
        answer = GateAnswer(
            state=GateState(value["state"]),
            begun=datetime.fromisoformat(value["begun"]),
            since=datetime.fromisoformat(value["since"]),
            message=value["message"],
            url=value["url"],
            again=datetime.fromisoformat(value["again"]) if value["again"] else None,
            memory=value["memory"],
        )
        return cls(answer, value["host"])


def load(views: Views, gate: str) -> KeptAnswer | None:
    """The answer to one question, if it was asked."""
    value = views.get(GATES + gate)
    return None if value is None else KeptAnswer.of(value)


def save(views: Views, gate: str, before: KeptAnswer | None, after: KeptAnswer) -> bool:
    """Keep an answer unless another one came meanwhile; whether it was kept."""
    return views.swap(GATES + gate, None if before is None else before.value, after.value)


def answers(views: Views, application: str, now: datetime) -> dict[str, GateAnswer]:
    """Those of an application, by id; the oldest are dropped when there are very many."""
    prefix = f"{GATES}{application}."
    found = {
        key.removeprefix(GATES): KeptAnswer.of(value).answer for key, value in views.list(prefix)
    }
    old = [name for name, each in found.items() if now - each.since > KEPT]
    if len(found) > MOST_KEPT:
        old = sorted(found, key=lambda name: found[name].since)[: len(found) - MOST_KEPT]
    views.drop([GATES + name for name in old])
    return {name: each for name, each in found.items() if name not in set(old)}


async def with_gates(context: Context, deploy: Checkout, snapshot: Snapshot) -> Snapshot:
    """The Snapshot with what gates need, where some are declared."""
    rules = declared(snapshot)
    if not rules:
        return snapshot
    name, views = snapshot.application.name, context.store.views
    merged: tuple[MergedWave, ...] = ()
    if any(rule.phase is GatePhase.AFTER for rule in rules):
        requests = await _merged_requests(context, deploy, name)
        reading = _Merged(context.results, deploy, requests)
        merged = await asyncio.to_thread(reading.waves, snapshot)
    return replace(
        snapshot,
        merged_waves=merged,
        gate_answers=await asyncio.to_thread(answers, views, name, snapshot.now),
    )


async def _merged_requests(
    context: Context, deploy: Checkout, application: str
) -> tuple[ForgeMergeRequest, ...]:
    """The application's merged merge requests, the newest first."""
    me, prefix = await context.forge(deploy.repo).me(), branch_prefix(application)
    return tuple(
        each
        for each in sorted(await our_requests(context, deploy), key=lambda each: -each.number)
        if each.state == "merged"
        and each.author.id == me.id
        and each.source_branch.startswith(prefix)
    )


@dataclass(frozen=True, slots=True)
class _Merged:
    """What is merged in a deploy repo, and the merged merge requests, the newest first."""

    results: Results
    deploy: Checkout
    requests: Sequence[ForgeMergeRequest]

    def waves(self, snapshot: Snapshot) -> tuple[MergedWave, ...]:
        """The newest merge of each wave of the revision, as its commit on main says.

        Of removals nothing is left on main but their merge requests' commits.
        """
        mirror, revision = self.deploy.mirror, snapshot.revision.sha
        name, changes = snapshot.application.name, snapshot.base.changes.values()
        commits = {each.sha for each in changes if each.source == revision}
        removals = f"{branch_prefix(name)}{REMOVAL}."
        gone = [each for each in self.requests if each.source_branch.startswith(removals)]
        commits |= {each.merge_sha or each.head for each in gone[:MOST_REMOVALS]}
        numbers = {each.merge_sha or each.head: each.number for each in reversed(self.requests)}
        found: dict[str, MergedWave] = {}
        for commit in sorted(commits):
            if not mirror.contains(self.deploy.head, commit):
                continue
            info = with_merged_trailers(mirror, mirror.commit_info(commit))
            source = info.trailers.get("Switchyard-Source", "").rpartition("@")[2]
            wave = info.trailers.get("Switchyard-Wave", "")
            if info.trailers.get(TRAILER) != name or source != revision or not wave:
                continue
            if wave not in found or found[wave].at <= info.at:
                found[wave] = self._wave(wave, info, numbers.get(commit, 0))
        return tuple(found[each] for each in sorted(found))

    def _wave(self, name: str, info: CommitInfo, number: int) -> MergedWave:
        actions = info.trailers.get("Switchyard-Actions", "").split(", ")
        return MergedWave(
            name=name,
            digest=info.trailers.get("Switchyard-Digest", ""),
            number=number,
            commit=info.sha,
            at=info.at,
            actions=tuple(each for each in GateAction if each.value in actions),
            clusters=self._clusters(info),
        )

    def _clusters(self, info: CommitInfo) -> tuple[str, ...]:
        """The clusters that a commit changed; read once."""

        def read() -> tuple[str, ...]:
            parents, mirror = info.parents, self.deploy.mirror
            changed = mirror.changed_files(parents[0], info.sha) if parents else ()
            return _clusters(path for path, _, _ in changed)

        key = "merged clusters", self.deploy.repo, info.sha
        return self.results.get(key, read, lambda clusters: CLUSTER * (1 + len(clusters)))


def _clusters(paths: Iterable[str]) -> tuple[str, ...]:
    """The clusters in whose folders files are."""
    split = (path.partition("/") for path in paths)
    below = (rest.partition("/") for folder, _, rest in split if folder == "clusters")
    return tuple(sorted({name for name, _, file in below if file}))
