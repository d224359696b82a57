"""GitHub's routes for Apps: who it is, its tokens, its webhook and its birth from a manifest."""

import re

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.sandbox.forge.accounts import RequestError
from tests.fakes.github import shapes
from tests.fakes.github.state import Delivery, GitHub, Json

INSTALLATION = 11
API = "/api/v3"
FOR_A_JWT = re.compile(
    r"/app|/app/hook/.+|/app/installation-requests|/app/installations(/[^/]+(/[^/]+)?)?"
    r"|/marketplace_listing/.+|/(orgs|enterprises|users)/[^/]+/installation"
    r"|/repos/[^/]+/[^/]+/installation"
)
JWT = re.compile(rb"(bearer|token) [^.]+\.[^.]+\.[^.]+", re.IGNORECASE)


class RefusedJwt:
    """Refuses an App's JWT with 401 where GitHub takes none, such as at `/users/{username}`.

    Sources: GitHub Docs, "Authenticating as a GitHub App" ("the documentation for that endpoint
    will indicate that you must use a JWT"; GraphQL takes none); the list of such endpoints is that
    of octokit/auth-app.js, src/requires-app-auth.ts. They in turn take nothing else, see
    `GitHub.app_signed_in`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/"):
            given = dict(scope["headers"]).get(b"authorization", b"")
            path = scope["path"].removeprefix(API)
            if JWT.fullmatch(given) and not FOR_A_JWT.fullmatch(path):
                body = {
                    "message": "Bad credentials",
                    "documentation_url": "https://docs.github.com/rest",
                }
                await JSONResponse(body, 401)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def routes(github: GitHub) -> APIRouter:
    routes = APIRouter(prefix="/api/v3")
    routes.routes += [*_tokens(github).routes, *_hook(github).routes]

    @routes.get("/users/{login}")
    async def user(request: Request, login: str) -> Json:
        """Public, but a token that is sent must be good (GitHub Docs, "Troubleshooting")."""
        if "authorization" in request.headers:
            github.signed_in(request)
        found = github.forge.users.get(login.removesuffix("[bot]"))
        if found is None:
            raise RequestError(404, "Not Found")
        return shapes.user(found, github.web)

    @routes.get("/user/{which}")
    async def by_id(request: Request, which: int) -> Json:
        """By the id, which stays when the login changes ("Get a user using their ID")."""
        github.signed_in(request)
        found = [each for each in github.forge.users.values() if each.id == which]
        if not found:
            raise RequestError(404, "Not Found")
        return shapes.user(found[0], github.web)

    @routes.get("/user")
    async def me(request: Request) -> Json:
        return shapes.user(github.signed_in(request), github.web)

    @routes.post("/app-manifests/{code}/conversions", status_code=201)
    async def convert(code: str) -> Json:
        """A code is good once (GitHub Docs, "Registering a GitHub App from a manifest")."""
        try:
            return github.manifests.pop(code)
        except KeyError:
            raise RequestError(404, "Not Found") from None

    return routes


def _tokens(github: GitHub) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v3"), github.forge

    @routes.get("/app")
    async def app(request: Request) -> Json:
        """What the App asks for; an installation has what its account accepted of it.

        GitHub Docs, "Modifying a GitHub App registration", "Approving updated permissions".
        """
        github.app_signed_in(request)
        return {
            "id": 7,
            "slug": github.bot,
            "name": github.bot.capitalize(),
            "permissions": github.permissions,
            "events": github.events,
        }

    @routes.get("/app/installations")
    async def installations(request: Request) -> list[Json]:
        """Suspended ones too, with the time (GitHub Docs, "List installations")."""
        github.app_signed_in(request)
        return [_installation(github, each) for each in github.accounts]

    @routes.get("/repos/{owner}/{name}/installation")
    async def of_repository(request: Request, owner: str, name: str) -> Json:
        github.app_signed_in(request)
        if forge.role(f"{owner}/{name}", github.bot) == "none":
            raise RequestError(404, "Not Found")
        return _installation(github, owner)

    @routes.get("/orgs/{org}/installation")
    async def of_organisation(request: Request, org: str) -> Json:
        github.app_signed_in(request)
        if org not in github.accounts:
            raise RequestError(404, "Not Found")
        return _installation(github, org)

    @routes.post("/app/installations/{which}/access_tokens", status_code=201)
    async def token(request: Request, which: int) -> Json:
        github.app_signed_in(request)
        return github.mint(github.accounts[which - INSTALLATION], await request.json())

    @routes.get("/orgs/{org}/teams/{team}/memberships/{login}")
    async def membership(request: Request, org: str, team: str, login: str) -> Json:
        github.signed_in(request)
        if login not in github.teams.get(f"{org}/{team}", set()):
            raise RequestError(404, "Not Found")
        return {"url": f"{github.web}/api/v3/x", "role": "member", "state": "active"}

    return routes


def _installation(github: GitHub, account: str) -> Json:
    """Suspended ones tell since when (GitHub's OpenAPI description, `installation`)."""
    at = f"{github.clock():%Y-%m-%dT%H:%M:%SZ}" if account in github.suspended else None
    return {
        "id": INSTALLATION + github.accounts.index(account),
        "account": {"login": account},
        "permissions": github.granted,
        "suspended_at": at,
    }


def _hook(github: GitHub) -> APIRouter:
    routes = APIRouter(prefix="/api/v3/app/hook")

    @routes.get("/config")
    async def config(request: Request) -> Json:
        github.app_signed_in(request)
        return {"url": github.hook_url, "content_type": "json", "insecure_ssl": "0"}

    @routes.get("/deliveries")
    async def deliveries(request: Request) -> list[Json]:
        github.app_signed_in(request)
        return [_told(github, each) for each in reversed(github.deliveries)][:100]

    @routes.post("/deliveries/{which}/attempts", status_code=202)
    async def attempt(request: Request, which: int) -> Json:
        github.app_signed_in(request)
        github.redeliver(next(each for each in github.deliveries if each.id == which))
        return {}

    return routes


def _told(github: GitHub, found: Delivery) -> Json:
    return {
        "id": found.id,
        "guid": found.guid,
        "delivered_at": f"{github.clock():%Y-%m-%dT%H:%M:%SZ}",
        "redelivery": found.redelivery,
        "duration": 0.1,
        "status": "OK" if found.status == 202 else "Invalid HTTP Response",
        "status_code": found.status,
        "event": found.event,
        "action": None,
        "installation_id": INSTALLATION,
        "repository_id": None,
    }
