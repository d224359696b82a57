"""The client of GitHub and GitHub Enterprise Server, as an App or with a fixed token.

Source: GitHub Docs, "REST API endpoints" for pull requests, reviews, issues, statuses, commits,
collaborators; "Managing a merge queue".
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
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
    ForgeKind,
    ForgeMergeRequest,
    GitCredentials,
    Merged,
    MergeOptions,
    NotMerged,
    Reaction,
    RepositoryInfo,
    Review,
    Status,
    User,
    ssl_context,
)
from bot.forges._rate_budget import RateBudget, Urgency
from bot.forges._setup_check import check_each
from bot.forges.github import merging, oauth, parsing, people, setup_check, statuses, webhooks
from bot.forges.github.contributors import ContributorReader
from bot.forges.github.conversation import Conversations
from bot.forges.github.http import Http, ResponseError, api_of, count_requests
from bot.forges.github.listing import Listing
from bot.forges.github.manifest import App, ManifestFlow
from bot.forges.github.tokens import AppTokens, FixedToken, Tokens
from bot.settings import Settings
from planners.model import MergeMethod, Role

UNPROCESSABLE = 422
PER_MINUTE, PER_HOUR = 60, 400


class GitHubForge:
    """A client of one GitHub instance."""

    name = "github"
    setup: ClassVar[AppSetup | None] = ManifestFlow()
    sign_in = staticmethod(oauth.sign_in)
    statuses_for_forks = True
    comment_limit = 60_000
    number_prefix = "#"
    commit_path = "/commit/"

    def __init__(
        self,
        web: str,
        tokens: Tokens,
        webhook_secrets: tuple[bytes, ...],
        client: httpx.AsyncClient,
        clock: Clock,
    ) -> None:
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError("webhook secrets are missing or empty: anyone could sign webhooks")
        self._secrets = webhook_secrets
        self.web = web.rstrip("/")
        self._tokens = tokens
        budget = RateBudget(clock, PER_MINUTE, PER_HOUR)
        self.request_counts = count_requests(client)
        self._http = Http(api_of(self.web), client, tokens, clock, budget, self.request_counts)
        self._me: User | None = None
        self._contributors = ContributorReader(self._http, self.me)
        self._listing = Listing(self._http, clock)
        self._conversations = Conversations(self._http)

    @classmethod
    def connect(cls, settings: Settings, clock: Clock) -> Forge | None:
        """A client if an App or a token is configured, or the set-up page registered an App."""
        secrets = tuple(each.get_secret_value() for each in settings.github_webhook_secrets)
        web = str(settings.github_url).rstrip("/")
        client = httpx.AsyncClient(verify=ssl_context(settings.github_ca_file), trust_env=False)
        tokens: Tokens
        if settings.github_app_id and settings.github_private_key:
            key = settings.github_private_key.get_secret_value()
            tokens = AppTokens(api_of(web), settings.github_app_id, key, client, clock)
        elif app := App.read(settings.data_dir):
            tokens = AppTokens(api_of(web), app.app_id, app.private_key, client, clock)
            secrets = (*secrets, app.webhook_secret)
        elif settings.github_token:
            tokens = FixedToken(settings.github_token.get_secret_value())
        else:
            return None
        return cls(web, tokens, tuple(each.encode() for each in secrets), client, clock)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """See the Protocol."""
        return webhooks.verify(headers, body, self._secrets)

    def head_ref(self, number: int) -> str:
        """See the Protocol."""
        return f"refs/pull/{number}/head"

    async def close(self) -> None:
        """See the Protocol."""
        await self._http.client.aclose()

    async def me(self) -> User:
        """See the Protocol; cached. An App acts as its bot user, which no JWT can read."""
        if self._me is None:
            if isinstance(self._tokens, AppTokens):
                app = await self._tokens.call("GET", "/app", None)
                login = f"{app['slug']}[bot]"
                found = await self._http.get("", f"/users/{quote(login, safe='')}")
            else:
                found = {**await self._http.get("", "/user"), "type": "Bot"}
            self._me = parsing.user(found)
        return self._me

    async def check_setup(
        self, repositories: Sequence[str], deploys: Sequence[str], address: str
    ) -> tuple[str, ...]:
        """See the Protocol. An App has one webhook; a token cannot read webhooks."""
        del repositories
        found: tuple[str, ...] = ()
        app = None
        if isinstance(self._tokens, AppTokens):
            app = int((await self._tokens.call("GET", "/app", None))["id"])
            found = await setup_check.check_app(self._tokens)
            found += await setup_check.check_webhook(self._tokens, address)
        required = partial(setup_check.check_required_status, self._http, app)
        return found + await check_each(deploys, required)

    async def git_credentials(self, repository: str) -> GitCredentials:
        """A token for that repository only."""
        return GitCredentials("x-access-token", await self._tokens.of(repository))

    async def repository(self, repository: str) -> RepositoryInfo:
        """See the Protocol."""
        found = await self._http.get(repository, f"/repos/{repository}")
        return RepositoryInfo(
            found["full_name"],
            found["default_branch"],
            found["clone_url"],
            found["html_url"],
            found["ssh_url"],
        )

    async def role(self, repository: str, login: str) -> Role:
        """See the Protocol."""
        return await people.role(self._http, repository, login)

    async def member(self, team: str, login: str) -> bool:
        """See the Protocol."""
        return await people.member(self._http, team, login)

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """See the Protocol. Open ones and the newest closed one of a branch have all fields."""
        found, seen = [], set()
        for each in (await self._listing.known(repository)).newest_first():
            request = each
            if not request.source_branch.startswith(branch_prefix):
                continue
            if state in {"all", request.state}:
                newest = request.source_branch not in seen
                if request.state == "open" or (request.state == "closed" and newest):
                    request = await self.merge_request(repository, request.number)
                found.append(request)
            seen.add(request.source_branch)
        return tuple(found)

    async def changed_requests(
        self, repository: str, since: datetime
    ) -> tuple[ChangedRequest, ...]:
        """See the Protocol."""
        return (await self._listing.known(repository)).changed(since)

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """See the Protocol; `closed_by` comes from the issue of the pull request."""
        found = await self._http.get(repository, f"/repos/{repository}/pulls/{number}")
        closed_by = None
        if found["state"] == "closed" and not found.get("merged_at"):
            issue = await self._http.get(repository, f"/repos/{repository}/issues/{number}")
            closed_by = (issue.get("closed_by") or {}).get("login")
        return parsing.request(found, closed_by)

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """See the Protocol."""
        path = f"/repos/{repository}/commits/{quote(sha, safe='')}/pulls"
        for each in await self._http.pages(repository, path):
            if each.get("merged_at") and each["merge_commit_sha"] == sha:
                return await self.merge_request(repository, each["number"])
        return None

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """See the Protocol; an existing one is not an error."""
        fields = {"title": title, "head": branch, "base": target, "body": body}
        try:
            made = await self._http.send("POST", repository, f"/repos/{repository}/pulls", fields)
        except ResponseError as error:
            known = None
            if error.status == UNPROCESSABLE:
                known = await self._open_one(repository, branch, target)
            if known is None:
                raise
            return known
        return parsing.request(made)

    async def _open_one(
        self, repository: str, branch: str, target: str
    ) -> ForgeMergeRequest | None:
        owner = repository.partition("/")[0]
        path = f"/repos/{repository}/pulls"
        query = {"state": "open", "head": f"{owner}:{branch}", "base": target}
        found = await self._http.pages(repository, path, query)
        return await self.merge_request(repository, found[0]["number"]) if found else None

    async def update_merge_request(
        self, repository: str, number: int, *, title: str, body: str
    ) -> None:
        """See the Protocol."""
        path = f"/repos/{repository}/pulls/{number}"
        await self._http.send("PATCH", repository, path, {"title": title, "body": body})

    async def set_merge_request_state(self, repository: str, number: int, *, state: str) -> None:
        """See the Protocol; a deleted branch is first restored at the last head."""
        path = f"/repos/{repository}/pulls/{number}"
        try:
            await self._http.send("PATCH", repository, path, {"state": state})
        except ResponseError as error:
            if error.status != UNPROCESSABLE or state != "open":
                raise
            request = await self.merge_request(repository, number)
            fields = {"ref": f"refs/heads/{request.source_branch}", "sha": request.head}
            await self._http.send("POST", repository, f"/repos/{repository}/git/refs", fields)
            await self._http.send("PATCH", repository, path, {"state": state})

    async def merge(
        self,
        repository: str,
        number: int,
        *,
        head: str,
        message: str,
        method: MergeMethod | None = None,
    ) -> Merged | NotMerged:
        """See the Protocol. If the branch requires a merge queue, the request is enqueued."""
        options = MergeOptions(head, message, method)
        return await merging.merge(self._http, repository, number, options)

    def merge_queue_commits(self, branches: Mapping[str, str]) -> Mapping[int, tuple[str, ...]]:
        """See the Protocol."""
        return merging.merge_queue_commits(branches)

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """See the Protocol."""
        path = f"/repos/{repository}/pulls/{number}/reviews"
        return parsing.approvals(await self._http.pages(repository, path))

    async def request_reviews(self, repository: str, number: int, names: Sequence[str]) -> None:
        """See the Protocol; teams are those of the organisation that owns the repository."""
        await people.request_reviews(self._http, repository, number, names)

    async def user(self, repository: str, account: int) -> User | None:
        """See the Protocol."""
        return await people.user(self._http, repository, account)

    async def contributors(self, repository: str, commits: CommitRange) -> Contributors:
        """See the Protocol."""
        return await self._contributors.read(repository, commits)

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """See the Protocol; also the texts of reviews and inline review comments."""
        return await self._conversations.read(repository, number)

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """See the Protocol."""
        path = f"/repos/{repository}/issues/{number}/comments"
        made = await self._http.send("POST", repository, path, {"body": body}, Urgency.COMMENT)
        return parsing.comment(made)

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """See the Protocol; the ids of comments are unique in the repository."""
        del number
        path = f"/repos/{repository}/issues/comments/{comment}"
        await self._http.send("PATCH", repository, path, {"body": body}, Urgency.COMMENT)

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """See the Protocol."""
        await self._conversations.react(repository, number, comment, reaction)

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        return await statuses.read(self._http, repository, sha)

    async def checks(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        found = await statuses.read(self._http, repository, sha)
        return (*found, *await statuses.read_check_runs(self._http, repository, sha))

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """See the Protocol."""
        await statuses.write(self._http, repository, sha, status)


FORGE: ForgeKind = GitHubForge
