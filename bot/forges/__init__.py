"""Forges: where repositories, merge requests and people are; one file each, exporting `FORGE`.

The shell speaks to every forge through the Protocol below and knows nothing else of it. All calls
are idempotent by a key that the forge itself enforces (head branch, head commit, context), so that
a repeated or half-finished pass does no harm.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bot.clock import Clock
from bot.forges._certificates import certificate_error, ssl_context
from bot.forges._values import (
    ORDER,
    Comment,
    Delivery,
    ForgeError,
    ForgeMergeRequest,
    GitCredentials,
    Merged,
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
    "ORDER",
    "AppSetup",
    "Comment",
    "Delivery",
    "Forge",
    "ForgeError",
    "ForgeKind",
    "ForgeMergeRequest",
    "GitCredentials",
    "Merged",
    "NotMerged",
    "Reaction",
    "RepositoryInfo",
    "Review",
    "SetupForm",
    "SignIn",
    "Status",
    "StatusState",
    "TransientForgeError",
    "User",
    "certificate_error",
    "ssl_context",
]


class AppSetup(Protocol):
    """How the bot's App is made at a forge by its own pages."""

    def installed_at(self, settings: Settings) -> str | None:
        """The page where it is installed on repositories; None while there is none."""

    def form(self, settings: Settings, state: str, owner: str) -> SetupForm:
        """What the browser sends; `owner` is an organisation, or empty for the user's own."""

    async def finish(self, settings: Settings, code: str) -> None:
        """Turn the code that came back into keys, and keep them."""


class ForgeKind(Protocol):
    """A kind of forge, made into a client when the settings name one."""

    name: str
    setup: AppSetup | None

    def connect(self, settings: Settings, clock: Clock) -> "Forge | None":
        """A client, or None when the settings say nothing of this kind."""

    def sign_in(self, settings: Settings) -> SignIn | None:
        """How people sign in there, or None while they cannot."""


class Forge(Protocol):
    """One forge, as one user (the bot)."""

    @property
    def name(self) -> str:
        """The name repositories carry before the colon, such as `local`."""

    def verify(self, headers: Mapping[str, str], body: bytes) -> Delivery | None:
        """Check a webhook's signature over the exact bytes, then read it; None: not authentic.

        `headers` has lower-case names. Never raises for anything a stranger can send.
        """

    @property
    def comment_limit(self) -> int:
        """How long a comment may be, in UTF-16 code units, with room to spare."""

    @property
    def number_prefix(self) -> str:
        """What people write before the number of a merge request."""

    @property
    def statuses_for_forks(self) -> bool:
        """Whether a status can be set on the head of a merge request from a fork."""

    def head_ref(self, number: int) -> str:
        """The Git ref of a merge request's head in its target repository."""

    async def me(self) -> User:
        """The user the bot acts as."""

    async def close(self) -> None:
        """Let go of connections; it is not asked anything after this."""

    async def check_setup(
        self, repositories: Sequence[str], deploys: Sequence[str], address: str
    ) -> tuple[str, ...]:
        """Mend webhooks, which go to `address`; returns what only people can put right.

        `deploys` are those of the repositories whose default branch must require `ORDER`.
        """

    async def git_credentials(self, repository: str) -> GitCredentials:
        """Credentials that can fetch and push that repository now."""

    async def repository(self, repository: str) -> RepositoryInfo:
        """One repository. Raises ForgeError when it is not there or not visible."""

    async def role(self, repository: str, login: str) -> Role:
        """What that user may do there."""

    async def member(self, team: str, login: str) -> bool:
        """Whether that user is in a team (GitHub: `org/team`) or group (GitLab)."""

    async def merge_requests(
        self, repository: str, *, state: str = "open", branch_prefix: str = ""
    ) -> tuple[ForgeMergeRequest, ...]:
        """Merge requests, newest first. `state` is open, merged, closed or all."""

    async def merge_request(self, repository: str, number: int) -> ForgeMergeRequest:
        """One merge request."""

    async def merge_request_of(self, repository: str, sha: str) -> ForgeMergeRequest | None:
        """The merged merge request that brought commit `sha` onto its target branch."""

    async def open_merge_request(
        self, repository: str, *, branch: str, target: str, title: str, body: str
    ) -> ForgeMergeRequest:
        """Open it, or return the open one of that branch (title and body are then left alone)."""

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
        """Merge only if the head is still `head`; without a method, as the repository has it."""

    def merge_queue_commits(self, branches: Mapping[str, str]) -> Mapping[int, tuple[str, ...]]:
        """Of branches (name -> head), those on which a merge queue tries merge requests.

        Returns the commits by the number of the merge request.
        """

    async def reviews(self, repository: str, number: int) -> tuple[Review, ...]:
        """Approvals in force, one per user at the most."""

    async def authors(self, repository: str, number: int) -> frozenset[str]:
        """Logins of who opened a merge request, and of who wrote its commits, as far as is told."""

    async def comments(self, repository: str, number: int) -> tuple[Comment, ...]:
        """All comments, oldest first."""

    async def add_comment(self, repository: str, number: int, body: str) -> Comment:
        """Write a comment."""

    async def edit_comment(self, repository: str, number: int, comment: int, body: str) -> None:
        """Replace a comment of ours."""

    async def react(self, repository: str, number: int, comment: int, reaction: Reaction) -> None:
        """Put a reaction under a comment."""

    async def statuses(self, repository: str, sha: str) -> tuple[Status, ...]:
        """The newest status of each context on that commit."""

    async def set_status(self, repository: str, sha: str, status: Status) -> None:
        """Set the status of a context on a commit."""
