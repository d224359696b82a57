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
from bot.chatops.parser import Argument, ParsedCommand, Verb
from bot.commandlog.entry import StandingEffect
from bot.context import Context
from bot.documents.edits import EditRefusedError
from bot.effects.model import Effect, ProposeChange, RetryMerge
from bot.effects.propose_change import ChangeRefusedError
from bot.engine.propose import Proposal
from bot.forges import Comment
from bot.gather.repository import Checkout
from bot.gather.snapshot import Gathered
from bot.wording.suggestions import Asked
from planners.gating.evaluate import WaveStatus
from planners.model import Repo, Role

TARGET = Argument("target", summary="A wave or a cluster; every wave without.", required=False)


class RefusedError(Exception):
    """The command cannot be obeyed; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was given, and the rollout it is about.

    `wave` is the wave of the merge request on which it was given, empty on the app's own; `number`
    is that merge request's, `comment` what was written there. On a `preview` the revision is not
    merged yet. `key` is what no other command has.
    """

    context: Context
    gathered: Gathered
    proposal: Proposal
    parsed: ParsedCommand
    by: str
    wave: str
    number: int
    comment: Comment
    preview: bool = False
    key: str = ""

    def text(self, name: str) -> str:
        """An argument or option that is text; empty where it was not given."""
        return self.parsed.first(name, str) or ""

    def until(self, name: str) -> datetime | None:
        """A time that was given, or the end of a duration that began with the comment."""
        at = self.parsed.first(name, datetime)
        after = self.parsed.first(name, timedelta)
        return at if after is None else self.comment.created_at + after

    def target(self, name: str = "target") -> str:
        """The first argument of that name, or the wave of the merge request it stands on."""
        return self.parsed.first(name, str) or self.wave

    def wave_statuses(self, target: str) -> tuple[WaveStatus, ...]:
        """The waves that a target names: one by its name, those of a cluster, or with none all.

        Raises:
            RefusedError: there is no such wave or cluster, or no plan.
        """
        for problem in self.proposal.problems:
            raise RefusedError(f"there is no plan: {problem}")
        every = self.proposal.evaluation.wave_statuses
        found = tuple(
            each for each in every if target in {"", each.change.wave.name, *each.change.clusters}
        )
        if not found and target:
            names = ", ".join(each.change.wave.name for each in every[:20])
            raise RefusedError(f"there is no wave or cluster {target}; waves: {names}")
        return found

    async def pauses(self, target: str, reason: str | None) -> tuple[Effect, ...]:
        """What pauses a tenant or cluster, or without a reason resumes it.

        Raises:
            PauseError: it is so already, or it may not be done.
        """
        forge = self.gathered.deploy.repo.forge
        request = pauses.PauseRequest(self.key, forge, self.by, target, reason)
        return await pauses.pause_effects(self.context, request)

    def retry(self, number: int) -> Effect:
        """What asks the forge again, at once, to merge a merge request that it refused."""
        return RetryMerge(self.gathered.deploy.repo, number)


@dataclass(frozen=True, slots=True)
class Answer:
    """`words` are said in a comment, if any; `facts` go into the command log.

    `effects` are performed before either; `change` is a merge request in a repository that people
    own, whose link becomes the answer.
    """

    words: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    change: ProposeChange | None = None


class Changes(StrEnum):
    """Whose repository a command suggests to change."""

    FLEET = "fleet"
    APP = "app"


class Command(Protocol):
    """One slash command; `name` is its verb's, `role` the least that may give it.

    The role is that in the deploy repo for one that steers, in the repo of the comment for others.
    """

    name: str
    verb: Verb
    role: Role
    is_action: bool

    async def run(self, call: Call) -> Answer:
        """Obey, or raise RefusedError."""


@runtime_checkable
class StandingCommand(Command, StandingEffect, Protocol):
    """A command that acts as long as its entry is in the log, as a hold does."""


@runtime_checkable
class Intent(Protocol):
    """A command that suggests to change what people wrote; its role is that in that repository."""

    changes: Changes


def judged_in(command: Command, gathered: Gathered, context: Context, place: Repo) -> Repo:
    """The repository in which the author of a command needs its role; `place` is the comment's.

    Raises:
        RefusedError: it is on another forge, where the same login may be somebody else.
    """
    repo = gathered.deploy.repo if command.is_action else place
    if isinstance(command, Intent):
        repo = context.fleet if command.changes is Changes.FLEET else gathered.app.repo
    if repo.forge != place.forge:
        raise RefusedError(
            f"{repo} is on another forge than this comment, so that nobody knows who you are "
            f"there: comment on a merge request of this rollout on {repo.forge}, or act there"
        )
    return repo


@contextmanager
def refusals() -> Iterator[None]:
    """What cannot be edited or proposed is refused to whoever asked for it."""
    try:
        yield
    except (EditRefusedError, ChangeRefusedError) as error:
        raise RefusedError(str(error)) from error


def proposes(call: Call, checkout: Checkout, change: IntentChange, target: str) -> Answer:
    """The answer that proposes a change of `target`, by a merge request."""
    gathered, comment = call.gathered, call.comment
    assert gathered.app_request is not None, "a command that acts has a command log"
    pages = {each.number: each.url for each in gathered.snapshot.merge_requests}
    page = pages[call.number] if call.wave else gathered.app_request.url
    reason, url = call.text("reason"), f"{page}#{comment.anchor}"
    asked = Asked(call.by, comment.author.email, comment.created_at, url, reason)
    effect = ProposeChange(
        checkout, change.name, change.title, change.consequences, change.files, asked
    )
    return Answer(facts={"target": target, "reason": reason}, change=effect)
