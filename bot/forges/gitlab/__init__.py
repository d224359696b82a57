"""The client of GitLab (gitlab.com or self-managed), with one token.

Source: GitLab Docs, "REST API resources": projects, merge requests, approvals, notes, commit
statuses, branches, members, merge trains.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar
from urllib.parse import quote

import gitlab

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
)
from bot.forges._rate_budget import RateBudget, Urgency
from bot.forges._request_counts import RequestCounts
from bot.forges._setup_check import check_each
from bot.forges.gitlab import merging, oauth, parsing, setup_check, webhooks
from bot.forges.gitlab.contributors import ContributorReader
from bot.forges.gitlab.http import TIMEOUT, Http, ResponseError, project
from bot.forges.gitlab.listing import Listing
from bot.forges.gitlab.statuses import CommitStatuses
from bot.settings import Settings
from planners.model import MergeMethod, Role

NOT_FOUND, CONFLICT = 404, 409
PER_MINUTE, PER_HOUR = 50, 3_000


class GitLabForge:
    """A client of one GitLab instance."""

    name = "gitlab"
    setup: ClassVar[AppSetup | None] = None
    sign_in = staticmethod(oauth.sign_in)
    statuses_for_forks = False
    comment_limit = 900_000
    number_prefix = "!"
    commit_path = "/-/commit/"

    def __init__(
        self,
        url: str,
        token: str,
        webhook_secrets: tuple[bytes, ...],
        clock: Clock,
        ca_file: str = "",
    ) -> None:
        if not webhook_secrets or not all(webhook_secrets):
            raise ValueError("webhook secrets are missing or empty: anyone could sign webhooks")
        self._secrets, self._token, self._clock = webhook_secrets, token, clock
        client = gitlab.Gitlab(
            url,
            private_token=token,
            ssl_verify=ca_file or True,
            timeout=TIMEOUT,
            keep_base_url=True,
            user_agent="switchyard",
        )
        self.request_counts = RequestCounts()
        budget = RateBudget(clock, PER_MINUTE, PER_HOUR)
        self._http = Http(client, clock, budget, self.request_counts)
        self._me: User | None = None
        self._contributors = ContributorReader(self._http, self._my_id)
        self._listing = Listing(self._http, clock)
        self._statuses = CommitStatuses(self._http)

    @classmethod
    def connect(cls, settings: Settings, clock: Clock) -> Forge | None:
        """A client if a token is configured; webhook secrets are then required."""
        if settings.gitlab_token is None:
            return None
        secrets = tuple(
            each.get_secret_value().encode() for each in settings.gitlab_webhook_secrets
        )
        url, token = str(settings.gitlab_url).rstrip("/"), settings.gitlab_token.get_secret_value()
        return cls(url, token, secrets, clock, str(settings.gitlab_ca_file or ""))

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """See the Protocol."""
        return webhooks.verify(headers, body, self._secrets, self._clock())

    def head_ref(self, number: int) -> str:
        """See the Protocol."""
        return f"refs/merge-requests/{number}/head"

    async def me(self) -> User:
        """See the Protocol; cached."""
        if self._me is None:
            found = await self._http.get("/user")
            self._me = parsing.user(found, found["id"])
        return self._me

    async def close(self) -> None:
        """See the Protocol."""
        self._http.client.session.close()

    async def _my_id(self) -> int:
        return (await self.me()).id

    async def check_setup(
        self, repositories: Sequence[str], deploys: Sequence[str], address: str
    ) -> tuple[str, ...]:
        """See the Protocol."""
        projects = partial(setup_check.check_project, self._http)
        webhooks = partial(setup_check.check_webhooks, self._http, deploys, address)
        required = partial(setup_check.check_required_status, self._http)
        return (
            await setup_check.check_token(self._http, self._clock())
            + await check_each(repositories, projects)
            + await check_each(repositories, webhooks)
            + await check_each(deploys, required)
        )

    async def git_credentials(self, repository: str) -> GitCredentials:
        """The token, which is valid for all its repositories."""
        del repository
        return GitCredentials("oauth2", self._token)

    async def repository(self, repository: str) -> RepositoryInfo:
        """See the Protocol."""
        found = await self._http.get(project(repository))
        if found["path_with_namespace"] != repository:
            self._http.moved[project(repository)] = found["path_with_namespace"]
        return RepositoryInfo(
            found["path_with_namespace"],
            found["default_branch"],
            found["http_url_to_repo"],
            found["web_url"],
            found["ssh_url_to_repo"],
        )

    async def role(self, repository: str, login: str) -> Role:
        """See the Protocol; inherited memberships count."""
        return await self._level(project(repository), login)

    async def member(self, team: str, login: str) -> bool:
        """See the Protocol; inherited memberships count."""
        return await self._level(f"/groups/{quote(team, safe='')}", login) > Role.NONE

    async def _level(self, where: str, login: str) -> Role:
        users = await self._http.all("/users", username=login)
        if not users:
            return Role.NONE
        try:
            found = await self._http.get(f"{where}/members/all/{users[0]['id']}")
        except ResponseError as error:
            if error.status == NOT_FOUND:
                return Role.NONE
            raise
        return parsing.role(found["access_level"]) if _active(found) else Role.NONE

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """See the Protocol."""
        known = await self._listing.known(repository, await self._my_id())
        return tuple(
            each
            for each in known.newest_first()
            if state in {"all", each.state} and each.source_branch.startswith(branch_prefix)
        )

    async def changed_requests(
        self, repository: str, since: datetime
    ) -> tuple[ChangedRequest, ...]:
        """See the Protocol."""
        return (await self._listing.known(repository, await self._my_id())).changed(since)

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """See the Protocol."""
        found = await self._http.get(_request(repository, number))
        return parsing.request(repository, found, await self._my_id())

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """See the Protocol."""
        path = f"{project(repository)}/repository/commits/{quote(sha, safe='')}/merge_requests"
        me = await self._my_id()
        found = [parsing.request(repository, each, me) for each in await self._http.all(path)]
        return next((each for each in found if each.merge_sha == sha), None)

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """See the Protocol; an existing one is not an error."""
        path, me = f"{project(repository)}/merge_requests", await self._my_id()
        fields = {
            "source_branch": branch,
            "target_branch": target,
            "title": title,
            "description": body,
            "remove_source_branch": True,
        }
        try:
            return parsing.request(repository, await self._http.post(path, fields), me)
        except ResponseError as error:
            if error.status != CONFLICT:
                raise
            query = {"state": "opened", "source_branch": branch, "target_branch": target}
            known = await self._http.all(path, **query)
            if not known:
                raise
            return parsing.request(repository, known[0], me)

    async def update_merge_request(
        self, repository: str, number: int, *, title: str, body: str
    ) -> None:
        """See the Protocol."""
        await self._http.put(_request(repository, number), {"title": title, "description": body})

    async def set_merge_request_state(self, repository: str, number: int, *, state: str) -> None:
        """See the Protocol; a deleted branch is first restored at the last head."""
        if state == "open":
            request = await self.merge_request(repository, number)
            branches = f"{project(repository)}/repository/branches"
            try:
                await self._http.get(f"{branches}/{quote(request.source_branch, safe='')}")
            except ResponseError as error:
                if error.status != NOT_FOUND:
                    raise
                fields = {"branch": request.source_branch, "ref": request.head}
                await self._http.post(branches, fields)
        event = {"open": "reopen", "closed": "close"}[state]
        await self._http.put(_request(repository, number), {"state_event": event})

    async def merge(
        self,
        repository: str,
        number: int,
        *,
        head: str,
        message: str,
        method: MergeMethod | None = None,
    ) -> Merged | NotMerged:
        """See the Protocol; if the project has merge trains, the request is added to one."""
        options = MergeOptions(head, message, method)
        made = await merging.merge(self._http, project(repository), number, options)
        if isinstance(made, NotMerged):
            return made
        found = parsing.request(repository, made, await self._my_id())
        return (
            Merged(found.merge_sha)
            if found.merge_sha
            else NotMerged("GitLab has not finished the merge")
        )

    def merge_queue_commits(self, branches: Mapping[str, str]) -> Mapping[int, tuple[str, ...]]:
        """See the Protocol; merge trains have no branches."""
        del branches
        return {}

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """See the Protocol."""
        path = _request(repository, number)
        approved = (await self._http.get(f"{path}/approvals"))["approved_by"]
        if not approved:
            return ()
        notes = await self._http.all(f"{path}/notes", sort="asc", order_by="created_at")
        versions = await self._http.all(f"{path}/versions")
        return parsing.approvals(approved, notes, versions, await self._my_id())

    async def request_reviews(self, repository: str, number: int, names: Sequence[str]) -> None:
        """See the Protocol; groups are no reviewers, and one reviewer is all that Free keeps."""
        path = _request(repository, number)
        known = [each["id"] for each in (await self._http.get(path))["reviewers"]]
        able = [each for each in names if await self.role(repository, each) > Role.NONE]
        listed = [await self._http.all("/users", username=each) for each in able]
        others = {*known, await self._my_id()}
        new = [found[0]["id"] for found in listed if found[0]["id"] not in others]
        if new:
            await self._http.put(path, {"reviewer_ids": [*known, *new]})

    async def user(self, repository: str, account: int) -> User | None:
        """See the Protocol."""
        del repository
        try:
            return parsing.user(await self._http.get(f"/users/{account}"), await self._my_id())
        except ResponseError as error:
            if error.status == NOT_FOUND:
                return None
            raise

    async def contributors(self, repository: str, commits: CommitRange) -> Contributors:
        """See the Protocol."""
        return await self._contributors.read(repository, commits)

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """See the Protocol; system notes are excluded."""
        path = f"{_request(repository, number)}/notes"
        me = await self._my_id()
        found = await self._http.all(path, sort="asc", order_by="created_at")
        return tuple(parsing.comment(each, me) for each in found if not each["system"])

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """See the Protocol."""
        path = f"{_request(repository, number)}/notes"
        made = await self._http.post(path, {"body": body}, Urgency.COMMENT)
        return parsing.comment(made, await self._my_id())

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """See the Protocol."""
        path = f"{_request(repository, number)}/notes/{comment}"
        await self._http.put(path, {"body": body}, Urgency.COMMENT)

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """See the Protocol; GitLab rejects a reaction that exists already."""
        path = f"{_request(repository, number)}/notes/{comment}/award_emoji"
        try:
            await self._http.post(path, {"name": reaction.value}, Urgency.REACTION)
        except ResponseError as error:
            if error.status != NOT_FOUND or "taken" not in str(error):
                raise

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        return await self._statuses.read(repository, sha)

    async def checks(self, repository: str, sha: str) -> tuple[Status, ...]:
        """See the Protocol."""
        return await self.statuses(repository, sha)

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """See the Protocol."""
        await self._statuses.write(repository, sha, status)


def _active(member: Mapping[str, Any]) -> bool:
    """Whether a membership is active: not pending or blocked."""
    return bool(member.get("state", "active") == "active")


def _request(repository: str, number: int) -> str:
    return f"{project(repository)}/merge_requests/{number}"


FORGE: ForgeKind = GitLabForge
