"""Updates merge requests after changes of their branches: new heads, deletions, merges."""

from bot.sandbox.forge.records import MergeRequest, User
from bot.sandbox.forge.state import ForgeState


def follow(forge: ForgeState, user: User, path: str, branch: str) -> None:
    """Update the open merge requests of a branch after `user` changed it.

    Source branch: its new head is recorded; a deletion closes the merge request. Target branch: a
    merge request whose head it now contains is merged, as on GitLab.
    """
    with forge.lock:
        head = forge.git.head(path, branch)
        for request in forge.requests_of(path, "open"):
            if request.source == branch:
                _follow_source(forge, user, request, head)
            if request.target == branch and head is not None:
                _follow_target(forge, user, request, head)


def _follow_source(forge: ForgeState, user: User, request: MergeRequest, head: str | None) -> None:
    if head is None:
        request.state, request.closed_by = "closed", user.login
        forge.note(request, user, "closed", "closed this by deleting the branch")
    elif head != request.head:
        request.head = head
        forge.git.keep(request.repository, request.number, head)
        forge.note(request, user, "synchronize", f"pushed {head[:8]}")


def _follow_target(forge: ForgeState, user: User, request: MergeRequest, tip: str) -> None:
    if request.state == "open" and forge.git.contains(request.repository, tip, request.head):
        mark_merged(forge, user, request, tip, request.base)


def mark_merged(forge: ForgeState, user: User, request: MergeRequest, sha: str, base: str) -> None:
    """Record the merge: `sha` is the merge commit, `base` the previous head of the target."""
    request.state, request.merge_sha, request.base = "merged", sha, base
    request.merged_by = user.login
    forge.note(request, user, "merged", f"merged this as {sha[:8]}")


def catch_up(forge: ForgeState) -> None:
    """Update all open merge requests at start, in case the forge stopped during a change."""
    for path in list(forge.repositories):
        for request in forge.requests_of(path, "open"):
            author = forge.users[request.author]
            follow(forge, author, path, request.source)
            follow(forge, author, path, request.target)
