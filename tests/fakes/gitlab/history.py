"""Who pushed what, and the merge requests of commits, in GitLab's JSON.

Sources: GitLab Docs. "Events API": an event of the action `pushed` tells who moved a branch from
`commit_from` (null: created) to `commit_to` (null: removed). "Push event activities limit": a push
of more than three branches is one bulk event that tells neither. "Commits API": a commit has the
addresses that its writer set, and no account; "List merge requests associated with a commit" has
those that contain it, or that made it by a merge or squash. "Merge requests API", commits: of those
only the merge request keeps, parents are not told (lib/api/entities/commit.rb, `parent_ids` of a
MergeRequestDiffCommit).
"""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.protection import ZERO
from bot.sandbox.forge.records import BranchUpdate, MergeRequest, User
from bot.sandbox.forge.state import ForgeState
from tests.fakes.gitlab import merging, projects, shapes
from tests.fakes.gitlab.state import GitLab, Json

BULK = 3


def routes(gitlab: GitLab) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v4"), gitlab.forge

    @routes.get("/users/{which}")
    async def by_id(request: Request, which: int) -> Json:
        gitlab.signed_in(request)
        found = [each for each in forge.users.values() if each.id == which]
        if not found:
            raise RequestError(404, "404 User Not Found")
        return shapes.user(found[0], gitlab.web)

    @routes.get("/projects/{project}/events")
    async def events(request: Request, project: str, *, action: str, sort: str) -> Response:
        assert (action, sort) == ("pushed", "desc")
        path = gitlab.path(request, project)
        return _page(request, [_event(gitlab, path, each) for each in forge.updates(path)[::-1]])

    @routes.get("/projects/{project}/repository/commits/{sha}")
    async def commit(request: Request, project: str, sha: str) -> Json:
        path = gitlab.path(request, project)
        if not forge.git.has_commit(path, sha):
            raise RequestError(404, "404 Commit Not Found")
        return projects.commit(forge, path, sha, gitlab.web)

    @routes.get("/projects/{project}/repository/commits/{sha}/merge_requests")
    async def requests_of(request: Request, project: str, sha: str, state: str = "all") -> Response:
        path = gitlab.path(request, project)
        found = [
            each
            for each in forge.requests_of(path, {"opened": "open"}.get(state, state))
            if sha == each.merge_sha or sha in proposed(forge, each)
        ]
        return _page(request, [merging.told(gitlab, each) for each in found])

    @routes.get("/projects/{project}/merge_requests/{number}/commits")
    async def commits_of(request: Request, project: str, number: int) -> Response:
        path = gitlab.path(request, project)
        found = [
            {**projects.commit(forge, path, each, gitlab.web), "parent_ids": []}
            for each in proposed(forge, forge.request(path, number))
        ]
        return _page(request, found)

    return routes


def proposed(forge: ForgeState, found: MergeRequest) -> list[str]:
    """The commits of a merge request, newest first."""
    walker = forge.git.open(found.repository).walk(found.head)
    walker.hide(found.base)
    return [str(each.id) for each in walker]


def _event(gitlab: GitLab, path: str, found: BranchUpdate) -> Json:
    users = {each.id: each for each in gitlab.forge.users.values()}
    author: User = users[found.by]
    created, removed = found.old == ZERO, found.new == ZERO
    action = "created" if created else "removed" if removed else "pushed"
    bulk = found.number in gitlab.bulk
    return {
        "id": found.number,
        "project_id": projects.number(path),
        "action_name": "pushed new" if created else "deleted" if removed else "pushed to",
        "target_id": None,
        "target_iid": None,
        "target_type": None,
        "target_title": None,
        "author_id": author.id,
        "author": shapes.user(author, gitlab.web),
        "author_username": author.login,
        "created_at": projects.stamp(gitlab.clock()),
        "push_data": {
            "commit_count": 0 if bulk else 1,
            "action": action,
            "ref_type": "branch",
            "commit_from": None if created or bulk else found.old,
            "commit_to": None if removed or bulk else found.new,
            "ref": None if bulk else found.branch,
            "commit_title": None,
            "ref_count": BULK + 1 if bulk else None,
        },
    }


def _page(request: Request, found: list[Json]) -> Response:
    size = min(int(request.query_params.get("per_page", "20")), 100)
    page = int(request.query_params.get("page", "1"))
    headers = {"x-page": str(page), "x-per-page": str(size), "x-total": str(len(found))}
    if len(found) > page * size:
        headers["x-next-page"] = str(page + 1)
        headers["link"] = f'<{request.url.include_query_params(page=page + 1)}>; rel="next"'
    return JSONResponse(found[(page - 1) * size : page * size], headers=headers)
