"""Slash commands: one file each, exporting `COMMAND`.

A command that steers returns facts, which the record keeps and the next pass reads; it changes
nothing itself. A command that tells returns words. Either may raise RefusedError.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot import pausing
from bot.core import Proposal
from bot.gather.snapshot import Gathered
from bot.shell import Shell
from bot.slash import Argument, Verb
from bot.slash import Command as Words
from planners.gate import Standing
from planners.model import Role

TARGET = Argument("target", summary="A wave or a cluster; every wave without.", required=False)


class RefusedError(Exception):
    """The command cannot be obeyed; the text says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it was given, and the rollout it is about.

    `wave` is the wave of the merge request on which it was given, empty on the app's own. On a
    `preview` the revision is not merged yet. `key` is what no other command has.
    """

    shell: Shell
    gathered: Gathered
    proposal: Proposal
    words: Words
    by: str
    wave: str = ""
    preview: bool = False
    key: str = ""

    def target(self, name: str = "target") -> str:
        """The first argument of that name, or the wave of the merge request it stands on."""
        return self.words.first(name, str) or self.wave

    def standings(self, target: str) -> tuple[Standing, ...]:
        """The waves that a target names: one by its name, those of a cluster, or with none all.

        Raises:
            RefusedError: there is no such wave or cluster, or no plan.
        """
        for problem in self.proposal.problems:
            raise RefusedError(f"there is no plan: {problem}")
        every = self.proposal.decision.standings
        found = tuple(
            each for each in every if target in {"", each.change.wave.name, *each.change.clusters}
        )
        if not found and target:
            names = ", ".join(each.change.wave.name for each in every[:20])
            raise RefusedError(f"there is no wave or cluster {target}; waves: {names}")
        return found

    async def pause(self, target: str, reason: str | None) -> None:
        """Pause a tenant or cluster, or without a reason resume it. Raises PauseError."""
        await pausing.tell(self.shell, pausing.Telling(self.key, self.by, target, reason))

    def retry(self, number: int) -> None:
        """Ask the forge again, at once, to merge a merge request that it refused."""
        self.shell.refused.pop((self.gathered.deploy.repo, number), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """`words` are said in a comment, if any; `facts` go into the record."""

    words: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


class Command(Protocol):
    """One slash command; `name` is its verb's, `role` the least that may give it.

    The role is that in the deploy repo for one that steers, in the repo of the comment for others.
    """

    name: str
    verb: Verb
    role: Role
    steers: bool

    async def run(self, call: Call) -> Answer:
        """Obey, or raise RefusedError."""
