"""Slash commands: one file each, exporting `COMMAND`.

A command returns an answer and changes nothing itself. One that acts has facts for the command log,
which this pass and the next ones read, and may have effects. One that changes intent proposes an
edit of the fleet repo or the app repo by a merge request. Any other has words. Each may raise
RefusedError.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from bot.chatops import pauses
from bot.chatops.intents import IntentChange
from bot.chatops.parser import Argument, Kind, ParsedCommand, Verb
from bot.commandlog.entry import StandingEffect
from bot.context import Context
from bot.documents.edits import EditRefusedError
from bot.effects.intent_requests import ChangeRefusedError
from bot.effects.model import Effect, ProposeChange, RetryMerge
from bot.engine.propose import Proposal
from bot.forges import Comment
from bot.gather.repository import Checkout
from bot.gather.snapshot import Gathered
from bot.wording.prose import ProseError, say
from bot.wording.suggestions import ChangeOrigin
from planners.gating.evaluate import WaveStatus
from planners.model import Repo, Role

TARGET = Argument(
    "target", Kind.NAME, summary="Wave or cluster. Default: all waves.", required=False
)

HEAD = Argument(
    "commit",
    summary="On a merge request from a fork: the full id of the commit that you reviewed.",
    required=False,
)


class RefusedError(ProseError):
    """The command is refused; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command line, and the rollout that it is about.

    `account` is that of who gave it (see `planners.model.account_id`), `by` its login.
    `number` is the merge request of the `comment`; `wave` is its wave, empty on the app merge
    request. On a `preview` the revision is not merged yet. `key` is unique to this command line.
    """

    context: Context
    gathered: Gathered
    proposal: Proposal
    parsed: ParsedCommand
    by: str
    account: str
    wave: str
    number: int
    comment: Comment
    preview: bool = False
    key: str = ""

    def text(self, name: str) -> str:
        """The value of a text argument or option; empty if it was not given."""
        return self.parsed.first(name, str) or ""

    def until(self, name: str) -> datetime | None:
        """The given time, or the end of the given duration from the time of the comment."""
        at = self.parsed.first(name, datetime)
        after = self.parsed.first(name, timedelta)
        return at if after is None else self.comment.created_at + after

    def target(self, name: str = "target") -> str:
        """The argument of that name; by default the wave of the merge request of the comment."""
        return self.parsed.first(name, str) or self.wave

    def wave_statuses(self, target: str) -> tuple[WaveStatus, ...]:
        """The waves of a target: the wave of that name, those of a cluster; all if it is empty.

        Raises:
            RefusedError: the wave or cluster is unknown, or there is no plan.
        """
        for problem in self.proposal.problems:
            raise RefusedError(say("there is no plan: {}", str(problem)))
        every = self.proposal.evaluation.wave_statuses
        found = tuple(
            each for each in every if target in {"", each.change.wave.name, *each.change.clusters}
        )
        if not found and target:
            names = ", ".join(each.change.wave.name for each in every[:20])
            raise RefusedError(say("unknown wave or cluster {}; waves: {}", target, names))
        return found

    async def pauses(self, target: str, reason: str | None) -> tuple[Effect, ...]:
        """The effects that pause a tenant or cluster, or without a reason resume it.

        Raises:
            PauseError: it is already so, or the author may not do it.
        """
        forge = self.gathered.deploy.repo.forge
        request = pauses.PauseRequest(self.key, forge, self.by, target, reason)
        return await pauses.pause_effects(self.context, request)

    def retry(self, number: int) -> Effect:
        """The effect that retries a merge which the forge refused, without waiting."""
        return RetryMerge(self.gathered.deploy.repo, number)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a command: `words` for a reply, if any, and `facts` for the command log.

    `effects` are performed before either; `change` is a merge request in a repository that people
    own, whose link becomes the reply.
    """

    words: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    change: ProposeChange | None = None


class Changes(StrEnum):
    """The repository in which an intent command proposes its change."""

    FLEET = "fleet"
    APP = "app"


class Command(Protocol):
    """One slash command; `name` is the name of its verb, `role` the least role that may use it.

    With `is_action` it acts on the rollout: it is logged and refused on a preview, and the role is
    that in the deploy repo. Others only reply; their role is that in the repo of the comment.
    """

    name: str
    verb: Verb
    role: Role
    is_action: bool

    async def run(self, call: Call) -> Answer:
        """Execute the command, or raise RefusedError."""


@runtime_checkable
class StandingCommand(Command, StandingEffect, Protocol):
    """A command that stays in effect while its entry is in the command log, such as a hold."""


@runtime_checkable
class Intent(Protocol):
    """A command that proposes a change of documents; its role is that in their repository."""

    changes: Changes


def judged_in(command: Command, gathered: Gathered, context: Context, place: Repo) -> Repo:
    """The repository in which the author needs the command's role; `place` is the comment's.

    Raises:
        RefusedError: it is on another forge, where the same login may belong to somebody else.
    """
    repo = gathered.deploy.repo if command.is_action else place
    if isinstance(command, Intent):
        repo = context.fleet if command.changes is Changes.FLEET else gathered.app.repo
    if repo.forge != place.forge:
        raise RefusedError(
            say(
                "{} is on another forge, where your account is unknown: comment on a merge "
                "request of this rollout on {}, or make the change there yourself",
                str(repo),
                repo.forge,
            )
        )
    return repo


@contextmanager
def refusals() -> Iterator[None]:
    """Turns edits and changes that are not possible into refusals."""
    try:
        yield
    except ChangeRefusedError as error:
        raise RefusedError(error.text) from error
    except EditRefusedError as error:
        raise RefusedError(str(error)) from error


def proposes(call: Call, checkout: Checkout, change: IntentChange, target: str) -> Answer:
    """The answer that proposes a change of `target`, by a merge request."""
    gathered, comment = call.gathered, call.comment
    assert gathered.app_request is not None, "a command that acts has a command log"
    pages = {each.number: each.url for each in gathered.snapshot.merge_requests}
    page = pages[call.number] if call.wave else gathered.app_request.url
    reason, url = call.text("reason"), f"{page}#{comment.anchor}"
    origin = ChangeOrigin(call.by, comment.author.email, comment.created_at, url, reason)
    effect = ProposeChange(
        checkout, change.name, change.title, change.consequences, change.files, origin
    )
    return Answer(facts={"target": target, "reason": reason}, change=effect)
