"""A repository as a pass sees it: fetched once, then read through its mirror."""

import asyncio
from dataclasses import dataclass, field

from bot.context import Context, KnownRepository
from bot.forges import ForgeMergeRequest, RepositoryInfo
from bot.gather.errors import EmptyRepositoryError
from bot.git import Mirror, TransientGitError
from bot.metrics.catalogue import FETCHES
from bot.store.keys import HINTS
from planners.gating.merge_requests import PREFIX
from planners.model import Repo


@dataclass(frozen=True, slots=True)
class Checkout:
    """A fetched repository; `head` is the newest commit of its default branch.

    `proposed` remembers the list of our merge requests there, as one pass sees them.
    """

    repo: Repo
    info: RepositoryInfo
    mirror: Mirror
    head: str
    proposed: list[tuple[ForgeMergeRequest, ...]] = field(default_factory=list, compare=False)


async def our_requests(context: Context, checkout: Checkout) -> tuple[ForgeMergeRequest, ...]:
    """Merge requests in any state on branches named as ours are; listed once for a checkout."""
    if not checkout.proposed:
        forge, path = context.forge(checkout.repo), checkout.repo.path
        found = await forge.merge_requests(path, state="all", branch_prefix=f"{PREFIX}/")
        checkout.proposed.append(tuple(found))
    return checkout.proposed[0]


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
    """Fetch a repository into its mirror; one about which nothing is asked is there already.

    Raises:
        EmptyRepositoryError: its default branch has no commit.
        ForgeError, GitError: it cannot be reached or read.
    """
    info = await context.forge(repo).repository(repo.path)
    mirror = await asyncio.to_thread(context.mirrors.of, repo)
    if context.answers is None or not context.answers.gives(repo):
        url, access = await context.reach(repo, info)
        with context.metrics.timed(FETCHES, outcome="failed") as told:
            await asyncio.to_thread(mirror.fetch, url, access)
            told["outcome"] = "fetched"
    head = await asyncio.to_thread(mirror.head, info.default_branch)
    if head is None:
        raise EmptyRepositoryError(f"{repo}: branch {info.default_branch} has no commit yet")
    return Checkout(repo, info, mirror, head)


@dataclass(frozen=True, slots=True)
class Checkouts:
    """The repositories of a pass that plans several applications: each is fetched once."""

    context: Context
    _fetched: dict[Repo, Checkout] = field(default_factory=dict)

    async def of(self, repo: Repo) -> Checkout:
        """A repository, fetched when it is first asked for.

        Raises:
            EmptyRepositoryError, ForgeError, GitError: as `fetch`.
        """
        if repo not in self._fetched:
            self._fetched[repo] = await fetch(self.context, repo)
        return self._fetched[repo]


async def read_hints(context: Context) -> dict[str, str]:
    """The newest hint that each repository may have changed, by the repository's name."""
    found = await asyncio.to_thread(context.store.views.list, HINTS)
    return {key.removeprefix(HINTS): str(value["id"]) for key, value in found}


async def read_hint(context: Context, repo: Repo) -> str:
    """The newest hint that one repository may have changed; empty without one."""
    found = await asyncio.to_thread(context.store.views.get, f"{HINTS}{repo}")
    return str(found["id"]) if found else ""


async def last_known(context: Context, repo: Repo, hint: str) -> Checkout:
    """A repository as it was when this process last fetched it, unless there is a newer `hint`.

    Webhooks, the sweep and our own pushes leave hints. All applications share what is known, so
    that a repository is fetched once for each change, and not by each pass of each application.
    Passes that run at once read repositories in the same order: one of them fetches, the others
    wait for it.

    Raises:
        EmptyRepositoryError, ForgeError, GitError: as `fetch`.
    """
    found = await _known(context, repo, hint)
    if found is None:
        async with context.fetching[repo]:
            found = await _known(context, repo, hint) or await fetch_known(context, repo, hint)
    return found


async def fetch_for_all(context: Context, repo: Repo, hint: str) -> Checkout:
    """Fetch a repository in any case, and remember it for `last_known`; `hint` was read before.

    Passes that need it meanwhile as it is known wait, and take what was read.

    Raises:
        EmptyRepositoryError, ForgeError, GitError: as `fetch`.
    """
    async with context.fetching[repo]:
        return await fetch_known(context, repo, hint)


async def _known(context: Context, repo: Repo, hint: str) -> Checkout | None:
    """A repository as it was fetched since the hint, if it was.

    Raises:
        EmptyRepositoryError: it had no commit then.
    """
    if context.empty_repositories.get(repo) == hint:
        raise EmptyRepositoryError(f"{repo} had no commit when it was last read")
    known = context.repositories.get(repo)
    mirror = await asyncio.to_thread(context.mirrors.of, repo)
    if known is None or known.hint != hint or not await asyncio.to_thread(_has, mirror, known.head):
        return None
    return Checkout(repo, known.info, mirror, known.head, [known.requests])


async def fetch_known(context: Context, repo: Repo, hint: str) -> Checkout:
    """Fetch a repository, and remember it for `last_known`; `hint` was read before.

    Raises:
        EmptyRepositoryError, ForgeError, GitError: as `fetch`.
    """
    try:
        checkout = await fetch(context, repo)
    except EmptyRepositoryError:
        context.empty_repositories[repo] = hint
        raise
    requests = await our_requests(context, checkout)
    known = KnownRepository(hint, checkout.info, checkout.head, requests)
    context.empty_repositories.pop(repo, None)
    if context.repositories.get(repo) != known:
        context.repositories[repo] = known
    return checkout


def _has(mirror: Mirror, head: str) -> bool:
    """Whether a mirror still has a commit: it could have been damaged, and made anew."""
    return mirror.contains(head, head)
