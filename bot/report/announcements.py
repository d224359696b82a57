"""What channels tell people of a rollout: the same causes as notifications, and its end.

Kept before the comment on the forge is written: what the forge has no notice of yet is told, what
it has is not told again, also after a loss of the database. See ADR 0080.
"""

import asyncio
import hashlib
from collections.abc import Iterable
from datetime import timedelta

from bot.context import Context
from bot.engine.propose import Proposal
from bot.gather.snapshot import Gathered
from bot.report.history import HISTORY
from bot.store.messages import StoredMessage
from bot.wording.headline import headline
from bot.wording.needs import needs
from bot.wording.notices import Notice
from planners.model.fleet import NotifiedChannel

NEEDS, FAILURES, ENDS = "needs", "failures", "ends"
FAILED = ("failed ", "late ", "rollback")
ENDED_LATELY = timedelta(hours=1)
MOST_LINES, MOST_TEXT = 5, 400


async def announce_notices(
    context: Context, gathered: Gathered, proposal: Proposal, found: Iterable[Notice]
) -> None:
    """Keep messages about notices that are new on the forge."""
    for each in found:
        event = FAILURES if each.key.startswith(FAILED) else NEEDS
        await _keep(context, gathered, proposal, event, each.key)


async def announce_end(context: Context, gathered: Gathered, proposal: Proposal) -> None:
    """Keep messages about a rollout that has just ended.

    One that ended longer ago, or was not seen under way, is no news.
    """
    if proposal.problems or not proposal.evaluation.done or not _channels(gathered, ENDS):
        return
    application, revision = proposal.plan.application, proposal.plan.revision.sha
    known = await asyncio.to_thread(context.store.views.load, HISTORY, application)
    newest = known.rollouts[0] if known is not None and known.rollouts else None
    if newest is None or newest.revision != revision or newest.until is None:
        return
    if context.clock() - newest.until <= ENDED_LATELY:
        await _keep(context, gathered, proposal, ENDS, f"end {newest.outcome} {newest.digest}")


async def _keep(
    context: Context, gathered: Gathered, proposal: Proposal, event: str, cause: str
) -> None:
    plan = proposal.plan
    thread = f"{plan.application}/{plan.revision.sha}"
    identity = hashlib.sha256(f"{thread} {cause}".encode()).hexdigest()
    told = {
        "event": event,
        "application": plan.application,
        "title": f"{plan.application}: {headline(proposal, preview=False)}"[:MOST_TEXT],
        "lines": [] if event == ENDS else lines(proposal),
        "link": context.page(plan.application),
    }
    for channel in _channels(gathered, event):
        address = {
            "kind": channel.kind,
            "to": list(channel.to),
            "sender": channel.sender,
            "private_network": channel.private_network,
        }
        message = StoredMessage(
            channel.name, identity, thread, {**told, **address}, context.clock()
        )

        async def add(message: StoredMessage = message) -> bool:
            return await asyncio.to_thread(context.store.messages.add, message)

        await context.fence.write(add)


def _channels(gathered: Gathered, event: str) -> list[NotifiedChannel]:
    snapshot = gathered.snapshot
    name, tenant = snapshot.application.name, snapshot.tenant.name
    return [
        channel
        for policy in snapshot.policies
        for channel in policy.notify
        if channel.tells(event, name, tenant)
    ]


def lines(proposal: Proposal) -> list[str]:
    """What people have to do, as plain text: the same as in the plan comment."""
    found = needs(proposal)
    told = []
    for each in found[:MOST_LINES]:
        what = str(each.what).replace("**", "")
        why = f": {each.why}" if each.why else ""
        where = f" ({each.request.url})" if each.request is not None else ""
        told.append(f"{what}{why}"[:MOST_TEXT] + where)
    more = len(found) - MOST_LINES
    return [*told, f"and {more} more"] if more > 0 else told
