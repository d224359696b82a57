"""Parses GitHub's JSON into the values of `bot.forges`.

Source: GitHub Docs, "REST API endpoints for pull requests", "... for issue comments", "... for
commit statuses".
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bot.forges import (
    Comment,
    ForgeMergeRequest,
    Review,
    Status,
    StatusState,
    User,
)
from planners.model import Role

Json = Mapping[str, Any]

_STATES = {
    "pending": StatusState.PENDING,
    "success": StatusState.SUCCESS,
    "failure": StatusState.FAILURE,
    "error": StatusState.FAILURE,
}
_GHOST: Json = {"id": 10137, "login": "ghost", "type": "User"}


def user(found: Json | None) -> User:
    """A user; GitHub's `ghost` stands for a deleted one. The e-mail is GitHub's noreply address."""
    found = found or _GHOST
    email = f"{found['id']}+{found['login']}@users.noreply.github.com"
    return User(found["id"], found["login"], email, bot=found.get("type") == "Bot")


def request(found: Json, closed_by: str | None = None) -> ForgeMergeRequest:
    """A pull request; `mergeable` null means not computed yet, which is not a conflict."""
    merged = bool(found.get("merged_at"))
    source = found["head"].get("repo") or {}
    return ForgeMergeRequest(
        number=found["number"],
        title=found["title"],
        body=found["body"] or "",
        state="merged" if merged else found["state"],
        source_branch=found["head"]["ref"],
        target_branch=found["base"]["ref"],
        head=found["head"]["sha"],
        author=user(found["user"]),
        url=found["html_url"],
        source_repository=source.get("full_name", ""),
        labels=tuple(label["name"] for label in found["labels"]),
        merge_sha=found["merge_commit_sha"] if merged else None,
        closed_by=None if merged else closed_by,
        conflicts=found["state"] == "open" and found.get("mergeable") is False,
        mergeable=found.get("mergeable_state") or "",
        behind=found.get("mergeable_state") == "behind",
    )


def comment(found: Json) -> Comment:
    """A comment of the conversation (not of the code review)."""
    return Comment(
        id=found["id"],
        author=user(found["user"]),
        body=found["body"] or "",
        created_at=moment(found["created_at"]),
        edited=found["updated_at"] != found["created_at"],
        anchor=f"issuecomment-{found['id']}",
    )


def approvals(reviews: Iterable[Json]) -> tuple[Review, ...]:
    """The current approvals: for each user the last review that is not only a comment."""
    newest: dict[int, Json] = {}
    for each in reviews:
        if each["state"] in {"APPROVED", "CHANGES_REQUESTED", "DISMISSED"} and each["user"]:
            newest[each["user"]["id"]] = each
    found = (each for each in newest.values() if each["state"] == "APPROVED")
    return tuple(
        sorted(
            (
                Review(user(each["user"]), each["commit_id"] or "", moment(each["submitted_at"]))
                for each in found
            ),
            key=lambda review: review.user.login,
        )
    )


def status(found: Json) -> Status:
    """A commit status."""
    return Status(
        found["context"],
        _STATES.get(found["state"], StatusState.PENDING),
        found["description"] or "",
        found["target_url"] or "",
    )


def check_run(found: Json) -> Status:
    """A check run, as a status: only the conclusion `success` is one."""
    conclusion = found["conclusion"]
    state = StatusState.PENDING
    if found["status"] == "completed":
        state = StatusState.SUCCESS if conclusion == "success" else StatusState.FAILURE
    told = found["output"]["title"] or conclusion or found["status"]
    return Status(found["name"], state, told, found["html_url"] or "")


def role(found: Json) -> Role:
    """The role in a repository; for a custom role, the permission that it is based on."""
    for name in (found.get("role_name"), found.get("permission")):
        known = Role.__members__.get(str(name).upper())
        if known is not None:
            return known
    return Role.NONE


def moment(text: str) -> datetime:
    """Parse a timestamp (ISO 8601, UTC)."""
    return datetime.fromisoformat(text)
