"""The forge's programming interface: JSON over HTTP under /api/v1, with a bearer token."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, HTTPException, Request

from bot.localforge.accounts import RefusedError
from bot.localforge.forge import Forge
from bot.localforge.records import Comment, MergeRequest, User

Json = dict[str, Any]
Fields = Annotated[Json, Body()]


def router(forge: Forge) -> APIRouter:
    """All routes."""

    async def signed_in(request: Request) -> User:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = forge.authenticate(None, token) if scheme.lower() == "bearer" else None
        if user is None:
            raise HTTPException(401, "a valid token is needed")
        return user

    api = Api(forge)
    routes = APIRouter(prefix="/api/v1")
    routes.include_router(_repository_routes(api, signed_in))
    routes.include_router(_request_routes(api, signed_in))
    routes.include_router(_talk_routes(api, signed_in))
    return routes


class Api:
    """Records as JSON."""

    def __init__(self, forge: Forge) -> None:
        self.forge = forge

    def user(self, user: User) -> Json:
        """A user without secrets."""
        return {"id": user.id, "login": user.login, "email": user.email, "bot": user.bot}

    def login(self, login: str) -> Json:
        """The user of a login."""
        return self.user(self.forge.users[login])

    def request(self, request: MergeRequest) -> Json:
        """A merge request; conflicts are computed for open ones only."""
        conflicts = False
        if request.state == "open":
            onto = self.forge.git.head(request.repository, request.target)
            conflicts = onto is not None and self.forge.git.conflicts(
                request.repository, onto, request.head
            )
        return {
            "number": request.number,
            "title": request.title,
            "body": request.body,
            "state": request.state,
            "source_branch": request.source,
            "target_branch": request.target,
            "head": request.head,
            "author": self.login(request.author),
            "labels": request.labels,
            "merge_sha": request.merge_sha,
            "closed_by": request.closed_by,
            "conflicts": conflicts,
        }

    def comment(self, comment: Comment) -> Json:
        """A comment."""
        return {
            "id": comment.id,
            "author": self.login(comment.author),
            "body": comment.body,
            "created_at": comment.at,
            "edited": comment.edited,
        }


def _repository_routes(api: Api, signed_in: Any) -> APIRouter:
    forge = api.forge
    routes = APIRouter()
    signed = Annotated[User, Depends(signed_in)]

    @routes.get("/user")
    async def me(user: signed) -> Json:
        return api.user(user)

    @routes.get("/repos/{group}/{name}")
    async def repository(group: str, name: str, user: signed) -> Json:
        path = f"{group}/{name}"
        forge.require(user, path, "read")
        return {"path": path, "default_branch": forge.repository(path).default_branch}

    @routes.get("/repos/{group}/{name}/members/{login}")
    async def member(group: str, name: str, login: str, user: signed) -> Json:
        forge.require(user, f"{group}/{name}", "read")
        return {"role": forge.role(f"{group}/{name}", login)}

    @routes.get("/repos/{group}/{name}/statuses/{sha}")
    async def statuses(group: str, name: str, sha: str, user: signed) -> list[Json]:
        forge.require(user, f"{group}/{name}", "read")
        return [
            {"context": s.context, "state": s.state, "description": s.description, "url": s.url}
            for s in forge.statuses(f"{group}/{name}", sha)
        ]

    @routes.post("/repos/{group}/{name}/statuses/{sha}", status_code=201)
    async def set_status(group: str, name: str, sha: str, fields: Fields, user: signed) -> Json:
        status = {key: _text(fields, key) for key in ("context", "state", "description", "url")}
        forge.set_status(user, f"{group}/{name}", sha, status)
        return status

    @routes.get("/repos/{group}/{name}/commits/{sha}/merge_request")
    async def of_commit(group: str, name: str, sha: str, user: signed) -> Json | None:
        forge.require(user, f"{group}/{name}", "read")
        for request in forge.requests_of(f"{group}/{name}", "merged"):
            if request.merge_sha == sha:
                return api.request(request)
        return None

    return routes


def _request_routes(api: Api, signed_in: Any) -> APIRouter:
    forge = api.forge
    routes = APIRouter(prefix="/repos/{group}/{name}/merge_requests")
    signed = Annotated[User, Depends(signed_in)]

    @routes.get("")
    async def listing(
        group: str, name: str, user: signed, state: str = "open", branch_prefix: str = ""
    ) -> list[Json]:
        forge.require(user, f"{group}/{name}", "read")
        found = forge.requests_of(f"{group}/{name}", state, branch_prefix)
        return await asyncio.to_thread(lambda: [api.request(each) for each in found])

    @routes.get("/{number}")
    async def one(group: str, name: str, number: int, user: signed) -> Json:
        forge.require(user, f"{group}/{name}", "read")
        return api.request(forge.request(f"{group}/{name}", number))

    @routes.post("", status_code=201)
    async def create(group: str, name: str, fields: Fields, user: signed) -> Json:
        made = await asyncio.to_thread(
            forge.open_request,
            user,
            f"{group}/{name}",
            source=_text(fields, "branch"),
            target=_text(fields, "target"),
            title=_text(fields, "title"),
            body=_text(fields, "body"),
        )
        return api.request(made)

    @routes.patch("/{number}")
    async def edit(group: str, name: str, number: int, fields: Fields, user: signed) -> Json:
        path = f"{group}/{name}"
        if "title" in fields:
            title, body = _text(fields, "title"), _text(fields, "body")
            forge.edit_request(user, path, number, title=title, body=body)
        if "state" in fields:
            forge.set_state(user, path, number, _text(fields, "state"))
        return api.request(forge.request(path, number))

    @routes.post("/{number}/merge")
    async def merge(group: str, name: str, number: int, fields: Fields, user: signed) -> Json:
        head, message = _text(fields, "head"), _text(fields, "message")
        path = f"{group}/{name}"
        sha = await asyncio.to_thread(forge.merge, user, path, number, head=head, message=message)
        return {"sha": sha}

    return routes


def _talk_routes(api: Api, signed_in: Any) -> APIRouter:
    forge = api.forge
    routes = APIRouter(prefix="/repos/{group}/{name}/merge_requests/{number}")
    signed = Annotated[User, Depends(signed_in)]

    @routes.get("/comments")
    async def comments(group: str, name: str, number: int, user: signed) -> list[Json]:
        forge.require(user, f"{group}/{name}", "read")
        found = forge.request(f"{group}/{name}", number).comments
        return [api.comment(each) for each in found]

    @routes.post("/comments", status_code=201)
    async def comment(group: str, name: str, number: int, fields: Fields, user: signed) -> Json:
        made = forge.comment(user, f"{group}/{name}", number, _text(fields, "body"))
        return api.comment(made)

    @routes.patch("/comments/{comment_id}")
    async def edit(
        group: str, name: str, number: int, comment_id: int, *, fields: Fields, user: signed
    ) -> Json:
        body = _text(fields, "body")
        forge.edit_comment(user, f"{group}/{name}", number, comment_id, body)
        return {"id": comment_id}

    @routes.get("/reviews")
    async def reviews(group: str, name: str, number: int, user: signed) -> list[Json]:
        forge.require(user, f"{group}/{name}", "read")
        found = forge.request(f"{group}/{name}", number).reviews
        return [
            {"user": api.login(login), "head": head, "at": at}
            for login, (head, at) in sorted(found.items())
        ]

    @routes.put("/approval")
    async def approve(group: str, name: str, number: int, user: signed) -> Json:
        forge.review(user, f"{group}/{name}", number, approve=True)
        return {"approved": True}

    @routes.delete("/approval")
    async def withdraw(group: str, name: str, number: int, user: signed) -> Json:
        forge.review(user, f"{group}/{name}", number, approve=False)
        return {"approved": False}

    @routes.put("/labels/{label:path}")
    async def label(group: str, name: str, number: int, label: str, user: signed) -> Json:
        forge.label(user, f"{group}/{name}", number, label, present=True)
        return {"label": label}

    @routes.delete("/labels/{label:path}")
    async def unlabel(group: str, name: str, number: int, label: str, user: signed) -> Json:
        forge.label(user, f"{group}/{name}", number, label, present=False)
        return {"label": label}

    return routes


def _text(fields: Json, name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise RefusedError(422, f"{name} is a string")
    return value
