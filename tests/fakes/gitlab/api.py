"""GitLab's REST routes that the bot uses."""

from datetime import UTC, datetime
from functools import cache
from urllib.parse import unquote

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.sandbox.forge import conversation, merging
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.protection import ZERO
from bot.sandbox.forge.records import MergeRequest
from tests.fakes.gitlab import graphql, history, projects, rules, shapes
from tests.fakes.gitlab import merging as gitlab_merging
from tests.fakes.gitlab.state import GitLab, Json
from tests.fakes.oauth import OAuth
from tests.fakes.stand_in import Serving

SERVING = Serving("gitlab")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
OURS = {"opened": "open"}


def create_gitlab() -> FastAPI:
    """The addresses below /api/v4."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RequestError, _refused)
    app.router.routes += _routes()
    return app


@cache
def _routes() -> list[BaseRoute]:
    gitlab = SERVING.stand_in
    makers = (_users, _projects, _requests, _talk, rules.routes, history.routes, graphql.routes)
    routes = [route for make in makers for route in make(gitlab).routes]
    sign_in = OAuth.routes(gitlab.oauth, "/oauth/authorize", "/oauth/token", 400)
    return [*routes, *sign_in.routes]


async def _refused(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestError)
    return JSONResponse({"message": str(error)}, error.code)


def _page(request: Request, found: list[Json]) -> Response:
    """One page of a list, with the headers that python-gitlab pages by."""
    size = min(int(request.query_params.get("per_page", "20")), 100)
    page = int(request.query_params.get("page", "1"))
    headers = {"x-page": str(page), "x-per-page": str(size), "x-total": str(len(found))}
    if len(found) > page * size:
        headers["x-next-page"] = str(page + 1)
        headers["link"] = f'<{request.url.include_query_params(page=page + 1)}>; rel="next"'
    return JSONResponse(found[(page - 1) * size : page * size], headers=headers)


def _users(gitlab: GitLab) -> APIRouter:
    routes = APIRouter(prefix="/api/v4")

    @routes.get("/user")
    async def me(request: Request) -> Json:
        return shapes.me(gitlab.signed_in(request), gitlab.web)

    @routes.get("/personal_access_tokens/self")
    async def token(request: Request) -> Json:
        """GitLab Docs, "Personal access tokens API": also of a group's or project's token."""
        user = gitlab.signed_in(request)
        told = {"id": 1, "name": "switchyard", "revoked": False, "active": True}
        times = {"created_at": projects.BEGINNING, "last_used_at": projects.BEGINNING}
        return {**told, **times, "user_id": user.id, **gitlab.token}

    @routes.get("/users")
    async def users(request: Request, username: str) -> Response:
        found = gitlab.forge.users.get(username)
        return _page(request, [shapes.user(found, gitlab.web)] if found else [])

    @routes.get("/groups/{group}/members/all/{which}")
    async def member(request: Request, group: str, which: int) -> Json:
        gitlab.signed_in(request)
        user = next(each for each in gitlab.forge.users.values() if each.id == which)
        if user.login not in gitlab.groups.get(unquote(group), set()):
            raise RequestError(404, "404 Not found")
        since = {"created_at": projects.BEGINNING, "expires_at": None}
        return {**shapes.user(user, gitlab.web), "access_level": 30, **since}

    return routes


def _projects(gitlab: GitLab) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v4/projects/{project}"), gitlab.forge

    @routes.get("/members/all/{which}")
    async def member(request: Request, project: str, which: int) -> Json:
        path = gitlab.path(request, project)
        user = next(each for each in forge.users.values() if each.id == which)
        level = projects.LEVELS.get(forge.role(path, user.login))
        if level is None:
            raise RequestError(404, "404 Not found")
        member = {"access_level": level, "created_at": projects.BEGINNING, "expires_at": None}
        return {**shapes.user(user, gitlab.web), **member}

    @routes.get("/repository/commits/{sha}/statuses")
    async def statuses(request: Request, project: str, sha: str, name: str = "") -> Response:
        path, every = gitlab.path(request, project), request.query_params.get("all", "false")
        found = gitlab.pipelines.told(path, sha, name, every=every.lower() == "true")
        return _page(request, [shapes.status(forge, *each, gitlab.web) for each in found])

    @routes.post("/statuses/{sha}", status_code=201)
    async def set_status(request: Request, project: str, sha: str) -> Json:
        """See `pipelines`; the local forge is told it for the head of the merge request."""
        path, fields = gitlab.path(request, project), await request.json()
        user = gitlab.signed_in(request)
        pipeline, job = gitlab.pipelines.set_status(path, sha, fields, user.login)
        said = job.status
        given = {"context": said.context, "state": said.state}
        given |= {"description": said.description, "url": said.url}
        conversation.set_status(forge, user, path, pipeline.source_sha, given)
        return shapes.status(forge, pipeline, job, gitlab.web)

    @routes.get("/repository/branches/{branch:path}")
    async def branch(request: Request, project: str, branch: str) -> Json:
        path, name = gitlab.path(request, project), unquote(branch)
        if forge.git.head(path, name) is None:
            raise RequestError(404, "404 Branch Not Found")
        return projects.branch(forge, path, name, gitlab.signed_in(request), gitlab.web)

    @routes.post("/repository/branches", status_code=201)
    async def make_branch(request: Request, project: str) -> Json:
        path, fields = gitlab.path(request, project), await request.json()
        user = gitlab.signed_in(request)
        forge.require(user, path, "write")
        forge.git.restore(path, fields["branch"], fields["ref"])
        forge.record_update(user, path, fields["branch"], old=ZERO, new=fields["ref"])
        return projects.branch(forge, path, fields["branch"], user, gitlab.web)

    return routes


def _requests(gitlab: GitLab) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v4"), gitlab.forge
    listed = "/projects/{project}/merge_requests"

    def whole(request: Request, found: MergeRequest) -> Json:
        return gitlab_merging.whole(gitlab, found, gitlab.signed_in(request))

    @routes.get(listed)
    async def listing(
        request: Request,
        project: str,
        *,
        state: str = "all",
        source_branch: str = "",
        target_branch: str = "",
        updated_after: datetime | None = None,
        with_merge_status_recheck: bool = False,
    ) -> Response:
        path, after = gitlab.path(request, project), updated_after or BEGINNING
        found = [
            each
            for each in forge.requests_of(path, OURS.get(state, state))
            if source_branch in {"", each.source} and target_branch in {"", each.target}
            if datetime.fromisoformat(each.updated_at) > after
        ]
        return _page(
            request,
            [
                gitlab_merging.told(gitlab, each, recheck=with_merge_status_recheck)
                for each in found
            ],
        )

    @routes.post(listed, status_code=201)
    async def create(request: Request, project: str) -> Json:
        path, fields = gitlab.path(request, project), await request.json()
        source = fields["source_branch"]
        if any(each.source == source for each in forge.requests_of(path, "open")):
            raise RequestError(409, "Another open merge request already exists for this branch")
        made = merging.open_request(
            forge,
            gitlab.signed_in(request),
            path,
            source=source,
            target=fields["target_branch"],
            title=fields["title"],
            body=fields.get("description") or "",
        )
        return whole(request, made)

    @routes.get(listed + "/{number}")
    async def one(request: Request, project: str, number: int) -> Json:
        return whole(request, forge.request(gitlab.path(request, project), number))

    @routes.put(listed + "/{number}")
    async def edit(request: Request, project: str, number: int) -> Json:
        path, fields = gitlab.path(request, project), await request.json()
        user, known = gitlab.signed_in(request), forge.request(path, number)
        if "state_event" in fields:
            state = {"close": "closed", "reopen": "open"}[fields["state_event"]]
            merging.set_state(forge, user, path, number, state)
        if "reviewer_ids" in fields:
            forge.require(user, path, "write")
            gitlab.set_reviewers(known, fields["reviewer_ids"])
        if "title" in fields or "description" in fields:
            title = fields.get("title", known.title)
            body = fields.get("description", known.body)
            merging.edit_request(forge, user, path, number, title=title, body=body)
        return whole(request, forge.request(path, number))

    @routes.put(listed + "/{number}/merge")
    async def merge(request: Request, project: str, number: int) -> Json:
        """See `merging`."""
        path, fields = gitlab.path(request, project), await request.json()
        user = gitlab.signed_in(request)
        gitlab_merging.merge(gitlab, user, forge.request(path, number), fields)
        return whole(request, forge.request(path, number))

    @routes.get(listed + "/{number}/versions")
    async def versions(request: Request, project: str, number: int) -> Response:
        found = forge.request(gitlab.path(request, project), number)
        return _page(request, gitlab.notice(found))

    @routes.get(listed + "/{number}/approvals")
    async def approvals(request: Request, project: str, number: int) -> Json:
        found = forge.request(gitlab.path(request, project), number)
        gitlab.notice(found)
        return shapes.approvals(forge, found, gitlab.signed_in(request), gitlab.web)

    return routes


def _talk(gitlab: GitLab) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v4"), gitlab.forge
    listed = "/projects/{project}/merge_requests/{number}/notes"

    @routes.get(listed)
    async def notes(request: Request, project: str, number: int) -> Response:
        found = forge.request(gitlab.path(request, project), number)
        told = [gitlab.note(found, each) for each in found.comments]
        told += [shapes.approved(forge, found, each, gitlab.web) for each in sorted(found.reviews)]
        return _page(request, told)

    @routes.post(listed, status_code=201)
    async def note(request: Request, project: str, number: int) -> Json:
        path, fields = gitlab.path(request, project), await request.json()
        made = conversation.comment(forge, gitlab.signed_in(request), path, number, fields["body"])
        return shapes.note(forge, forge.request(path, number), made, gitlab.web)

    @routes.put(listed + "/{which}")
    async def edit(request: Request, project: str, number: int, which: int) -> Json:
        path, fields = gitlab.path(request, project), await request.json()
        user = gitlab.signed_in(request)
        conversation.edit_comment(forge, user, path, number, which, body=fields["body"])
        on = forge.request(path, number)
        found = next(each for each in on.comments if each.id == which)
        return shapes.note(forge, on, found, gitlab.web)

    @routes.get("/projects/{project}")
    async def one(request: Request, project: str) -> Json:
        path = gitlab.path(request, project)
        allowed = projects.permissions(forge, path, gitlab.signed_in(request))
        told = {**projects.project(forge, path, gitlab.web), "permissions": allowed}
        settings = {"merge_method": gitlab.merge_method, "squash_option": gitlab.squash_option}
        told |= gitlab.settings.get(path, {})
        return {**told, **settings, "merge_trains_enabled": gitlab.trains}

    return routes
