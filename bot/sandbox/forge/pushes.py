"""What a push may change, and what follows from it. Called by `git_http` before and after Git."""

from collections.abc import Sequence

from bot.sandbox.forge.following import follow
from bot.sandbox.forge.forge import Forge
from bot.sandbox.forge.protection import ZERO, Command
from bot.sandbox.forge.records import User


def refused_refs(
    forge: Forge, user: User, path: str, commands: Sequence[Command]
) -> dict[str, str]:
    """The refs of a push that this user may not change, with why.

    Protected branches are changed through merge requests, or by role admin.
    """
    protected = forge.repository(path).protected
    admin = forge.may(user, path, "admin")
    found = {}
    for command in commands:
        if not command.ref.startswith(("refs/heads/", "refs/tags/")):
            found[command.ref] = "only branches and tags may be pushed"
        elif not command.ref.isprintable():
            found[command.ref] = "the name has characters that are not shown"
        elif command.branch in protected and not admin:
            found[command.ref] = "protected branch: open a merge request"
    return found


def pushed(forge: Forge, user: User, path: str, commands: Sequence[Command]) -> None:
    """Git has taken a push, or some of it: merge requests follow, and hooks hear of it."""
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
