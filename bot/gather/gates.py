"""What declared gates answered, and which waves of a revision are merged.

Answers are kept among the views: losing them costs asking again, under the same id. Merged waves
are read from the signed markers of their merge requests.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.context import Context
from bot.forges import ForgeMergeRequest
from bot.gather.repository import Checkout, our_requests
from bot.gather.requests import MARKER
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

KEPT = timedelta(days=90)
MOST_KEPT = 1000


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
        requests = await _merged_requests(context, deploy, snapshot)
        merged = await asyncio.to_thread(_merged_waves, deploy, requests)
    return replace(
        snapshot,
        merged_waves=merged,
        gate_answers=await asyncio.to_thread(answers, views, name, snapshot.now),
    )


async def _merged_requests(
    context: Context, deploy: Checkout, snapshot: Snapshot
) -> dict[str, tuple[ForgeMergeRequest, Mapping[str, str]]]:
    """The newest merged request of each wave of the revision, with its marker."""
    me = await context.forge(deploy.repo).me()
    prefix = branch_prefix(snapshot.application.name)
    found: dict[str, tuple[ForgeMergeRequest, Mapping[str, str]]] = {}
    for each in sorted(await our_requests(context, deploy), key=lambda each: -each.number):
        ours = each.author.id == me.id and each.source_branch.startswith(prefix)
        if not ours or each.state != "merged":
            continue
        marker = context.markers.read(MARKER, deploy.repo, each.body)
        wave = each.source_branch.removeprefix(prefix)
        if marker is not None and marker.get("wave") == wave and wave not in found:
            found[wave] = each, marker
    revision = snapshot.revision.sha
    return {wave: each for wave, each in found.items() if each[1].get("revision") == revision}


def _merged_waves(
    deploy: Checkout, requests: Mapping[str, tuple[ForgeMergeRequest, Mapping[str, str]]]
) -> tuple[MergedWave, ...]:
    found: list[MergedWave] = []
    for wave, (each, marker) in sorted(requests.items()):
        commit = each.merge_sha or each.head
        if not deploy.mirror.contains(deploy.head, commit):
            continue
        info = deploy.mirror.commit_info(commit)
        changed = deploy.mirror.changed_files(info.parents[0], commit) if info.parents else ()
        known = {action.value: action for action in GateAction}
        named = marker.get("actions", "").split(",")
        found.append(
            MergedWave(
                name=wave,
                digest=marker.get("digest", ""),
                number=each.number,
                url=each.url,
                commit=commit,
                at=info.at,
                actions=tuple(known[action] for action in named if action in known),
                clusters=_clusters(path for path, _, _ in changed),
            )
        )
    return tuple(found)


def _clusters(paths: Iterable[str]) -> tuple[str, ...]:
    split = (path.split("/", 2) for path in paths)
    return tuple(sorted({each[1] for each in split if each[0] == "clusters" and len(each) > 2}))  # noqa: PLR2004 - clusters/NAME/...
