"""GitHub's routes for what a branch requires."""

from fastapi import APIRouter, Request

from tests.fakes.github import shapes
from tests.fakes.github.state import GitHub, Json


def routes(github: GitHub) -> APIRouter:
    routes, forge = APIRouter(prefix="/api/v3/repos/{owner}/{name}"), github.forge

    @routes.get("/branches/{branch}")
    async def protection(request: Request, owner: str, name: str, branch: str) -> Json:
        forge.require(github.signed_in(request), f"{owner}/{name}", "read")
        found = forge.repository(f"{owner}/{name}")
        contexts = found.required_statuses if branch in found.protected else []
        checks = [{"context": each, "app_id": github.protection_app} for each in contexts]
        bot = shapes.user(forge.users[github.bot], github.web)
        head = forge.git.head(f"{owner}/{name}", branch)
        return {
            "name": branch,
            "commit": {"sha": head, "author": bot, "committer": bot},
            "protected": branch in found.protected,
            "protection": {
                "enabled": branch in found.protected,
                "required_status_checks": {"contexts": contexts, "checks": checks},
            },
        }

    @routes.get("/rules/branches/{branch}")
    async def ruled(request: Request, owner: str, name: str, branch: str) -> list[Json]:
        forge.require(github.signed_in(request), f"{owner}/{name}", "read")
        return github.rules_of(f"{owner}/{name}") if branch == "main" else []

    return routes
