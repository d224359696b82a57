"""Commit statuses as the forge has them now: another replica may have written them."""

from collections.abc import Iterable

from bot.context import Context
from bot.forges import Status
from planners.model import Repo
from planners.model.snapshot import MergeRequest, MergeRequestState


async def read_statuses(
    context: Context, repo: Repo, requests: Iterable[MergeRequest]
) -> dict[str, tuple[Status, ...]]:
    """The statuses of every commit that is proposed: heads, and commits of a merge queue."""
    forge = context.forge(repo)
    commits = [
        commit
        for each in requests
        if each.state is MergeRequestState.OPEN
        for commit in (each.head, *each.merge_queue_commits)
    ]
    return {commit: await forge.statuses(repo.path, commit) for commit in commits}
