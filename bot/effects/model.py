"""Writes of the shell as data: to a forge, to a branch, to the queue. Performed by `perform`.

What the core decides for a rollout (branches, merge requests, order statuses, merges) has its own
effects in `planners/gating/effects.py`; `apply` performs those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from bot.forges import Comment, Reaction, Status
from bot.gather.pauses import Paused
from bot.gather.repository import Checkout
from bot.wording.suggestions import ChangeOrigin
from planners.model import Repo


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a text may change: once per `every` while it stays of the same `kind`.

    `key` names the text. The writer remembers it in this process alone: losing it costs one write.
    A text that is `absent` is written at once.
    """

    key: tuple[str, ...]
    kind: str
    every: timedelta
    absent: bool = False


@dataclass(frozen=True, slots=True)
class AddComment:
    """A new comment on a merge request."""

    repo: Repo
    number: int
    body: str
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class RequestApproval:
    """Requests of reviews on a merge request, and the comment that says what for.

    They are one effect, as the marker in the comment is what tells that they were made.
    """

    repo: Repo
    number: int
    reviewers: tuple[str, ...]
    body: str
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class EditComment:
    """A new text for a comment of the bot."""

    repo: Repo
    number: int
    comment: int
    body: str
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class ReplyTarget:
    """The part of a comment that is replied to: `said` is the digest of one command line.

    `application` is who replies, empty where any application would say the same. A comment that is
    `edited` reads other than its author wrote it.
    """

    repo: Repo
    number: int
    comment: Comment
    said: str
    application: str = ""
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A comment that answers another one; nothing where the forge has this reply already."""

    target: ReplyTarget
    text: str


@dataclass(frozen=True, slots=True)
class React:
    """A reaction under a comment; nothing waits for it, and a comment that is gone gets none."""

    repo: Repo
    number: int
    comment: int
    reaction: Reaction

    @property
    def key(self) -> tuple[str, ...]:
        """Names this reaction among everything that is paced."""
        return ("reaction", str(self.repo), str(self.number), str(self.comment), self.reaction)


@dataclass(frozen=True, slots=True)
class SetStatus:
    """A commit status."""

    repo: Repo
    commit: str
    status: Status
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class WritePauses:
    """The branch of a deploy repo that says what is paused."""

    checkout: Checkout
    paused: Paused


@dataclass(frozen=True, slots=True)
class RetryMerge:
    """The next pass asks the forge again to merge a merge request that it refused."""

    repo: Repo
    number: int


@dataclass(frozen=True, slots=True)
class Wake:
    """Keys of the queue that are due now."""

    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class ProposeChange:
    """A merge request in a repository that people own: one branch, one commit, never merged by us.

    `name` names the change in its branch, so that the same request finds the same branch. `files`
    maps paths to their new bytes, or None. `consequences` says what follows from the merge.
    """

    checkout: Checkout
    name: str
    title: str
    consequences: str
    files: Mapping[str, bytes | None]
    origin: ChangeOrigin


Effect: TypeAlias = (
    AddComment
    | RequestApproval
    | EditComment
    | Reply
    | React
    | SetStatus
    | WritePauses
    | RetryMerge
    | Wake
)
