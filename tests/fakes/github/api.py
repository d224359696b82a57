"""GitHub's REST routes that the bot uses, and the GraphQL mutation of the merge queue."""

import json
from functools import cache

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bot.sandbox.forge import conversation, merging
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.protection import ZERO
from bot.sandbox.forge.records import MergeRequest
from tests.fakes.github import apps, commits, queue, reviews, rules, shapes, web
from tests.fakes.github import merging as github_merging
from tests.fakes.github.answers import paged, readable, told
from tests.fakes.github.state import GitHub, Json
from tests.fakes.stand_in import Serving

MOST_STATUSES = 1_000
FULL = "This SHA and context has reached the maximum number of statuses."
SERVING = Serving("github")
ROLES = {"triage": "read", "maintain": "write"}


def create_github() -> FastAPI:
    """GitHub Enterprise Server's addresses: /api/v3 and /api/graphql beside the web.

    Handlers are coroutines: FastAPI runs plain functions in threads, which costs more than they do.
    Routers are not included, since that makes each of their routes once more.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(RequestError, _refused)
    app.router.routes += _routes()
    return app


@cache
def _routes() -> list[BaseRoute]:
    kinds = (apps, rules, reviews, web)
    makers = (*(each.routes for each in kinds), _repositories, _pulls, _talk, _graphql)
    return [route for make in makers for route in make(SERVING.stand_in).routes]


async def _refused(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, RequestError)
    code = 422 if error.code == 400 else error.code
    body: Json = {"message": str(error), "documentation_url": "https://docs.github.com/rest"}
    if code == 422:
        body["errors"] = [{"resource": "PullRequest", "code": "custom", "message": str(error)}]
    return JSONResponse(body, code)


def _repositories(github: GitHub) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v3/repos/{owner}/{name}"), github.forge

    @routes.get("")
    async def repository(request: Request, owner: str, name: str) -> Response:
        path = readable(github, request, owner, name)
        methods = github.methods_of(path)
        return told(request, shapes.repository(forge, path, github.web, methods))

    @routes.get("/collaborators/{login}/permission")
    async def permission(request: Request, owner: str, name: str, login: str) -> Json:
        path = readable(github, request, owner, name)
        if login not in forge.users:
            raise RequestError(404, f"{login} is not a user")
        role = forge.role(path, login)
        return {"permission": ROLES.get(role, role), "role_name": role}

    @routes.get("/commits/{sha}/statuses")
    async def statuses(request: Request, owner: str, name: str, sha: str) -> Response:
        path = readable(github, request, owner, name)
        return paged(
            request, [shapes.status(forge, s, github.web) for s in forge.statuses(path, sha)]
        )

    @routes.get("/commits/{sha}/check-runs")
    async def check_runs(
        request: Request, owner: str, name: str, sha: str, per_page: int = 30, page: int = 1
    ) -> Json:
        """The newest run of each name and app ("REST API endpoints for check runs", `filter`)."""
        path = readable(github, request, owner, name)
        newest = {(run["name"], run["app"]): run for run in github.check_runs.get((path, sha), ())}
        told = [shapes.check_run(run, sha, github.web) for run in newest.values()]
        begin = (page - 1) * min(per_page, 100)
        return {"total_count": len(told), "check_runs": told[begin : begin + min(per_page, 100)]}

    @routes.post("/statuses/{sha}", status_code=201)
    async def set_status(request: Request, owner: str, name: str, sha: str) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        if len(fields.get("description") or "") > 140:
            raise RequestError(422, "description is too long (maximum is 140 characters)")
        counted = (path, sha, fields["context"])
        if github.counted[counted] >= MOST_STATUSES:
            raise RequestError(422, FULL)
        github.counted[counted] += 1
        conversation.set_status(
            forge,
            github.signed_in(request),
            path,
            sha,
            {
                "context": fields["context"],
                "state": fields["state"],
                "description": fields.get("description") or "",
                "url": fields.get("target_url") or "",
            },
        )
        found = next(s for s in forge.statuses(path, sha) if s.context == fields["context"])
        queue.advance(github)
        return shapes.status(forge, found, github.web)

    @routes.get("/commits/{sha}/pulls")
    async def pulls_of(request: Request, owner: str, name: str, sha: str) -> Response:
        path = readable(github, request, owner, name)
        found = commits.pulls_of(forge, path, sha)
        return paged(request, [shapes.pull(forge, each, github.web, listed=True) for each in found])

    @routes.get("/commits")
    async def listing(request: Request, owner: str, name: str, sha: str) -> Response:
        path = readable(github, request, owner, name)
        ids = [each["sha"] for each in forge.git.log(path, sha, 10_000)]
        return paged(request, [commits.commit(github, path, each) for each in ids])

    @routes.get("/activity")
    async def activity(request: Request, owner: str, name: str) -> Response:
        """Newest first; pages by cursors, not by number."""
        path = f"{owner}/{name}"
        moves = commits.activity_of_fork(github, path)
        if moves is None:
            path = readable(github, request, owner, name)
            moves = commits.activity(github, path)
        size = min(int(request.query_params.get("per_page", "30")), 100)
        start = int(request.query_params.get("after") or "0")
        headers = {}
        if len(moves) > start + size:
            following = request.url.include_query_params(after=start + size)
            headers["link"] = f'<{following}>; rel="next"'
        return told(request, moves[start : start + size], headers)

    @routes.post("/git/refs", status_code=201)
    async def make_ref(request: Request, owner: str, name: str) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        forge.require(github.signed_in(request), path, "write")
        branch = fields["ref"].removeprefix("refs/heads/")
        forge.git.restore(path, branch, fields["sha"])
        user = github.signed_in(request)
        forge.record_update(user, path, branch, old=ZERO, new=fields["sha"])
        return {"ref": fields["ref"], "object": {"sha": fields["sha"], "type": "commit"}}

    return routes


def _pulls(github: GitHub) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v3/repos/{owner}/{name}"), github.forge

    def pull(found: MergeRequest, *, listed: bool = False) -> Json:
        value = shapes.pull(forge, found, github.web, listed=listed)
        fork = github.forks.get((found.repository, found.number))
        if fork:
            value["head"]["repo"] = {**value["head"]["repo"], "full_name": fork, "fork": True}
        if not listed:
            value["mergeable_state"] = github_merging.state_of(github, found)
            value["comments"] = len(found.comments)
            written = github.written.get((found.repository, found.number), [])
            value["review_comments"] = sum(bool(each.path) for each in written)
        return {**value, "mergeable": None} if github.unsure and not listed else value

    @routes.get("/pulls")
    async def listing(
        request: Request,
        owner: str,
        name: str,
        *,
        state: str = "open",
        head: str = "",
        base: str = "",
        sort: str = "created",
    ) -> Response:
        path = readable(github, request, owner, name)
        found = [
            each
            for each in forge.requests_of(path)
            if state in {"all", "open" if each.state == "open" else "closed"}
            and head in {"", f"{owner}:{each.source}"}
            and base in {"", each.target}
        ]
        if sort == "updated":
            assert request.query_params["direction"] == "desc"
            found.sort(key=lambda each: each.updated_at, reverse=True)
        return paged(request, [pull(each, listed=True) for each in found])

    @routes.post("/pulls", status_code=201)
    async def create(request: Request, owner: str, name: str) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        twins = [each for each in forge.requests_of(path, "open") if each.source == fields["head"]]
        if twins:
            raise RequestError(422, f"A pull request already exists for {owner}:{fields['head']}.")
        return pull(
            merging.open_request(
                forge,
                github.signed_in(request),
                path,
                source=fields["head"],
                target=fields["base"],
                title=fields["title"],
                body=fields.get("body") or "",
            )
        )

    @routes.get("/pulls/{number}")
    async def one(request: Request, owner: str, name: str, number: int) -> Response:
        path = readable(github, request, owner, name)
        return told(request, pull(forge.request(path, number)))

    @routes.get("/issues/{number}")
    async def issue(request: Request, owner: str, name: str, number: int) -> Response:
        path = readable(github, request, owner, name)
        return told(request, shapes.issue(forge, forge.request(path, number), github.web))

    @routes.patch("/pulls/{number}")
    async def edit(request: Request, owner: str, name: str, number: int) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        user, known = github.signed_in(request), forge.request(path, number)
        if "state" in fields:
            gone = forge.git.head(path, known.source) is None
            if fields["state"] == "open" and known.state == "closed" and gone:
                raise RequestError(422, "state cannot be changed. The branch was deleted.")
            merging.set_state(forge, user, path, number, fields["state"])
        if "title" in fields or "body" in fields:
            merging.edit_request(
                forge,
                user,
                path,
                number,
                title=fields.get("title", known.title),
                body=fields.get("body", known.body),
            )
        return pull(forge.request(path, number))

    @routes.put("/pulls/{number}/merge")
    async def merge(request: Request, owner: str, name: str, number: int) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        github.methods.append(fields["merge_method"])
        user, found = github.signed_in(request), forge.request(path, number)
        with forge.lock:
            sha = github_merging.merge(github, user, found, fields)
        return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}

    @routes.put("/pulls/{number}/update-branch", status_code=202)
    async def update(request: Request, owner: str, name: str, number: int) -> Json:
        path = readable(github, request, owner, name)
        fields = json.loads(await request.body() or b"{}")
        user, found = github.signed_in(request), forge.request(path, number)
        github_merging.update_branch(github, user, found, fields.get("expected_head_sha"))
        return {"message": "Updating pull request branch.", "url": f"{github.web}/{path}"}

    @routes.get("/pulls/{number}/commits")
    async def commits_of(request: Request, owner: str, name: str, number: int) -> Response:
        path = readable(github, request, owner, name)
        ids = shapes.proposed(forge, forge.request(path, number))
        found = [commits.commit(github, path, each) for each in reversed(ids)]
        return paged(request, found[: commits.MAX_OF_PULL])

    return routes


def _talk(github: GitHub) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v3/repos/{owner}/{name}/issues"), github.forge

    @routes.get("/{number}/comments")
    async def comments(request: Request, owner: str, name: str, number: int) -> Response:
        path = readable(github, request, owner, name)
        found = forge.request(path, number)
        return paged(
            request, [shapes.comment(forge, found, each, github.web) for each in found.comments]
        )

    @routes.post("/{number}/comments", status_code=201)
    async def comment(request: Request, owner: str, name: str, number: int) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        made = conversation.comment(forge, github.signed_in(request), path, number, fields["body"])
        return shapes.comment(forge, forge.request(path, number), made, github.web)

    @routes.post("/comments/{which}/reactions", status_code=201)
    async def react(request: Request, owner: str, name: str, which: int) -> Json:
        readable(github, request, owner, name)
        content, user = (await request.json())["content"], github.signed_in(request)
        github.reactions.append((which, content))
        made = {"id": len(github.reactions), "node_id": "R", "content": content}
        at = shapes.time(github.forge.now())
        return {**made, "user": shapes.user(user, github.web), "created_at": at}

    @routes.patch("/comments/{which}")
    async def edit(request: Request, owner: str, name: str, which: int) -> Json:
        path, fields = readable(github, request, owner, name), await request.json()
        number, mine = divmod(which, 100_000)
        user = github.signed_in(request)
        conversation.edit_comment(forge, user, path, number, mine, body=fields["body"])
        found = forge.request(path, number)
        edited = next(each for each in found.comments if each.id == mine)
        return shapes.comment(forge, found, edited, github.web)

    return routes


def _graphql(github: GitHub) -> APIRouter:
    routes = APIRouter()

    @routes.post("/api/graphql")
    async def graphql(request: Request) -> Json:
        github.signed_in(request)
        asked = await request.json()
        query, given = asked["query"], asked["variables"]
        if "lastEditedAt" in query:
            return {"data": {"nodes": reviews.nodes(github, given["ids"])}}
        if "addReaction" in query:
            content = given["content"].lower()
            github.reactions.append((-int(given["id"].removeprefix("PRR_")), content))
            return {"data": {"addReaction": {"reaction": {"content": given["content"]}}}}
        assert "enqueuePullRequest" in query
        try:
            entered = queue.enter(github, github.signed_in(request), given["id"], given["head"])
        except RequestError as error:
            return {"data": None, "errors": [{"message": str(error)}]}
        position = {"position": entered}
        return {"data": {"enqueuePullRequest": {"mergeQueueEntry": position}}}

    return routes
