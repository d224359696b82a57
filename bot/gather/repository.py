"""A repository as a pass sees it: fetched once, then read through its mirror."""

import asyncio
from dataclasses import dataclass, field

from bot.context import Context
from bot.forges import ForgeMergeRequest, RepositoryInfo
from bot.gather.errors import EmptyRepositoryError
from bot.git import Mirror, TransientGitError
from planners.gating.merge_requests import PREFIX
from planners.model import Repo


@dataclass(frozen=True, slots=True)
class Checkout:
    """A fetched repository; `head` is the newest commit of its default branch.

    `proposed` remembers our merge requests there, as one pass sees them.
    """

    repo: Repo
    info: RepositoryInfo
    mirror: Mirror
    head: str
    proposed: list[ForgeMergeRequest] = field(default_factory=list, compare=False)


async def our_requests(context: Context, checkout: Checkout) -> list[ForgeMergeRequest]:
    """Merge requests in any state on branches named as ours are; listed once for a checkout."""
    if not checkout.proposed:
        forge, path = context.forge(checkout.repo), checkout.repo.path
        found = await forge.merge_requests(path, state="all", branch_prefix=f"{PREFIX}/")
        checkout.proposed.extend(found)
    return checkout.proposed


async def fetch_request(context: Context, checkout: Checkout, request: ForgeMergeRequest) -> None:
    """Fetch the head of a merge request from a fork: it stands on no branch here.

    Raises:
        TransientGitError: the head moved since the forge told it.
    """
    forge, repo = context.forge(checkout.repo), checkout.repo
    url, access = await context.reach(repo, checkout.info)
    reference = forge.head_ref(request.number)
    fetched = await asyncio.to_thread(checkout.mirror.fetch_ref, url, access, reference)
    if fetched != request.head:
        raise TransientGitError(f"{repo}!{request.number} moved while it was read")


async def fetch(context: Context, repo: Repo) -> Checkout:
    """Fetch a repository into its mirror.

    Raises:
        EmptyRepositoryError: its default branch has no commit.
        ForgeError, GitError: it cannot be reached or read.
    """
    info = await context.forge(repo).repository(repo.path)
    url, access = await context.reach(repo, info)
    mirror = await asyncio.to_thread(context.mirrors.of, repo)
    await asyncio.to_thread(mirror.fetch, url, access)
    head = await asyncio.to_thread(mirror.head, info.default_branch)
    if head is None:
        raise EmptyRepositoryError(f"{repo}: branch {info.default_branch} has no commit yet")
    return Checkout(repo, info, mirror, head)
