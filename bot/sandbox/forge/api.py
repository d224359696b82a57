"""The forge's API: JSON over HTTP under /api/v1, with a bearer token.

This module serves users, repositories, statuses and webhooks; `api_requests` merge requests.
"""

from fastapi import APIRouter

from bot.sandbox.forge import api_requests, conversation, serialization
from bot.sandbox.forge.accounts import RequestError
from bot.sandbox.forge.api_access import MAX_BODY, Fields, Me, Path, TheForge, text
from bot.sandbox.forge.api_requests import MAX_PAGE, Limit
from bot.sandbox.forge.serialization import Json

MAX_DELIVERIES = 100

routes = APIRouter(prefix="/repos/{group}/{name}")


def router() -> APIRouter:
    """All routes. Handlers are plain functions: FastAPI runs them in threads."""
    root = APIRouter(prefix="/api/v1", max_body_size=MAX_BODY)
    root.add_api_route("/user", me)
    root.add_api_route("/users", users)
    root.include_router(routes)
    root.include_router(api_requests.routes)
    return root


def me(user: Me) -> Json:
    """The user of the token."""
    return serialization.user(user)


def users(forge: TheForge, user: Me, id: int | None = None, email: str = "") -> list[Json]:  # noqa: A002 - the name of the parameter in the address
    """The user with an id, or with an e-mail address."""
    del user
    found = list(forge.users.values())
    return [
        serialization.user(each)
        for each in found
        if each.id == id or (email and each.email == email)
    ]


@routes.get("")
def repository(forge: TheForge, path: Path) -> Json:
    """The repository and its rules."""
    return serialization.repository(forge.repository(path))


@routes.get("/members/{login}")
def member(forge: TheForge, path: Path, login: str) -> Json:
    """The role of a user; `none` for an unknown one."""
    return {"role": forge.role(path, login)}


@routes.get("/statuses/{sha}")
def statuses(forge: TheForge, path: Path, sha: str) -> list[Json]:
    """The newest status of each context on a commit."""
    return [serialization.status(each) for each in forge.statuses(path, sha)]


@routes.post("/statuses/{sha}", status_code=201)
def set_status(forge: TheForge, path: Path, user: Me, sha: str, fields: Fields) -> Json:
    """Set the status of a context on a commit."""
    given = {key: text(fields, key) for key in ("context", "state", "description", "url")}
    conversation.set_status(forge, user, path, sha, given)
    return given


@routes.get("/commits/{sha}/merge_request")
def of_commit(forge: TheForge, path: Path, sha: str) -> Json | None:
    """The merge request with that merge commit; null if there is none."""
    for request in forge.requests_of(path, "merged"):
        if request.merge_sha == sha:
            return serialization.request(forge, request)
    return None


@routes.get("/branch-updates")
def updates(forge: TheForge, path: Path, after: int = 0, limit: Limit = MAX_PAGE) -> list[Json]:
    """Who moved which branch, oldest first; `after` (a number, not included) and `limit` page."""
    found = [each for each in forge.updates(path) if each.number > after]
    return [serialization.update(each) for each in found[:limit]]


@routes.get("/hooks")
def hooks(forge: TheForge, path: Path, user: Me) -> list[Json]:
    """The webhooks of a repository, without their secrets."""
    forge.require(user, path, "admin")
    return [{"url": each.url} for each in forge.hooks.of(path)]


@routes.post("/hooks", status_code=201)
def add_hook(forge: TheForge, path: Path, user: Me, fields: Fields) -> Json:
    """Add a webhook; its events are signed with the secret."""
    forge.require(user, path, "admin")
    url, secret = text(fields, "url"), text(fields, "secret")
    if not url.startswith(("http://", "https://")) or not secret:
        raise RequestError(422, "a webhook requires a URL (http or https) and a secret")
    forge.hooks.add(path, url, secret)
    return {"url": url}


@routes.delete("/hooks")
def remove_hook(forge: TheForge, path: Path, user: Me, url: str) -> Json:
    """Remove a webhook."""
    forge.require(user, path, "admin")
    return {"removed": forge.hooks.remove(path, url)}


@routes.get("/deliveries")
def deliveries(forge: TheForge, path: Path, user: Me) -> list[Json]:
    """The deliveries, newest first."""
    forge.require(user, path, "admin")
    return [serialization.delivery(each) for each in forge.hooks.deliveries(path)[:MAX_DELIVERIES]]


@routes.post("/deliveries/{delivery}/redeliver", status_code=202)
def redeliver(forge: TheForge, path: Path, user: Me, delivery: str) -> Json:
    """Send a delivery again with the same id."""
    forge.require(user, path, "admin")
    if not forge.hooks.redeliver(path, delivery):
        raise RequestError(404, f"delivery {delivery} does not exist, or its webhook was removed")
    return {"id": delivery}
