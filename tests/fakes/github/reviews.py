"""Reviews with their texts and inline comments, beside the approvals that the local forge knows.

Sources. GitHub Docs, "REST API endpoints for pull request reviews": states COMMENTED, APPROVED,
CHANGES_REQUESTED, DISMISSED and, visible to its author alone, PENDING; listed in the order in which
they were made; no time of an edit. "REST API endpoints for pull request review comments": inline
comments, with `updated_at`. "REST API endpoints for reactions": there are some for inline comments
and none for reviews. GraphQL: `PullRequestReview` implements `Comment` (`lastEditedAt`) and
`Reactable`. "About pull request reviews": a review that only comments leaves an approval as it is.
Webhooks `pull_request_review` (submitted, edited, dismissed), `pull_request_review_comment`.
"REST API endpoints for review requests": users by login, teams by the slug of their organisation;
one who is no collaborator, or the author, is a 422 for the whole request; who was requested already
stays so, and is no longer after a review.
"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.records import MergeRequest
from tests.fakes.github import merging, shapes
from tests.fakes.github.answers import paged, readable, told
from tests.fakes.github.state import GitHub, Json, Written

NO_COLLABORATOR = (
    "Reviews may only be requested from collaborators. One or more of the users or teams you "
    "specified is not a collaborator of the {} repository."
)
STATES = {"APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"}


def submit(
    github: GitHub,
    login: str,
    place: tuple[str, int],
    body: str,
    *,
    state: str = "COMMENTED",
    inline: str = "",
) -> Written:
    """Somebody submits a review, or comments on a file."""
    assert state in STATES
    path, number = place
    request, kind = github.forge.request(path, number), "review_comment" if inline else "review"
    made = Written(
        id=1 + sum(map(len, github.written.values())),
        login=login,
        body=body,
        state=state,
        head=request.head,
        at=github.forge.now(),
        path=inline,
    )
    github.written.setdefault(place, []).append(made)
    github.forge.emit(path, kind, "submitted", github.forge.users[login], number=number)
    return made


def edit(github: GitHub, login: str, place: tuple[str, int], written: Written, body: str) -> None:
    """Change a text; everybody with the role write may change that of others."""
    written.body, written.edited = body, True
    kind = "review_comment" if written.path else "review"
    github.forge.emit(place[0], kind, "edited", github.forge.users[login], number=place[1])


def routes(github: GitHub) -> APIRouter:
    routes = APIRouter(prefix="/api/v3/repos/{owner}/{name}/pulls")
    forge = github.forge

    @routes.get("/{number}/reviews")
    async def reviews(request: Request, owner: str, name: str, number: int) -> Response:
        path = readable(github, request, owner, name)
        found = forge.request(path, number)
        return paged(request, _reviews(github, found))

    @routes.get("/{number}/reviews/{which}")
    async def review(request: Request, owner: str, name: str, number: int, which: int) -> Response:
        path = readable(github, request, owner, name)
        every = _reviews(github, forge.request(path, number))
        found = next((each for each in every if each["id"] == which), None)
        if found is None:
            raise RequestError(404, "Not Found")
        return told(request, found)

    @routes.post("/{number}/requested_reviewers", status_code=201)
    async def ask(request: Request, owner: str, name: str, number: int) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        user, found = github.signed_in(request), forge.request(path, number)
        logins = fields.get("reviewers", [])
        teams = [f"{owner}/{each}" for each in fields.get("team_reviewers", [])]
        if found.author in logins:
            raise RequestError(422, "Review cannot be requested from pull request author.")
        strangers = (forge.role(path, each) == "none" for each in logins)
        if any(strangers) or not {*teams} <= {*github.teams}:
            raise RequestError(422, NO_COLLABORATOR.format(path))
        found.reviewers += [each for each in logins if each not in found.reviewers]
        known = github.requested_teams.setdefault((path, number), [])
        known += [each for each in teams if each not in known]
        forge.note(found, user, "review_requested", "requested reviews")
        return shapes.pull(forge, found, github.web, listed=True)

    @routes.get("/{number}/comments")
    async def inline(request: Request, owner: str, name: str, number: int) -> Response:
        path = readable(github, request, owner, name)
        forge.request(path, number)
        every = github.written.get((path, number), [])
        return paged(request, [_inline(github, each) for each in every if each.path])

    @routes.post("/comments/{which}/reactions", status_code=201)
    async def react(request: Request, owner: str, name: str, which: int) -> Json:
        readable(github, request, owner, name)
        content, user = (await request.json())["content"], github.signed_in(request)
        github.reactions.append((which, content))
        made = {"id": len(github.reactions), "node_id": "R", "content": content}
        at = shapes.time(forge.now())
        return {**made, "user": shapes.user(user, github.web), "created_at": at}

    return routes


def _reviews(github: GitHub, request: MergeRequest) -> list[Json]:
    """The approvals that people gave at the local forge, and the reviews made here."""
    found = [
        _review(github, Written(100_000 + index, login, "", "APPROVED", head, at), request)
        for index, (login, (head, at)) in enumerate(sorted(request.reviews.items()))
    ]
    written = github.written.get((request.repository, request.number), [])
    visible = [each for each in written if not each.path and each.state != "PENDING"]
    return found + [_review(github, each, request) for each in visible]


def _review(github: GitHub, found: Written, request: MergeRequest) -> Json:
    stale = found.state == "APPROVED" and merging.is_stale(github, request, found.head)
    return {
        "id": found.id,
        "node_id": f"PRR_{found.id}",
        "user": shapes.user(github.forge.users[found.login], github.web),
        "body": found.body,
        "state": "DISMISSED" if stale else found.state,
        "commit_id": found.head,
        "submitted_at": shapes.time(found.at),
    }


def _inline(github: GitHub, found: Written) -> Json:
    created = shapes.time(found.at)
    return {
        "id": found.id,
        "node_id": f"PRRC_{found.id}",
        "user": shapes.user(github.forge.users[found.login], github.web),
        "body": found.body,
        "path": found.path,
        "commit_id": found.head,
        "created_at": created,
        "updated_at": created[:-1] + ".5Z" if found.edited else created,
    }


def nodes(github: GitHub, ids: list[str]) -> list[Json]:
    """What GraphQL tells of reviews by their node ids."""
    every = {f"PRR_{each.id}": each for some in github.written.values() for each in some}
    found = []
    for node in ids:
        edited = node in every and every[node].edited
        at = shapes.time(github.forge.now()) if edited else None
        found.append({"id": node, "lastEditedAt": at})
    return found
