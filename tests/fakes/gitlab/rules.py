"""GitLab's routes for webhooks, merge trains and award emoji."""

from fastapi import APIRouter, Request

from bot.sandbox.forge.accounts import RequestError
from tests.fakes.gitlab import projects, shapes
from tests.fakes.gitlab.state import GitLab, Json


def routes(gitlab: GitLab) -> APIRouter:
    routes = APIRouter()
    routes.routes += [*_hooks(gitlab).routes, *_trains(gitlab).routes]
    return routes


def _hooks(gitlab: GitLab) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v4/projects/{project}"), gitlab.forge

    @routes.get("/hooks")
    async def hooks(request: Request, project: str) -> list[Json]:
        path = gitlab.path(request, project)
        forge.require(gitlab.signed_in(request), path, "maintain")
        return gitlab.hooks.get(path, [])

    @routes.post("/hooks/{which}/test/{event}", status_code=201)
    async def test(request: Request, project: str, which: int, event: str) -> Json:
        path = gitlab.path(request, project)
        forge.require(gitlab.signed_in(request), path, "maintain")
        assert event == "push_events"
        gitlab.tested.append(which)
        for each in gitlab.hooks[path]:
            if each["id"] == which:
                each["alert_status"] = "executable"
        return {"message": "201 Created"}

    return routes


def _trains(gitlab: GitLab) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v4/projects/{project}"), gitlab.forge

    @routes.get("/merge_trains/merge_requests/{number}")
    async def car(request: Request, project: str, number: int) -> Json:
        gitlab.path(request, project)
        if number not in gitlab.aboard:
            raise RequestError(404, "404 Merge Train Merge Request Not Found")
        return _car(gitlab, request, project, number)

    @routes.post("/merge_trains/merge_requests/{number}", status_code=201)
    async def allocation(request: Request, project: str, number: int) -> list[Json]:
        path, fields = gitlab.path(request, project), await request.json()
        if forge.request(path, number).head != fields["sha"]:
            raise RequestError(409, "SHA does not match HEAD of source branch")
        if gitlab.squash_option == "always" and not fields.get("squash"):
            raise RequestError(400, "The merge request could not be added to the merge train")
        gitlab.aboard[number] = fields["sha"]
        return [_car(gitlab, request, project, number)]

    @routes.post("/merge_requests/{number}/notes/{note}/award_emoji", status_code=201)
    async def award(request: Request, project: str, number: int, note: int) -> Json:
        found = forge.request(gitlab.path(request, project), number)
        name, user = (await request.json())["name"], gitlab.signed_in(request)
        if (note, name) in gitlab.awards:
            raise RequestError(404, "404 Award Emoji Name has already been taken Not Found")
        gitlab.awards.append((note, name))
        gitlab.touched.add((found.repository, number, note))
        return {
            "id": len(gitlab.awards),
            "name": name,
            "user": shapes.user(user, gitlab.web),
            "created_at": projects.stamp(gitlab.clock()),
            "updated_at": projects.stamp(gitlab.clock()),
            "awardable_id": note,
            "awardable_type": "Note",
            "url": None,
        }

    return routes


def _car(gitlab: GitLab, request: Request, project: str, number: int) -> Json:
    found = gitlab.forge.request(gitlab.path(request, project), number)
    return {
        "id": number,
        "merge_request": {"id": number, "iid": number, "title": found.title, "state": "opened"},
        "user": shapes.user(gitlab.signed_in(request), gitlab.web),
        "pipeline": None,
        "created_at": projects.stamp(gitlab.clock()),
        "updated_at": projects.stamp(gitlab.clock()),
        "target_branch": found.target,
        "status": "idle",
        "merged_at": None,
        "duration": None,
    }
