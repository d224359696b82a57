"""Parses GitLab's JSON into the values of `bot.forges`.

Source: GitLab Docs, "Merge requests API", "Merge request approvals API", "Notes API", "Commits
API" (commit status), "Members API" (access levels).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.forges import Comment, ForgeMergeRequest, Review, Status, StatusState, User
from bot.forges.gitlab.merge_status import NEED_REBASE
from planners.model import Role

Json = Mapping[str, Any]

APPROVED = "approved this merge request"
_BOTS = re.compile(r"(project|group)_\d+_bot(_\w+)?|service_account_\w+|ghost|support-bot")
_LEVELS = (
    (50, Role.ADMIN), (40, Role.MAINTAIN), (30, Role.WRITE), (20, Role.TRIAGE), (10, Role.READ),
)  # fmt: skip
_STATES = {
    "success": StatusState.SUCCESS,
    "failed": StatusState.FAILURE,
    "canceled": StatusState.FAILURE,
    "skipped": StatusState.FAILURE,
}
STATE_NAMES = {
    StatusState.PENDING: "pending",
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failed",
}


def user(found: Json, me: int | None) -> User:
    """A user; project and group access tokens are recognised by their user names."""
    email = f"{found['id']}-{found['username']}@users.noreply.gitlab.com"
    bot = found["id"] == me or bool(found.get("bot")) or bool(_BOTS.fullmatch(found["username"]))
    return User(found["id"], found["username"], email, bot=bot)


def request(repository: str, found: Json, me: int | None) -> ForgeMergeRequest:
    """A merge request; a conflict state that is not computed yet counts as none."""
    state = {"opened": "open", "locked": "open"}.get(found["state"], str(found["state"]))
    own = found["source_project_id"] == found["target_project_id"]
    merged = found.get("merge_commit_sha") or found.get("squash_commit_sha") or found["sha"]
    closer = found.get("closed_by") or {}
    return ForgeMergeRequest(
        number=found["iid"],
        title=found["title"],
        body=found["description"] or "",
        state=state,
        source_branch=found["source_branch"],
        target_branch=found["target_branch"],
        head=found["sha"],
        author=user(found["author"], me),
        url=found["web_url"],
        source_repository=repository if own else f"project {found['source_project_id']}",
        labels=tuple(found["labels"]),
        merge_sha=merged if state == "merged" else None,
        closed_by=closer.get("username") if state == "closed" else None,
        conflicts=state == "open" and bool(found.get("has_conflicts")),
        mergeable=found.get("detailed_merge_status") or "",
        behind=found.get("detailed_merge_status") == NEED_REBASE,
    )


def comment(found: Json, me: int | None) -> Comment:
    """A note of a person or bot."""
    return Comment(
        id=found["id"],
        author=user(found["author"], me),
        body=found["body"],
        created_at=datetime.fromisoformat(found["created_at"]),
        edited=found["updated_at"] != found["created_at"],
        anchor=f"note_{found['id']}",
    )


def approvals(
    approved: Iterable[Json], notes: Iterable[Json], versions: Iterable[Json], me: int | None
) -> tuple[Review, ...]:
    """The current approvals, each with the head commit at its time.

    GitLab does not return the head of an approval: it is that of the newest version of the merge
    request before the approval. If GitLab returns no time, the time of the system note is used;
    an approval without either does not count.
    """
    noted = {
        note["author"]["id"]: note["created_at"]
        for note in notes
        if note["system"] and note["body"] == APPROVED
    }
    history = sorted(
        (datetime.fromisoformat(each["created_at"]), each["id"], each["head_commit_sha"])
        for each in versions
    )
    found = []
    for each in approved:
        at = each.get("approved_at") or noted.get(each["user"]["id"])
        if at is None:
            continue
        moment = datetime.fromisoformat(at)
        heads = [head for made, _, head in history if made < moment]
        found.append(Review(user(each["user"], me), heads[-1] if heads else "", moment))
    return tuple(sorted(found, key=lambda review: review.user.login))


def status(found: Json) -> Status:
    """A commit status."""
    return Status(
        found["name"],
        _STATES.get(found["status"], StatusState.PENDING),
        found["description"] or "",
        found["target_url"] or "",
    )


def role(level: int) -> Role:
    """The role for an access level of GitLab."""
    return next((known for least, known in _LEVELS if level >= least), Role.NONE)
