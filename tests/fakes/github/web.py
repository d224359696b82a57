"""The pages of GitHub where a browser makes an App from a manifest."""

import json
import secrets
from html import escape
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from tests.fakes.github import manifests
from tests.fakes.github.state import GitHub, Json
from tests.fakes.oauth import OAuth


def routes(github: GitHub) -> APIRouter:
    routes = APIRouter()

    @routes.post("/settings/apps/new")
    async def mine(request: Request) -> Response:
        return await _made(github, request, "ada")

    @routes.post("/organizations/{org}/settings/apps/new")
    async def of(request: Request, org: str) -> Response:
        return await _made(github, request, org)

    ways = ("/login/oauth/authorize", "/login/oauth/access_token", 200)
    sign_in = OAuth.routes(github.oauth, *ways)
    routes.routes += sign_in.routes
    return routes


async def _made(github: GitHub, request: Request, owner: str) -> Response:
    """What GitHub does when the user agrees: the App, and a code for its keys.

    A manifest that does not hold makes no App; the page says why (see `manifests`).
    """
    manifest: Json = json.loads(str((await request.form())["manifest"]))
    if wrong := manifests.faults(manifest, public=False):
        page = "\n".join(["<h1>Invalid GitHub App configuration</h1>", *map(escape, wrong)])
        return HTMLResponse(page)
    private, github.app_key = github.new_key()
    github.hook_url = manifest["hook_attributes"]["url"]
    github.permissions, github.events = manifest["default_permissions"], manifest["default_events"]
    github.oauth.clients["Iv1.7"] = secrets.token_hex(20)
    (github.oauth.callbacks["Iv1.7"],) = manifest["callback_urls"]
    code = secrets.token_hex(20)
    github.manifests[code] = {
        "id": 7,
        "slug": github.bot,
        "name": manifest["name"],
        "owner": {"login": owner, "id": 1, "type": "Organization"},
        "html_url": f"{github.web}/apps/{github.bot}",
        "permissions": manifest["default_permissions"],
        "events": manifest["default_events"],
        "client_id": "Iv1.7",
        "client_secret": github.oauth.clients["Iv1.7"],
        "webhook_secret": secrets.token_hex(20),
        "pem": private,
    }
    query = urlencode({"code": code, "state": request.query_params["state"]})
    return RedirectResponse(f"{manifest['redirect_url']}?{query}", 302)
