"""Checks a push before Git, and updates merge requests after it. Called by `git_http`."""

from collections.abc import Sequence

from bot.sandbox.forge.branch_tracking import follow
from bot.sandbox.forge.protection import ZERO, RefUpdate
from bot.sandbox.forge.records import User
from bot.sandbox.forge.state import ForgeState


def refused_refs(
    forge: ForgeState, user: User, path: str, updates: Sequence[RefUpdate]
) -> dict[str, str]:
    """The refs of a push that this user must not update, each with the reason.

    Protected branches require a merge request, or role admin.
    """
    protected = forge.repository(path).protected
    admin = forge.may(user, path, "admin")
    found = {}
    for update in updates:
        if not update.ref.startswith(("refs/heads/", "refs/tags/")):
            found[update.ref] = "only branches and tags can be pushed"
        elif not update.ref.isprintable():
            found[update.ref] = "the name contains unprintable characters"
        elif update.branch in protected and not admin:
            found[update.ref] = "protected branch: open a merge request"
    return found


def pushed(forge: ForgeState, user: User, path: str, updates: Sequence[RefUpdate]) -> None:
    """Update merge requests and send webhooks after Git accepted a push, or parts of it."""
    for update in updates:
        if update.branch is None:
            continue
        now = forge.git.head(path, update.branch) or ZERO
        if now != update.new:
            continue
        forge.record_update(user, path, update.branch, old=update.old, new=update.new)
        follow(forge, user, path, update.branch)
        action = "created" if update.old == ZERO else "updated"
        if update.new == ZERO:
            action = "deleted"
        forge.emit(path, "push", action, user, ref=update.ref)
