"""The values that forge clients take and return; see `bot.forges`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

from planners.model import MergeMethod, UnattributedCommit

ORDER = "switchyard/order"
MAX_COMMIT_RANGE = 250


class ForgeError(Exception):
    """A permanent failure: a retry of the same call cannot succeed."""


class NotFoundError(ForgeError):
    """What was asked for is not there, or no longer, or the bot may not see it."""


class TransientForgeError(ForgeError):
    """The forge is busy or unreachable; retry after `retry_after` seconds.

    `is_limit`: it must not be called before.
    """

    def __init__(self, message: str, retry_after: float = 5.0, *, is_limit: bool = False) -> None:
        super().__init__(message)
        self.retry_after, self.is_limit = retry_after, is_limit

    @classmethod
    def delayed(cls, forge: str, now: datetime, until: datetime) -> "TransientForgeError":
        """A rate limit of the forge delays a request until then."""
        wait = max((until - now).total_seconds(), 1.0)
        message = f"delayed by {forge}'s rate limits until {until:%H:%M:%S} UTC"
        return cls(message, wait, is_limit=True)


class StatusState(StrEnum):
    """The state of a commit status; GitLab's running is PENDING, its canceled is FAILURE."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


class Reaction(StrEnum):
    """A reaction of the bot to a comment with a command."""

    SEEN = "eyes"
    DONE = "rocket"
    REFUSED = "confused"


@dataclass(frozen=True, slots=True)
class User:
    """A user of the forge; `id` never changes, `login` may."""

    id: int
    login: str
    email: str
    bot: bool = False


@dataclass(frozen=True, slots=True)
class CommitRange:
    """The commits of the default branch `branch` up to `head` that are not deployed everywhere yet.

    `parents` maps each commit to its parents, which may be outside. `addresses` are the e-mail
    addresses of authors, committers and co-authors, in lower case. `complete` is False if there
    are more commits than the limit.
    """

    branch: str
    head: str
    parents: Mapping[str, tuple[str, ...]]
    addresses: frozenset[str] = frozenset()
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Contributors:
    """The ids of the accounts with a hand in some commits or their merge requests.

    `unattributed` are the commits for which some account is missing.
    """

    accounts: frozenset[int] = frozenset()
    unattributed: tuple[UnattributedCommit, ...] = ()


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """A repository as the forge describes it; `clone_url` contains no credentials.

    `ssh_url` is used with a deploy key; empty on a forge without SSH.
    """

    path: str
    default_branch: str
    clone_url: str
    web_url: str
    ssh_url: str = ""


@dataclass(frozen=True, slots=True)
class ChangedRequest:
    """When a merge request changed last, and its head."""

    number: int
    at: datetime
    head: str


def last_first(found: Iterable[ChangedRequest]) -> tuple[ChangedRequest, ...]:
    """The same, the one that changed last first."""
    return tuple(sorted(found, key=lambda each: (each.at, each.number), reverse=True))


@dataclass(frozen=True, slots=True)
class Review:
    """An approval of a merge request at head commit `head`."""

    user: User
    head: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ForgeMergeRequest:
    """A merge request as the forge describes it. `state` is open, merged or closed.

    `merge_sha` is its merge commit on the target branch; `source_repository` differs from the
    target's path for a fork. `closed_by` is the login of the user who closed it unmerged.
    `mergeable` is the forge's own merge status, empty if it has none. `behind`: the forge merges it
    only after its branch contains the target branch's head.
    """

    number: int
    title: str
    body: str
    state: str
    source_branch: str
    target_branch: str
    head: str
    author: User
    url: str
    source_repository: str
    labels: tuple[str, ...] = ()
    merge_sha: str | None = None
    closed_by: str | None = None
    conflicts: bool = False
    mergeable: str = ""
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a merge request; `anchor` is its fragment on the page of the merge request."""

    id: int
    author: User
    body: str
    created_at: datetime
    edited: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """A commit status: the newest of its context."""

    context: str
    state: StatusState
    description: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class MergeOptions:
    """How to merge: the expected head, the commit message, and the method (None: the default)."""

    head: str
    message: str
    method: MergeMethod | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The merge request is merged (now or before); `sha` is the merge commit."""

    sha: str


@dataclass(frozen=True, slots=True)
class NotMerged:
    """The forge did not merge it; `reason` is its message. Read the state before a retry."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook, used only as a hint: `repository` and `number` name what changed.

    `repository` is empty for an event that concerns none. `sender` is the login of who caused it,
    empty unless the event is told at once of something that this user did.
    """

    id: str
    event: str
    repository: str
    number: int | None = None
    sender: str = ""


@dataclass(frozen=True, slots=True)
class GitCredentials:
    """For HTTP basic authentication of Git; never part of a URL."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class SetupForm:
    """A form that a browser submits to the forge to register the bot's App."""

    action: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in with a forge by OAuth 2.0: endpoints and client credentials.

    `user` is the URL that returns the user of a token, in the field `login`; `title` is the forge's
    display name.
    """

    title: str
    authorize: str
    token: str
    user: str
    login: str
    client_id: str
    client_secret: SecretStr
    scope: str = ""
    ca_file: Path | None = None
