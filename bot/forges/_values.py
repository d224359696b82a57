"""What forges are asked and answer, as values; see `bot.forges`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from pydantic import SecretStr

ORDER = "switchyard/order"


class ForgeError(Exception):
    """A forge refused for good: retrying the same call cannot help."""


class TransientForgeError(ForgeError):
    """A forge is busy or unreachable; the same call may work after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: float = 5.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @classmethod
    def delayed(cls, forge: str, now: datetime, until: datetime) -> "TransientForgeError":
        """A forge's limits hold something up until then."""
        wait = max((until - now).total_seconds(), 1.0)
        return cls(f"delayed by {forge}'s limits until {until:%H:%M:%S} UTC", wait)


class StatusState(StrEnum):
    """A commit status; GitLab's running is PENDING, its canceled is FAILURE."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"


class Reaction(StrEnum):
    """What the bot puts under a comment that speaks to it."""

    SEEN = "eyes"
    DONE = "rocket"
    REFUSED = "confused"


@dataclass(frozen=True, slots=True)
class User:
    """Somebody on the forge; `id` never changes, `login` may."""

    id: int
    login: str
    email: str
    bot: bool = False


@dataclass(frozen=True, slots=True)
class RepositoryInfo:
    """A repository as the forge describes it; `clone_url` holds no credentials.

    `ssh_url` is where a deploy key leads, empty on a forge without SSH.
    """

    path: str
    default_branch: str
    clone_url: str
    web_url: str
    ssh_url: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """An approval of a merge request as it stood at commit `head`."""

    user: User
    head: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ForgeMergeRequest:
    """A merge request as the forge tells it. `state` is open, merged or closed.

    `merge_sha` is the commit on the target branch that brought it in; `source_repository` differs
    from the target's path for a fork. `closed_by` is the login of who closed it unmerged.
    `mergeable` is the forge's own word for how merging stands, empty where it has none.
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


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a merge request; `anchor` is where it stands on that one's page."""

    id: int
    author: User
    body: str
    created_at: datetime
    edited: bool = False
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """One commit status: the newest of its context."""

    context: str
    state: StatusState
    description: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Merged:
    """The merge happened (now or before); `sha` is the commit on the target branch."""

    sha: str


@dataclass(frozen=True, slots=True)
class NotMerged:
    """The forge would not merge it; `reason` in its words. Look again, never repeat."""

    reason: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """A verified webhook: only a hint. `repository` and `number` name what to look at again.

    An event that is about no repository has an empty one.
    """

    id: str
    event: str
    repository: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class GitCredentials:
    """For HTTP basic authentication of Git; never part of a URL."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class SetupForm:
    """A form that a browser sends to the forge, to make the bot's App there."""

    action: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SignIn:
    """How people sign in at a forge, by OAuth 2.0: addresses, and the bot's application there.

    `user` tells whose a token is, in the field `login`; `title` is the forge's name in sentences.
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
