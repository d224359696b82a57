"""Comments, approvals, labels and statuses. Called by the API and the pages."""

from urllib.parse import urlsplit

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import Comment, Status, User
from bot.sandbox.forge.state import ForgeState

MAX_COMMENT = 65_536
MAX_LABEL = 50
MAX_CONTEXT = 255
MAX_DESCRIPTION = 255
STATES = frozenset({"pending", "success", "failure"})


def comment(forge: ForgeState, user: User, path: str, number: int, body: str) -> Comment:
    """Post a comment; requires role read."""
    forge.require(user, path, "read")
    _check_comment(body)
    with forge.lock:
        request = forge.request(path, number)
        made = Comment(len(request.comments) + 1, user.login, body, forge.now())
        request.comments.append(made)
        forge.save(request)
    forge.emit(path, "comment", "created", user, number=number)
    return made


def edit_comment(
    forge: ForgeState, user: User, path: str, number: int, which: int, *, body: str
) -> None:
    """Replace a comment of the user."""
    forge.require(user, path, "read")
    _check_comment(body)
    with forge.lock:
        request = forge.request(path, number)
        found = next((each for each in request.comments if each.id == which), None)
        if found is None:
            raise RequestError(404, f"comment {which} of merge request {number} does not exist")
        if found.author != user.login:
            raise RequestError(403, "only its author can edit a comment")
        if found.body == body:
            return
        found.body, found.edited = body, True
        forge.save(request)
    forge.emit(path, "comment", "edited", user, number=number)


def review(
    forge: ForgeState, user: User, path: str, number: int, *, approve: bool, head: str | None = None
) -> None:
    """Approve the merge request at `head`, or withdraw the approval.

    Raises:
        RequestError: 409 if the head has changed, 422 if the merge request is not open.
    """
    forge.require(user, path, "triage")
    with forge.lock:
        request = forge.request(path, number)
        if not approve:
            if request.reviews.pop(user.login, None):
                forge.note(request, user, "unapproved", "withdrew the approval")
            return
        if request.state != "open":
            raise RequestError(422, f"the merge request is {request.state}")
        if head not in {None, request.head}:
            raise RequestError(
                409, "the branch has changed since you loaded the page; review it again"
            )
        if request.reviews.get(user.login, [""])[0] != request.head:
            request.reviews[user.login] = [request.head, forge.now()]
            request.reviewers = [each for each in request.reviewers if each != user.login]
            forge.note(request, user, "approved", f"approved {request.head[:8]}")


def request_review(
    forge: ForgeState, user: User, path: str, number: int, login: str, *, requested: bool
) -> None:
    """Request somebody's review, or withdraw the request.

    Raises:
        RequestError: 422 if that user is the author, or may not approve there.
    """
    forge.require(user, path, "read" if login == user.login else "triage")
    with forge.lock:
        request = forge.request(path, number)
        if requested == (login in request.reviewers):
            return
        if not requested:
            request.reviewers.remove(login)
            forge.note(request, user, "review_request_removed", f"removed reviewer {login}")
            return
        reviewer = forge.users.get(login)
        if reviewer is None or login == request.author or not forge.may(reviewer, path, "triage"):
            raise RequestError(422, f"{login} cannot review this merge request")
        request.reviewers.append(login)
        forge.note(request, user, "review_requested", f"requested a review by {login}")


def label(
    forge: ForgeState, user: User, path: str, number: int, name: str, *, present: bool
) -> None:
    """Add or remove a label."""
    forge.require(user, path, "triage")
    if not (name.strip() and name.isprintable() and len(name) <= MAX_LABEL):
        raise RequestError(422, f"a label must have 1 to {MAX_LABEL} printable characters")
    with forge.lock:
        request = forge.request(path, number)
        if present == (name in request.labels):
            return
        if present:
            request.labels = sorted({*request.labels, name})
            forge.note(request, user, "labeled", f"added the label {name}")
        else:
            request.labels = sorted({*request.labels} - {name})
            forge.note(request, user, "unlabeled", f"removed the label {name}")


def set_status(forge: ForgeState, user: User, path: str, sha: str, given: dict[str, str]) -> None:
    """Set the status of a context on a commit; `given` has state, context, description, url."""
    forge.require(user, path, "write")
    _check_status(given)
    if not forge.git.has_commit(path, sha):
        raise RequestError(422, f"commit {sha} does not exist in {path}")
    description = given["description"][:MAX_DESCRIPTION]
    with forge.lock:
        forge.put_status(
            Status(
                path,
                sha,
                given["context"],
                given["state"],
                description,
                given["url"],
                user.login,
                forge.now(),
            )
        )
    forge.emit(path, "status", given["state"], user, ref=sha)


def _check_comment(body: str) -> None:
    if not body.strip() or len(body) > MAX_COMMENT:
        raise RequestError(422, f"a comment must have 1 to {MAX_COMMENT} characters")


def _check_status(given: dict[str, str]) -> None:
    if given["state"] not in STATES:
        known = ", ".join(sorted(STATES))
        raise RequestError(422, f"invalid state {given['state']!r}: expected one of {known}")
    if not 0 < len(given["context"]) <= MAX_CONTEXT:
        raise RequestError(422, f"a context must have 1 to {MAX_CONTEXT} characters")
    try:
        scheme = urlsplit(given["url"]).scheme
    except ValueError as error:
        raise RequestError(422, f"the URL is malformed: {error}") from error
    if given["url"] and scheme not in {"http", "https"}:
        raise RequestError(422, "the URL of a status must begin with http:// or https://")
