"""GitHub's routes for Apps: who it is, its tokens, its webhook and its birth from a manifest."""

from fastapi import APIRouter, Request

from bot.sandbox.forge.accounts import RequestError
from tests.fakes.github import shapes
from tests.fakes.github.state import Delivery, GitHub, Json

INSTALLATION = 11


def routes(github: GitHub) -> APIRouter:
    routes = APIRouter()
    routes.include_router(_tokens(github))
    routes.include_router(_hook(github))

    @routes.get("/users/{login}")
    def user(login: str) -> Json:
        found = github.forge.users.get(login.removesuffix("[bot]"))
        if found is None:
            raise RequestError(404, "Not Found")
        return shapes.user(found, github.web)

    @routes.get("/user")
    def me(request: Request) -> Json:
        return shapes.user(github.signed_in(request), github.web)

    @routes.post("/app-manifests/{code}/conversions", status_code=201)
    def convert(code: str) -> Json:
        """A code is good once (GitHub Docs, "Registering a GitHub App from a manifest")."""
        try:
            return github.manifests.pop(code)
        except KeyError:
            raise RequestError(404, "Not Found") from None

    return routes


def _tokens(github: GitHub) -> APIRouter:
    routes, forge = APIRouter(), github.forge

    @routes.get("/app")
    def app(request: Request) -> Json:
        github.app_signed_in(request)
        return {"id": 7, "slug": github.bot, "name": github.bot.capitalize()}

    @routes.get("/repos/{owner}/{name}/installation")
    def of_repository(request: Request, owner: str, name: str) -> Json:
        github.app_signed_in(request)
        if forge.role(f"{owner}/{name}", github.bot) == "none":
            raise RequestError(404, "Not Found")
        return {"id": INSTALLATION, "account": {"login": owner}, "permissions": github.granted}

    @routes.get("/orgs/{org}/installation")
    def of_organisation(request: Request, org: str) -> Json:
        github.app_signed_in(request)
        return {"id": INSTALLATION, "account": {"login": org}, "permissions": github.granted}

    @routes.post("/app/installations/{which}/access_tokens", status_code=201)
    async def token(request: Request, which: int) -> Json:
        github.app_signed_in(request)
        assert which == INSTALLATION
        return github.mint(await request.json())

    @routes.get("/orgs/{org}/teams/{team}/memberships/{login}")
    def membership(request: Request, org: str, team: str, login: str) -> Json:
        github.signed_in(request)
        if login not in github.teams.get(f"{org}/{team}", set()):
            raise RequestError(404, "Not Found")
        return {"url": f"{github.web}/api/v3/x", "role": "member", "state": "active"}

    return routes


def _hook(github: GitHub) -> APIRouter:
    routes = APIRouter(prefix="/app/hook")

    @routes.get("/config")
    def config(request: Request) -> Json:
        github.app_signed_in(request)
        return {"url": github.hook_url, "content_type": "json", "insecure_ssl": "0"}

    @routes.get("/deliveries")
    def deliveries(request: Request) -> list[Json]:
        github.app_signed_in(request)
        return [_told(github, each) for each in reversed(github.deliveries)][:100]

    @routes.post("/deliveries/{which}/attempts", status_code=202)
    def attempt(request: Request, which: int) -> Json:
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
