"""Checks a push before Git, and updates merge requests after it. Called by `git_http`."""

from collections.abc import Sequence

from bot.sandbox.forge.branch_tracking import follow
from bot.sandbox.forge.forge import Forge
from bot.sandbox.forge.protection import ZERO, Command
from bot.sandbox.forge.records import User


def refused_refs(
    forge: Forge, user: User, path: str, commands: Sequence[Command]
) -> dict[str, str]:
    """The refs of a push that this user must not update, each with the reason.

    Protected branches require a merge request, or role admin.
    """
    protected = forge.repository(path).protected
    admin = forge.may(user, path, "admin")
    found = {}
    for command in commands:
        if not command.ref.startswith(("refs/heads/", "refs/tags/")):
            found[command.ref] = "only branches and tags can be pushed"
        elif not command.ref.isprintable():
            found[command.ref] = "the name contains unprintable characters"
        elif command.branch in protected and not admin:
            found[command.ref] = "protected branch: open a merge request"
    return found


def pushed(forge: Forge, user: User, path: str, commands: Sequence[Command]) -> None:
    """Update merge requests and send webhooks after Git accepted a push, or parts of it."""
    for command in commands:
        if command.branch is None:
            continue
        now = forge.git.head(path, command.branch) or ZERO
        if now != command.new:
            continue
        follow(forge, user, path, command.branch)
        action = "created" if command.old == ZERO else "updated"
        if command.new == ZERO:
            action = "deleted"
        forge.emit(path, "push", action, user, ref=command.ref)
