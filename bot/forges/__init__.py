"""Forge clients: one package per kind of forge, each exporting `FORGE: ForgeKind`.

The shell uses every forge only through the Protocol below. All calls are idempotent by a key that
the forge itself enforces (head branch, head commit, context), so that a repeated or interrupted
pass is harmless. No decision is made here, and no text of Switchyard's own is composed here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bot.clock import Clock
from bot.forges._certificates import certificate_error, ssl_context
from bot.forges._fenced import Fence, Unfenced, fenced
from bot.forges._markers import Markers
from bot.forges._memory import Answers, UnknownAnswerError
from bot.forges._patience import Pause, patient
from bot.forges._request_counts import RequestCounts
from bot.forges._values import (
    MAX_COMMIT_RANGE,
    ORDER,
    ChangedRequest,
    Comment,
    CommitRange,
    Contributors,
    Delivery,
    ForgeError,
    ForgeMergeRequest,
    GitCredentials,
    Merged,
    MergeOptions,
    NotFoundError,
    NotMerged,
    Reaction,
    RepositoryInfo,
    Review,
    SetupForm,
    SignIn,
    Status,
    StatusState,
    TransientForgeError,
    User,
)
from bot.settings import Settings
from planners.model import MergeMethod, Role

__all__ = [
    "MAX_COMMIT_RANGE",
    "ORDER",
    "Answers",
    "AppSetup",
    "ChangedRequest",
    "Comment",
    "CommitRange",
    "Contributors",
    "Delivery",
    "Fence",
    "Forge",
    "ForgeError",
    "ForgeKind",
    "ForgeMergeRequest",
    "GitCredentials",
    "Markers",
    "MergeOptions",
    "Merged",
    "NotFoundError",
    "NotMerged",
    "Pause",
    "Reaction",
    "RepositoryInfo",
    "RequestCounts",
    "Review",
    "SetupForm",
    "SignIn",
    "Status",
    "StatusState",
    "TransientForgeError",
    "Unfenced",
    "UnknownAnswerError",
    "User",
    "certificate_error",
    "fenced",
    "patient",
    "ssl_context",
]


class AppSetup(Protocol):
    """How the bot's App is registered on the pages of the forge."""

    def installed_at(self, settings: Settings) -> str | None:
        """The page to install the App on repositories; None if it is not registered yet."""

    def form(self, settings: Settings, state: str, owner: str) -> SetupForm:
        """The form that registers the App; `owner` is an organisation, or empty for the user."""

    async def finish(self, settings: Settings, code: str) -> None:
        """Exchange the returned code for the App's keys, and store them."""


class ForgeKind(Protocol):
    """A kind of forge, which creates a client from the settings."""

    name: str
    setup: AppSetup | None

    def connect(self, settings: Settings, clock: Clock) -> "Forge | None":
        """A client, or None if the settings do not configure this kind."""

    def sign_in(self, settings: Settings) -> SignIn | None:
        """How people sign in with this forge; None if that is not configured."""


class Forge(Protocol):
    """A client of one forge, authenticated as the bot."""

    @property
    def name(self) -> str:
        """The prefix of its repositories, such as `local`."""

    @property
    def request_counts(self) -> RequestCounts:
        """The requests that it has sent."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Verify a webhook's signature over the exact bytes and parse it; None if not authentic.

        `headers` has lower-case names. Never raises, whatever is sent.
        """

    @property
    def comment_limit(self) -> int:
        """The maximum length of a comment in UTF-16 code units, with a margin."""

    @property
    def number_prefix(self) -> str:
        """The character before the number of a merge request: `#` or `!`."""

    @property
    def commit_path(self) -> str:
        """The part of a commit's address between those of its repository and its id."""

    @property
    def statuses_for_forks(self) -> bool:
        """Whether statuses can be set on the head of a merge request from a fork."""

    def head_ref(self, number: int) -> str:
        """The Git ref of a merge request's head in its target repository."""

    async def me(self) -> User:
        """The user the bot acts as."""

    async def close(self) -> None:
        """Close all connections; the client must not be used afterwards."""

    async def check_setup(
        self, repositories: Sequence[str], deploys: Sequence[str], address: str
    ) -> tuple[str, ...]:
        """Check and repair webhooks, whose URL is `address`; returns what people must correct.

        `deploys` are the repositories whose default branch must require the status `ORDER`.
        """

    async def git_credentials(self, repository: str) -> GitCredentials:
        """Credentials to fetch from and push to that repository now."""

    async def repository(self, repository: str) -> RepositoryInfo:
        """One repository. Raises ForgeError if it does not exist or is not visible."""

    async def role(self, repository: str, login: str) -> Role:
        """The role of a user in that repository."""

    async def member(self, team: str, login: str) -> bool:
        """Whether a user is a member of a team (GitHub: `org/team`) or group (GitLab)."""

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """Merge requests, newest first. `state` is open, merged, closed or all."""

    async def changed_requests(
        self, repository: str, since: datetime
    ) -> tuple[ChangedRequest, ...]:
        """Merge requests, of any state, that changed since then, the last one first.

        A comment is a change. Costs what a listing costs.
        """

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """One merge request."""

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """The merged merge request whose merge commit on the target branch is `sha`."""

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """Open a merge request, or return the open one of that branch unchanged."""

    async def update_merge_request(
        self, repository: str, number: int, *, title: str, body: str
    ) -> None:
        """Set title and body."""

    async def set_merge_request_state(self, repository: str, number: int, *, state: str) -> None:
        """Close (`closed`) or reopen (`open`)."""

    async def merge(
        self,
        repository: str,
        number: int,
        *,
        head: str,
        message: str,
        method: MergeMethod | None = None,
    ) -> Merged | NotMerged:
        """Merge only if the head is still `head`; `method` None is the repository's default."""

    def merge_queue_commits(self, branches: Mapping[str, str]) -> Mapping[int, tuple[str, ...]]:
        """The commits under test in a merge queue, by number of the merge request.

        `branches` maps the repository's branch names to their heads.
        """

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """The current approvals, at most one per user."""

    async def request_reviews(self, repository: str, number: int, names: Sequence[str]) -> None:
        """Request reviews of users and teams, besides those that are requested already.

        Whom the forge does not accept as a reviewer there is left out: a name that nobody has,
        somebody who may not read the repository, the author, a team where teams are none.
        """

    async def user(self, repository: str, account: int) -> User | None:
        """The user with that id, under its present login, asked with the access to `repository`.

        None if there is none.
        """

    async def contributors(self, repository: str, commits: CommitRange) -> Contributors:
        """Everybody with a hand in these commits: who wrote, committed, pushed, proposed or merged.

        Told by the forge's own accounts, never by what commits say of themselves: anybody can write
        another's name and address there. Commits for which that is not known are listed.
        """

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """All comments, oldest first."""

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """Post a comment."""

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """Replace the text of one of the bot's comments."""

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """Add a reaction to a comment."""

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """The newest status of each context on that commit."""

    async def checks(self, repository: str, sha: str) -> tuple[Status, ...]:
        """All that was reported on that commit: statuses, and check runs where a forge has them.

        The newest of each name; several of one name if several apps report it.
        """

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """Set the status of a context on a commit."""
