"""The client of the local forge (`bot.sandbox.forge`), over its HTTP API."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar
from urllib.parse import quote

import httpx

from bot.clock import Clock
from bot.forges import (
    AppSetup,
    ChangedRequest,
    Comment,
    CommitRange,
    Contributors,
    Delivery,
    Forge,
    ForgeError,
    ForgeKind,
    ForgeMergeRequest,
    GitCredentials,
    Merged,
    NotMerged,
    Reaction,
    RepositoryInfo,
    Review,
    SignIn,
    Status,
    StatusState,
    User,
    ssl_context,
)
from bot.forges._attribution import MergedRequest, Push, attribute, between, checked_range
from bot.forges._request_counts import RequestCounts
from bot.forges._values import last_first
from bot.forges.local import webhooks
from bot.forges.local.http import Fields, Http, checked, message_of, read
from bot.settings import Settings
from planners.model import MergeMethod, Role

PAGE_SIZE = 50
MAX_ENTRIES = 100_000
REREAD_STATUSES = frozenset({405, 409, 422})
UNKNOWN, UNPROCESSABLE = 404, 422


class LocalForge:
    """A client of one local forge; redirects are not followed."""

    name = "local"
    setup: ClassVar[AppSetup | None] = None
    statuses_for_forks = True
    comment_limit = 60_000
    number_prefix = "!"
    commit_path = "/commits/"

    def __init__(
        self,
        base_url: str,
        token: str,
        webhook_secrets: tuple[bytes, ...],
        client: httpx.AsyncClient | None = None,
    ) -> None:
        if not all(webhook_secrets):
            raise ValueError("a webhook secret is empty: anyone could sign webhooks")
        self._secrets = webhook_secrets
        client = client or httpx.AsyncClient(verify=ssl_context(), trust_env=False)
        self.request_counts = RequestCounts()
        self._http = Http(base_url.rstrip("/"), token, client, self.request_counts)
        self._me: User | None = None

    @classmethod
    def connect(cls, settings: Settings, clock: Clock) -> Forge | None:  # noqa: ARG003 - no rate limits
        """A client if URL, token and webhook secret are configured."""
        if not (settings.local_url and settings.local_token and settings.local_webhook_secret):
            return None
        secret = settings.local_webhook_secret.get_secret_value().encode()
        return cls(str(settings.local_url), settings.local_token.get_secret_value(), (secret,))

    @staticmethod
    def sign_in(settings: Settings) -> SignIn | None:  # noqa: ARG004 - nothing to configure
        """Not supported: the local forge is for evaluation on one machine."""
        return None

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """See the Protocol."""
        return webhooks.verify(headers, body, self._secrets)

    def head_ref(self, number: int) -> str:
        """See the Protocol."""
        return f"refs/merge-requests/{number}/head"

    async def close(self) -> None:
        """See the Protocol."""
        await self._http.client.aclose()

    async def me(self) -> User:
        """See the Protocol; cached."""
        if self._me is None:
            self._me = _user(await self._http.get("/user"))
        return self._me

    async def check_setup(
        self, repositories: Sequence[str], deploys: Sequence[str], address: str
    ) -> tuple[str, ...]:
        """See the Protocol; nothing to check: it is configured by one file."""
        del repositories, deploys, address
        return ()

    async def git_credentials(self, repository: str) -> GitCredentials:
        """The bot's login and token, for every repository."""
        del repository
        return GitCredentials((await self.me()).login, self._http.token)

    async def repository(self, repository: str) -> RepositoryInfo:
        """See the Protocol."""
        found = await self._http.get(f"/repos/{_path(repository)}")
        web = f"{self._http.base}/{repository}"
        return RepositoryInfo(repository, found["default_branch"], f"{web}.git", web)

    async def role(self, repository: str, login: str) -> Role:
        """See the Protocol."""
        found = await self._http.get(f"/repos/{_path(repository)}/members/{quote(login, safe='')}")
        return Role.__members__.get(str(found["role"]).upper(), Role.NONE)

    async def member(self, team: str, login: str) -> bool:
        """See the Protocol; there are no teams."""
        del team, login
        return False

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """See the Protocol."""
        path = f"/repos/{_path(repository)}/merge_requests"
        query = {"state": state, "branch_prefix": branch_prefix}
        found = await self._all(path, query, parameter="before", field="number")
        return tuple(self._request(repository, each) for each in found)

    async def changed_requests(
        self, repository: str, since: datetime
    ) -> tuple[ChangedRequest, ...]:
        """See the Protocol."""
        path, query = f"/repos/{_path(repository)}/merge_requests", {"state": "all"}
        listed = await self._all(path, query, parameter="before", field="number")
        found = (
            ChangedRequest(each["number"], datetime.fromisoformat(each["updated_at"]), each["head"])
            for each in listed
        )
        return last_first(each for each in found if each.at >= since)

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """See the Protocol."""
        return self._request(repository, await self._http.get(_request_path(repository, number)))

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """See the Protocol."""
        path = f"/repos/{_path(repository)}/commits/{quote(sha, safe='')}/merge_request"
        found = await self._http.get(path)
        return self._request(repository, found) if found else None

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """See the Protocol."""
        fields = {"branch": branch, "target": target, "title": title, "body": body}
        path = f"/repos/{_path(repository)}/merge_requests"
        return self._request(repository, await self._http.send("POST", path, fields))

    async def update_merge_request(
        self, repository: str, number: int, *, title: str, body: str
    ) -> None:
        """See the Protocol."""
        fields = {"title": title, "body": body}
        await self._http.send("PATCH", _request_path(repository, number), fields)

    async def set_merge_request_state(self, repository: str, number: int, *, state: str) -> None:
        """See the Protocol."""
        await self._http.send("PATCH", _request_path(repository, number), {"state": state})

    async def merge(
        self,
        repository: str,
        number: int,
        *,
        head: str,
        message: str,
        method: MergeMethod | None = None,
    ) -> Merged | NotMerged:
        """See the Protocol; only merge commits are supported."""
        if method not in {None, MergeMethod.MERGE}:
            return NotMerged(f"the local forge does not support merge method {method}")
        path = f"{_request_path(repository, number)}/merge"
        response = await self._http.call("POST", path, {"head": head, "message": message})
        if response.status not in REREAD_STATUSES:
            return Merged(str(read(checked(response))["sha"]))
        now = await self.merge_request(repository, number)
        if now.state == "merged" and now.head == head and now.merge_sha is not None:
            return Merged(now.merge_sha)
        return NotMerged(message_of(response))

    def merge_queue_commits(self, branches: Mapping[str, str]) -> Mapping[int, tuple[str, ...]]:
        """See the Protocol; there is no merge queue."""
        del branches
        return {}

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """See the Protocol."""
        found = await self._http.get(f"{_request_path(repository, number)}/reviews")
        return tuple(
            Review(_user(each["user"]), each["head"], datetime.fromisoformat(each["at"]))
            for each in found
        )

    async def request_reviews(self, repository: str, number: int, names: Sequence[str]) -> None:
        """See the Protocol; there are no teams."""
        for name in names:
            path = f"{_request_path(repository, number)}/reviewers/{quote(name, safe='')}"
            response = await self._http.call("PUT", path, {})
            if response.status not in {UNKNOWN, UNPROCESSABLE}:
                checked(response)

    async def user(self, repository: str, account: int) -> User | None:
        """See the Protocol."""
        del repository
        found = await self._http.get("/users", id=str(account))
        return _user(found[0]) if found else None

    async def contributors(self, repository: str, commits: CommitRange) -> Contributors:
        """See the Protocol; the owner of an address in a commit counts as well."""
        if (refused := checked_range(commits)) is not None:
            return refused
        path = f"/repos/{_path(repository)}"
        updates = await self._all(f"{path}/branch-updates", {}, parameter="after", field="number")
        merged = {"state": "merged", "branch_prefix": ""}
        requests = await self._all(
            f"{path}/merge_requests", merged, parameter="before", field="number"
        )
        owners: set[int] = set()
        for address in sorted(commits.addresses):
            owners |= {each["id"] for each in await self._http.get("/users", email=address)}
        found = attribute(
            repository,
            commits,
            [
                Push(each["by"], repository, each["branch"], each["old"], each["new"])
                for each in updates
            ],
            [_merged(each, commits) for each in requests if each["merge_sha"] in commits.parents],
        )
        return replace(found, accounts=found.accounts | owners)

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """See the Protocol."""
        path = f"{_request_path(repository, number)}/comments"
        found = await self._all(path, {}, parameter="after", field="id")
        return tuple(_comment(each) for each in found)

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """See the Protocol."""
        path = f"{_request_path(repository, number)}/comments"
        return _comment(await self._http.send("POST", path, {"body": body}))

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """See the Protocol."""
        path = f"{_request_path(repository, number)}/comments/{comment}"
        await self._http.send("PATCH", path, {"body": body})

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """See the Protocol; there are no reactions."""
        del repository, number, comment, reaction

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        found = await self._http.get(f"/repos/{_path(repository)}/statuses/{quote(sha, safe='')}")
        return tuple(
            Status(each["context"], StatusState(each["state"]), each["description"], each["url"])
            for each in found
        )

    async def checks(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        return await self.statuses(repository, sha)

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """See the Protocol."""
        fields = {
            "context": status.context,
            "state": status.state.value,
            "description": status.description,
            "url": status.url,
        }
        await self._http.send(
            "POST", f"/repos/{_path(repository)}/statuses/{quote(sha, safe='')}", fields
        )

    async def _all(
        self, path: str, query: Mapping[str, str], *, parameter: str, field: str
    ) -> list[Fields]:
        """All pages of a list; the query `parameter` takes the last entry's `field`."""
        parameters = {**query, "limit": str(PAGE_SIZE)}
        found: list[Fields] = []
        while len(found) < MAX_ENTRIES:
            page = await self._http.get(path, **parameters)
            found += page
            if len(page) < PAGE_SIZE:
                return found
            parameters[parameter] = str(page[-1][field])
        raise ForgeError(f"{path} lists more than {MAX_ENTRIES} entries")

    def _request(self, repository: str, found: Fields) -> ForgeMergeRequest:
        return ForgeMergeRequest(
            number=found["number"],
            title=found["title"],
            body=found["body"],
            state=found["state"],
            source_branch=found["source_branch"],
            target_branch=found["target_branch"],
            head=found["head"],
            author=_user(found["author"]),
            url=f"{self._http.base}/{repository}/merge_requests/{found['number']}",
            source_repository=repository,
            labels=tuple(found["labels"]),
            merge_sha=found["merge_sha"],
            closed_by=found["closed_by"],
            conflicts=found["conflicts"],
        )


def _path(repository: str) -> str:
    group, _, name = repository.partition("/")
    return f"{quote(group, safe='')}/{quote(name, safe='')}"


def _request_path(repository: str, number: int) -> str:
    return f"/repos/{_path(repository)}/merge_requests/{number}"


def _merged(found: Fields, commits: CommitRange) -> MergedRequest:
    """A merged merge request with those of its commits that are in the range."""
    proposed = between(commits.parents, found["base"], found["head"])
    merger = found["merger"]
    return MergedRequest(
        found["number"],
        frozenset({found["author"]["id"], *([merger["id"]] if merger else [])}),
        found["merge_sha"],
        {sha: commits.parents[sha] for sha in proposed},
    )


def _user(found: Fields) -> User:
    return User(found["id"], found["login"], found["email"], found["bot"])


def _comment(found: Fields) -> Comment:
    at = datetime.fromisoformat(found["created_at"])
    author, number = _user(found["author"]), found["id"]
    return Comment(number, author, found["body"], at, found["edited"], f"comment-{number}")


FORGE: ForgeKind = LocalForge
