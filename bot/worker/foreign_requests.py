"""Sets the required status on merge requests in a deploy repo that the bot did not open.

The main branch of a deploy repo requires `switchyard/order` on every merge request, so that no wave
merges too early. Without this, merge requests of people could never merge.
"""

import asyncio

from bot.context import Context
from bot.effects.model import SetStatus
from bot.effects.perform import perform
from bot.forges import ORDER, ForgeMergeRequest, Status, StatusState
from bot.gather.repository import Checkout, fetch, fetch_request
from planners.gating.merge_requests import PREFIX
from planners.model import Repo


async def allow_foreign_request(context: Context, repo: Repo, request: ForgeMergeRequest) -> None:
    """Set the status on a merge request of somebody else, if it holds no commit of the bot's."""
    forge = context.forge(repo)
    if request.state != "open" or request.author.id == (await forge.me()).id:
        return
    checkout = await fetch(context, repo)
    foreign = request.source_repository != repo.path
    if foreign and not forge.statuses_for_forks:
        return
    if foreign:
        await fetch_request(context, checkout, request)
    if not await asyncio.to_thread(_is_independent, checkout, request):
        return
    queued = forge.merge_queue_commits(await asyncio.to_thread(checkout.mirror.branches))
    status = Status(ORDER, StatusState.SUCCESS, "not Switchyard's: nothing to wait for")
    for commit in (request.head, *queued.get(request.number, ())):
        if status not in await forge.statuses(repo.path, commit):
            await perform(context, [SetStatus(repo, commit, status)])


def _is_independent(checkout: Checkout, request: ForgeMergeRequest) -> bool:
    """Whether it holds no commit of a wave's branch: a status belongs to a commit, not a branch."""
    mirror = checkout.mirror
    if request.source_branch.startswith(f"{PREFIX}/"):
        return False
    ours = mirror.branches(f"{PREFIX}/").values()
    return not any(mirror.contains(request.head, head) for head in ours)
