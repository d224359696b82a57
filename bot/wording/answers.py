"""Replies to commands that are refused or fail."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.wording.markdown import code, link
from bot.wording.prose import Prose, join, say

MOST_NAMED = 5
CLOSED = {
    "merged": "a newer revision replaced this rollout",
    "wave": "this wave is already merged",
    "closed": "this merge request is closed and controls no rollout",
}


def available_after_merge(verb: str, available: Sequence[str]) -> Prose:
    """A command that acts, on a merge request that is still open; `available` are those now."""
    return say(
        "{} is available after this merge request is merged. Available now: {}",
        verb,
        ", ".join(available),
    )


def edited() -> Prose:
    """A command in a comment that was edited: nobody can tell who edited it."""
    return say("edited comments cannot issue commands. Post a new comment")


def outdated() -> Prose:
    """A command on a wave, given before the current revision was merged."""
    return say("another revision was merged after you commented. Review it and comment again")


@dataclass(frozen=True, slots=True)
class MissingRole:
    """A command whose author lacks a role; `users` and `teams` are known to have it."""

    verb: str
    role: str
    repo: str
    actual: str
    users: Sequence[str]
    teams: Sequence[str]

    def text(self) -> Prose:
        """Which role is missing, where, and who can give the command."""
        users = [say("{}", user) for user in self.users[:MOST_NAMED]]
        teams = [say("a member of {} with that role", team) for team in self.teams[:MOST_NAMED]]
        others = say("anyone with that role")
        able = [*users, *teams]
        who = say("{} or {}", join(", ", able), others) if able else others
        return say(
            "{} requires role {} on {}; you have role {}. It can be given by {}",
            self.verb,
            self.role,
            self.repo,
            self.actual,
            who,
        )


def log_full() -> Prose:
    """The command log has no room for another entry."""
    return say(
        "the command log of this merge request is full. Use the label {} and the forge's own "
        "approvals, or merge a new revision",
        "switchyard/hold",
    )


def failed(text: str, reference: str) -> str:
    """The command raised an error; the service's log has more under the reference."""
    why = f": {code(text, 300)}." if text else "."
    return (
        f"Failed, and not retried{why} To try again, post the command again. The service's log has "
        f"details under {code(reference)}."
    )


def refused_on_closed(state: str, current: tuple[str, str] | None) -> str:
    """Any command on a merge request that is closed, or whose rollout another one replaced.

    `current` is the name and address of the merge request that controls the application's rollout.
    """
    where = "No merge request controls the current rollout, so it takes no commands"
    if current is not None:
        name, address = current
        where = f"Post commands on {link(name, address)}"
    return f"Refused: {CLOSED[state]}. {where}."
