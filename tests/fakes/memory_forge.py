"""The in-memory twin of the forges: the same Protocol over the same state, without HTTP.

Its state is the local forge's (`bot.sandbox.forge`), kept in memory, so that roles, protected
branches, required statuses and merges follow the rules that the other forges follow in tests. Its
repositories are real ones, reached by `DirectGit`. What only GitHub or GitLab have beyond that
(teams, forks, reactions) stands in its own fields. `tests/conformance` holds it to what the bot
relies on from every forge; what is a dialect's own (limits, wire formats, merge queues, renames)
is told with that dialect.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from bot.forges import (
    ChangedRequest,
    Comment,
    CommitRange,
    Contributors,
    Delivery,
    ForgeError,
    ForgeMergeRequest,
    GitCredentials,
    Merged,
    NotFoundError,
    NotMerged,
    Reaction,
    RepositoryInfo,
    RequestCounts,
    Review,
    Status,
    StatusState,
    User,
)
from bot.forges._attribution import MergedRequest, Push, attribute, between, checked_range
from bot.forges._values import last_first
from bot.forges.local import webhooks
from bot.sandbox.demo.site import add_people_and_repositories
from bot.sandbox.forge import conversation, merging, records
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.git import Git
from bot.sandbox.forge.hooks import Hooks
from bot.sandbox.forge.records import Storage
from bot.sandbox.forge.state import ForgeState as State
from planners.model import MergeMethod, Role

ADDRESS = "http://forge.test"
LOOK_AGAIN = frozenset({405, 409, 422})


class NoStorage(Storage):
    """Remembers nothing: the state of a test ends with it."""

    def __init__(self) -> None:
        pass

    def put(self, key: str, record: Any) -> None:
        """Not kept."""

    def forget(self, kind: type, key: str) -> None:
        """There is nothing to drop."""

    def load(self, kind: type) -> dict[str, dict[str, Any]]:
        """Nothing."""
        del kind
        return {}

    def close(self) -> None:
        """Nothing to close."""


class QueuedHooks(Hooks):
    """Sends webhooks when it is told to, in the order in which the events happened."""

    def __init__(self, client: httpx.AsyncClient, now: Callable[[], str]) -> None:
        super().__init__(NoStorage(), client, now)
        self._waiting: list[records.Delivery] = []

    def _enqueue(self, delivery: records.Delivery) -> None:
        self._waiting.append(delivery)

    async def flush(self) -> None:
        """Send everything queued, also what is queued meanwhile."""
        while self._waiting:
            delivery = self._waiting.pop(0)
            delivery.outcome = await self._send(delivery)


@dataclass(frozen=True, slots=True)
class MemoryState:
    """A forge's state, as `Made` of the served one has it."""

    forge: State
    hooks: QueuedHooks


def make_state(
    folder: Path, clock: Callable[[], datetime], hook_client: httpx.AsyncClient
) -> MemoryState:
    """An empty forge whose repositories are below a folder."""
    hooks = QueuedHooks(hook_client, lambda: clock().isoformat(timespec="seconds"))
    return MemoryState(State(NoStorage(), Git(folder), hooks, clock), hooks)


@dataclass(frozen=True, slots=True)
class MemorySite:
    """A forge in memory with its people; what `bot.sandbox.demo.site.Site` is over HTTP."""

    made: MemoryState
    tokens: dict[str, str]
    url: str = ADDRESS

    def stop(self) -> None:
        """There is nothing that runs."""


def make_site(
    folder: Path,
    tokens: Mapping[str, str],
    clock: Callable[[], datetime],
    hook_client: httpx.AsyncClient,
) -> MemorySite:
    """A forge in memory with people and three empty repositories."""
    made = make_state(folder, clock, hook_client)
    add_people_and_repositories(made.forge, tokens)
    return MemorySite(made, dict(tokens))


@contextmanager
def _refusals() -> Iterator[None]:
    """What the state refuses is an error of the forge, in its words."""
    try:
        yield
    except RequestError as error:
        kind = NotFoundError if error.code == HTTPStatus.NOT_FOUND else ForgeError
        raise kind(f"the forge responded {error.code}: {error}") from error


@dataclass(slots=True)
class MemoryForge:
    """See the Protocol `bot.forges.Forge`. `login` is the user that it acts as.

    `teams` are logins by team, `forks` the source repository of merge requests that come from
    one, by repository and number, `reactions` each comment's id with what was put under it. With
    `up_to_date_only` it merges only branches that contain the head of their target.
    """

    state: State
    login: str
    token: str
    secrets: tuple[bytes, ...]
    name: str = "local"
    comment_limit: int = 60_000
    number_prefix: str = "!"
    commit_path: str = "/commits/"
    statuses_for_forks: bool = True
    teams: dict[str, set[str]] = field(default_factory=dict)
    forks: dict[tuple[str, int], str] = field(default_factory=dict)
    reactions: list[tuple[int, str]] = field(default_factory=list)
    up_to_date_only: bool = False
    request_counts: RequestCounts = field(default_factory=RequestCounts)

    @property
    def _user(self) -> records.User:
        """Who calls; nobody while the token is not theirs."""
        user = self.state.authenticate(self.login, self.token)
        if user is None:
            raise ForgeError("the forge responded 401: a valid token is required")
        return user

    async def _reading(self, repository: str) -> None:
        """Let others go on, as every call to a forge does; then see that one may read."""
        await asyncio.sleep(0)
        with _refusals():
            self.state.require(self._user, repository, "read")

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """See the Protocol."""
        return webhooks.verify(headers, body, self.secrets)

    def head_ref(self, number: int) -> str:
        """See the Protocol."""
        return f"refs/merge-requests/{number}/head"

    async def close(self) -> None:
        """See the Protocol: there are no connections."""

    async def me(self) -> User:
        """See the Protocol."""
        return _user(self._user)

    async def check_setup(
        self, repositories: Sequence[str], deploys: Sequence[str], address: str
    ) -> tuple[str, ...]:
        """See the Protocol: there is nothing to set up."""
        del repositories, deploys, address
        return ()

    async def git_credentials(self, repository: str) -> GitCredentials:
        """See the Protocol."""
        del repository
        return GitCredentials(self.login, self.token)

    async def repository(self, repository: str) -> RepositoryInfo:
        """See the Protocol."""
        await self._reading(repository)
        branch = self.state.repository(repository).default_branch
        web = f"{ADDRESS}/{repository}"
        return RepositoryInfo(repository, branch, f"{web}.git", web)

    async def role(self, repository: str, login: str) -> Role:
        """See the Protocol."""
        await self._reading(repository)
        return Role.__members__.get(self.state.role(repository, login).upper(), Role.NONE)

    async def member(self, team: str, login: str) -> bool:
        """See the Protocol."""
        return login in self.teams.get(team, ())

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """See the Protocol."""
        await self._reading(repository)
        found = self.state.requests_of(repository, state, branch_prefix)
        return tuple(self._request(each) for each in found)

    async def changed_requests(
        self, repository: str, since: datetime
    ) -> tuple[ChangedRequest, ...]:
        """See the Protocol."""
        await self._reading(repository)
        listed = self.state.requests_of(repository)
        found = (
            ChangedRequest(
                each.number,
                datetime.fromisoformat(each.updated_at),
                self._request(each).head,
            )
            for each in listed
        )
        return last_first(each for each in found if each.at >= since)

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """See the Protocol."""
        await self._reading(repository)
        return self._request(self._found(repository, number))

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """See the Protocol."""
        await self._reading(repository)
        merged = self.state.requests_of(repository, "merged")
        return next((self._request(each) for each in merged if each.merge_sha == sha), None)

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """See the Protocol."""
        await self._reading(repository)
        with _refusals():
            made = merging.open_request(
                self.state,
                self._user,
                repository,
                source=branch,
                target=target,
                title=title,
                body=body,
            )
        return self._request(made)

    async def update_merge_request(
        self, repository: str, number: int, *, title: str, body: str
    ) -> None:
        """See the Protocol."""
        await self._reading(repository)
        with _refusals():
            merging.edit_request(self.state, self._user, repository, number, title=title, body=body)

    async def set_merge_request_state(self, repository: str, number: int, *, state: str) -> None:
        """See the Protocol."""
        await self._reading(repository)
        with _refusals():
            merging.set_state(self.state, self._user, repository, number, state)

    async def merge(
        self,
        repository: str,
        number: int,
        *,
        head: str,
        message: str,
        method: MergeMethod | None = None,
    ) -> Merged | NotMerged:
        """See the Protocol; it makes merge commits only."""
        if method not in {None, MergeMethod.MERGE}:
            return NotMerged(f"the forge cannot {method}")
        await self._reading(repository)
        if self._behind(self._found(repository, number)):
            return NotMerged("the branch does not contain the head of its target")
        try:
            sha = merging.merge(
                self.state, self._user, repository, number, head=head, message=message
            )
        except RequestError as error:
            if error.code not in LOOK_AGAIN:
                raise ForgeError(f"the forge responded {error.code}: {error}") from error
            now = self._found(repository, number)
            if now.state == "merged" and now.head == head and now.merge_sha is not None:
                return Merged(now.merge_sha)
            return NotMerged(str(error))
        return Merged(sha)

    def merge_queue_commits(self, branches: Mapping[str, str]) -> Mapping[int, tuple[str, ...]]:
        """See the Protocol: it has no merge queue."""
        del branches
        return {}

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """See the Protocol."""
        await self._reading(repository)
        return tuple(
            Review(_user(self.state.users[login]), head, datetime.fromisoformat(at))
            for login, (head, at) in sorted(self._found(repository, number).reviews.items())
        )

    async def request_reviews(self, repository: str, number: int, names: Sequence[str]) -> None:
        """See the Protocol."""
        await self._reading(repository)
        self._found(repository, number)
        for name in names:
            with suppress(RequestError):
                conversation.request_review(
                    self.state, self._user, repository, number, name, requested=True
                )

    async def user(self, repository: str, account: int) -> User | None:
        """See the Protocol."""
        await self._reading(repository)
        found = (_user(each) for each in self.state.users.values() if each.id == account)
        return next(found, None)

    async def contributors(self, repository: str, commits: CommitRange) -> Contributors:
        """See the Protocol."""
        await self._reading(repository)
        if (refused := checked_range(commits)) is not None:
            return refused
        requests = [
            self._merged(each, commits)
            for each in self.state.requests_of(repository, "merged")
            if each.merge_sha in commits.parents
        ]
        pushes = [
            Push(each.by, repository, each.branch, each.old, each.new)
            for each in self.state.updates(repository)
        ]
        found = attribute(repository, commits, pushes, requests)
        users = self.state.users.values()
        owners = {each.id for each in users if each.email in commits.addresses}
        return replace(found, accounts=found.accounts | owners)

    def _merged(self, found: records.MergeRequest, commits: CommitRange) -> MergedRequest:
        proposed = between(commits.parents, found.base, found.head)
        people = (found.author, found.merged_by)
        return MergedRequest(
            found.number,
            frozenset(self.state.users[each].id for each in people if each),
            found.merge_sha or "",
            {sha: commits.parents[sha] for sha in proposed},
        )

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """See the Protocol."""
        await self._reading(repository)
        return tuple(self._comment(each) for each in self._found(repository, number).comments)

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """See the Protocol."""
        await self._reading(repository)
        with _refusals():
            return self._comment(
                conversation.comment(self.state, self._user, repository, number, body)
            )

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """See the Protocol."""
        await self._reading(repository)
        with _refusals():
            conversation.edit_comment(
                self.state, self._user, repository, number, comment, body=body
            )

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """See the Protocol."""
        await self._reading(repository)
        self._found(repository, number)
        if (comment, reaction.value) not in self.reactions:
            self.reactions.append((comment, reaction.value))

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        await self._reading(repository)
        return tuple(
            Status(each.context, StatusState(each.state), each.description, each.url)
            for each in self.state.statuses(repository, sha)
        )

    async def checks(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        return await self.statuses(repository, sha)

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """See the Protocol."""
        await self._reading(repository)
        fields = {
            "context": status.context,
            "state": status.state.value,
            "description": status.description,
            "url": status.url,
        }
        with _refusals():
            conversation.set_status(self.state, self._user, repository, sha, fields)

    def _found(self, repository: str, number: int) -> records.MergeRequest:
        with _refusals():
            return self.state.request(repository, number)

    def _request(self, found: records.MergeRequest) -> ForgeMergeRequest:
        path, number = found.repository, found.number
        return ForgeMergeRequest(
            number=number,
            title=found.title,
            body=found.body,
            state=found.state,
            source_branch=found.source,
            target_branch=found.target,
            head=found.head,
            author=_user(self.state.users[found.author]),
            url=f"{ADDRESS}/{path}/merge_requests/{number}",
            source_repository=self.forks.get((path, number), path),
            labels=tuple(found.labels),
            merge_sha=found.merge_sha,
            closed_by=found.closed_by,
            conflicts=merging.conflicts(self.state, found),
            behind=self._behind(found),
        )

    def _behind(self, found: records.MergeRequest) -> bool:
        if not self.up_to_date_only or found.state != "open":
            return False
        onto = self.state.git.head(found.repository, found.target)
        return onto is not None and not self.state.git.contains(found.repository, found.head, onto)

    def _comment(self, found: records.Comment) -> Comment:
        author = _user(self.state.users[found.author])
        at = datetime.fromisoformat(found.at)
        return Comment(found.id, author, found.body, at, found.edited, f"comment-{found.id}")


def _user(found: records.User) -> User:
    return User(found.id, found.login, found.email, found.bot)
