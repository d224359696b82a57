"""The API of merge requests."""

from typing import Annotated

from fastapi import APIRouter, Query

from bot.sandbox.forge import conversation, merging, serialization
from bot.sandbox.forge.api_access import Fields, Me, Path, TheForge, text
from bot.sandbox.forge.serialization import Json

MAX_PAGE = 1000

Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]

routes = APIRouter(prefix="/repos/{group}/{name}/merge_requests")


@routes.get("")
def listing(
    forge: TheForge,
    path: Path,
    *,
    state: str = "open",
    branch_prefix: str = "",
    before: int | None = None,
    limit: Limit = MAX_PAGE,
) -> list[Json]:
    """Merge requests, newest first, before number `before` (exclusive), at most `limit`."""
    found = [
        each
        for each in forge.requests_of(path, state, branch_prefix)
        if before is None or each.number < before
    ]
    return [serialization.request(forge, each) for each in found[:limit]]


@routes.post("", status_code=201)
def create(forge: TheForge, path: Path, user: Me, fields: Fields) -> Json:
    """Open a merge request, or return the open one of that branch."""
    made = merging.open_request(
        forge,
        user,
        path,
        source=text(fields, "branch"),
        target=text(fields, "target"),
        title=text(fields, "title"),
        body=text(fields, "body"),
    )
    return serialization.request(forge, made)


@routes.get("/{number}")
def one(forge: TheForge, path: Path, number: int) -> Json:
    """One merge request."""
    return serialization.request(forge, forge.request(path, number))


@routes.patch("/{number}")
def edit(forge: TheForge, path: Path, user: Me, number: int, fields: Fields) -> Json:
    """Set title and body, or the state (open, closed)."""
    if "title" in fields or "body" in fields:
        known = forge.request(path, number)
        title = text({"title": known.title, **fields}, "title")
        body = text({"body": known.body, **fields}, "body")
        merging.edit_request(forge, user, path, number, title=title, body=body)
    if "state" in fields:
        merging.set_state(forge, user, path, number, text(fields, "state"))
    return serialization.request(forge, forge.request(path, number))


@routes.post("/{number}/merge")
def merge(forge: TheForge, path: Path, user: Me, number: int, fields: Fields) -> Json:
    """Merge if the head is still `head`: 409 if it changed, 405 for any other reason."""
    head, message = text(fields, "head"), text(fields, "message")
    return {"sha": merging.merge(forge, user, path, number, head=head, message=message)}


@routes.get("/{number}/diff")
def diff(forge: TheForge, path: Path, number: int) -> Json:
    """The diff of a merge request."""
    return serialization.diff(merging.changes(forge, forge.request(path, number)))


@routes.get("/{number}/comments")
def comments(
    forge: TheForge, path: Path, number: int, after: int = 0, limit: Limit = MAX_PAGE
) -> list[Json]:
    """Comments, oldest first, after id `after` (exclusive), at most `limit`."""
    found = [each for each in list(forge.request(path, number).comments) if each.id > after]
    return [serialization.comment(forge, each) for each in found[:limit]]


@routes.post("/{number}/comments", status_code=201)
def comment(forge: TheForge, path: Path, user: Me, number: int, fields: Fields) -> Json:
    """Post a comment."""
    made = conversation.comment(forge, user, path, number, text(fields, "body"))
    return serialization.comment(forge, made)


@routes.patch("/{number}/comments/{which}")
def edit_comment(
    forge: TheForge, path: Path, user: Me, number: int, which: int, *, fields: Fields
) -> Json:
    """Replace a comment of the user."""
    conversation.edit_comment(forge, user, path, number, which, body=text(fields, "body"))
    return {"id": which}


@routes.get("/{number}/reviews")
def reviews(forge: TheForge, path: Path, number: int) -> list[Json]:
    """Approvals, each with the head it applies to."""
    found = dict(forge.request(path, number).reviews)
    return [
        {"user": serialization.user(forge.users[login]), "head": head, "at": at}
        for login, (head, at) in sorted(found.items())
    ]


@routes.put("/{number}/approval")
def approve(forge: TheForge, path: Path, user: Me, number: int, head: str | None = None) -> Json:
    """Approve the current head; with `head`, only if it is unchanged."""
    conversation.review(forge, user, path, number, approve=True, head=head)
    return {"approved": True}


@routes.delete("/{number}/approval")
def withdraw(forge: TheForge, path: Path, user: Me, number: int) -> Json:
    """Withdraw the user's approval."""
    conversation.review(forge, user, path, number, approve=False)
    return {"approved": False}


@routes.put("/{number}/reviewers/{login}")
def request_review(forge: TheForge, path: Path, user: Me, number: int, login: str) -> Json:
    """Request a review."""
    conversation.request_review(forge, user, path, number, login, requested=True)
    return {"reviewer": login}


@routes.delete("/{number}/reviewers/{login}")
def withdraw_request(forge: TheForge, path: Path, user: Me, number: int, login: str) -> Json:
    """Withdraw the request of a review."""
    conversation.request_review(forge, user, path, number, login, requested=False)
    return {"reviewer": login}


@routes.put("/{number}/labels/{label:path}")
def add_label(forge: TheForge, path: Path, user: Me, number: int, label: str) -> Json:
    """Add a label."""
    conversation.label(forge, user, path, number, label, present=True)
    return {"label": label}


@routes.delete("/{number}/labels/{label:path}")
def remove_label(forge: TheForge, path: Path, user: Me, number: int, label: str) -> Json:
    """Remove a label."""
    conversation.label(forge, user, path, number, label, present=False)
    return {"label": label}
