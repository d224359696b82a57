"""What is paused: told by a branch of each deploy repo that is never merged, signed by the bot.

Every pass fetches the deploy repo anyway. Whoever may push there can delete the branch or push an
older copy, so the store remembers the newest; where the database is lost the branch is believed.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from bot.context import Context
from bot.gather.repository import Checkout
from bot.store.keys import PAUSES
from planners.gating.merge_requests import PREFIX
from planners.model import Repo
from planners.model.overrides import Pause

BRANCH = f"{PREFIX}/_paused"
"""No application has such a name, so that it stands beside the branches of all."""

MARKER = "pauses"
MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Paused:
    """What is paused in a deploy repo; `count` grows by one with each change.

    `told` names the newest commands that changed it: none of them is done twice. `head` is the
    branch's, None where there is none; it `lags` where the store knows better.
    """

    pauses: tuple[Pause, ...] = ()
    told: tuple[str, ...] = ()
    count: int = 0
    head: str | None = None
    lags: bool = False

    def of(self, target: str) -> Pause | None:
        """The pause of a tenant or cluster, if it is paused."""
        return next((each for each in self.pauses if each.target == target), None)


def key_of(repo: Repo) -> str:
    """The key in the store of what is paused in a deploy repo."""
    return f"{PAUSES}{sha256(str(repo).encode()).hexdigest()[:16]}"


async def read_pauses(context: Context, checkout: Checkout) -> Paused:
    """What the branch says, or the store where it knows better."""
    views, key = context.store.views, key_of(checkout.repo)
    head = await asyncio.to_thread(checkout.mirror.head, BRANCH)
    kept = await asyncio.to_thread(views.get, key)
    told: Mapping[str, str] | None = None
    if head is not None:
        info = await asyncio.to_thread(checkout.mirror.commit_info, head)
        signed = info.message.partition("\n\n")[2]
        told = context.markers.read(MARKER, checkout.repo, signed)
    if told is not None and (kept is None or int(kept["count"]) < int(told["count"])):
        kept = {**told}
        await asyncio.to_thread(views.put, key, kept)
    if kept is None:
        return Paused(head=head)
    return replace(_of(kept, head), lags=told is None or told["count"] != kept["count"])


def payload(paused: Paused) -> dict[str, str]:
    """What the marker holds."""
    rows = [[each.target, each.by, each.reason, each.since.isoformat()] for each in paused.pauses]
    return {
        "pauses": json.dumps(rows),
        "told": json.dumps(paused.told[-MOST_TOLD:]),
        "count": str(paused.count),
    }


def _of(told: Mapping[str, str], head: str | None) -> Paused:
    pauses = tuple(
        Pause(target, by, reason, datetime.fromisoformat(since))
        for target, by, reason, since in json.loads(told["pauses"])
    )
    return Paused(pauses, tuple(json.loads(told["told"])), int(told["count"]), head)
