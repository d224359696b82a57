"""The plan with its diffs, kept for its page: each text once, bounded, what is left out is told.

A wave that is merged has nothing to change any more. Its diffs are kept from the view before, as
long as the plan is the same; so are those of a change that is the same.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.context import Context
from bot.effects.apply import blobs_of
from bot.engine.propose import Proposal
from bot.gather.snapshot import Gathered
from bot.report.summary_view import MARK_LENGTH
from bot.store.keys import MARK, PLAN
from bot.wording.diffs import Blobs, Diffs, Reader, counts, diffs_of
from planners.gating.change_sets import ChangeSet
from planners.model import Json
from planners.plan import digest_of

MOST_TEXT = 2_000_000
MOST_OF_ONE = 200_000


@dataclass(slots=True)
class Texts:
    """Diffs by their digest, as far as the space reaches."""

    left: int = MOST_TEXT
    kept: dict[str, Json] = field(default_factory=dict)

    def keep(self, text: str) -> str:
        """The name under which a text is kept; empty where it does not fit."""
        name, size = digest_of(text)[:MARK_LENGTH], len(text.encode())
        if name in self.kept:
            return name
        if size > min(MOST_OF_ONE, self.left):
            return ""
        self.left -= size
        self.kept[name] = text
        return name


async def show_plan(context: Context, gathered: Gathered, proposal: Proposal) -> None:
    """Keep the plan for its page, when it or what is merged of it has changed."""
    views, application = context.store.views, proposal.plan.application
    if proposal.problems:
        return
    digests = (change.digest for change in proposal.changes if change.files)
    told = digest_of([proposal.digest, *digests])[:MARK_LENGTH]
    marks = await asyncio.to_thread(views.get, MARK + application) or {}
    if marks.get("plan") == told:
        return
    before = await asyncio.to_thread(views.get, PLAN + application) or {}
    blobs = await asyncio.to_thread(blobs_of, gathered, proposal, new_in(proposal, before))
    view = await asyncio.to_thread(plan_view, proposal, blobs, before)
    await asyncio.to_thread(views.put, PLAN + application, view)
    await asyncio.to_thread(views.put, MARK + application, {**marks, "plan": told})


def new_in(proposal: Proposal, before: Mapping[str, Any]) -> list[ChangeSet]:
    """The changes whose diffs the view of the pass before does not hold."""
    known = {wave["digest"] for wave in before.get("waves", [])}
    return [each for each in proposal.changes if each.files and each.digest not in known]


def plan_view(proposal: Proposal, blobs: Blobs, before: Mapping[str, Any]) -> dict[str, Json]:
    """The plan as its page shows it; `before` is the view of the pass before, if there is one.

    `blobs` has the bytes of what is new in it.
    """
    same = before.get("digest") == proposal.digest
    old = {wave["name"]: wave for wave in before.get("waves", [])}
    new = {change.wave.name for change in new_in(proposal, before)}
    texts, reader = Texts(), Reader(blobs)
    waves: list[Json] = []
    for change in proposal.changes:
        name = change.wave.name
        if name in new:
            waves.append(_wave(change, diffs_of([change], blobs, reader), texts))
        elif name in old and (change.files or same):
            waves.append(_again(old[name], before["texts"], texts))
    return {
        "application": proposal.plan.application,
        "digest": proposal.digest,
        "revision": proposal.plan.revision.sha,
        "waves": waves,
        "texts": texts.kept,
    }


def _wave(change: ChangeSet, diffs: Diffs, texts: Texts) -> Json:
    groups: list[Json] = []
    for group in diffs.groups:
        files: list[Json] = [_file(path, text, texts) for path, text in sorted(group.files.items())]
        groups.append({"clusters": [*group.clusters], "files": files})
    return {
        "name": change.wave.name,
        "digest": change.digest,
        "changes": counts(change),
        "groups": groups,
    }


def _file(path: str, text: str, texts: Texts) -> Json:
    lines = text.split("\n")[2:]
    return {
        "path": path,
        "text": texts.keep(text),
        "bytes": len(text.encode()),
        "added": sum(line.startswith("+") for line in lines),
        "removed": sum(line.startswith("-") for line in lines),
    }


def _again(wave: Mapping[str, Any], known: Mapping[str, str], texts: Texts) -> Json:
    """A wave as the view before had it."""
    groups: list[Json] = []
    for group in wave["groups"]:
        files: list[Json] = [
            {**file, "text": texts.keep(known[file["text"]]) if file["text"] else ""}
            for file in group["files"]
        ]
        groups.append({**group, "files": files})
    return {**wave, "groups": groups}
