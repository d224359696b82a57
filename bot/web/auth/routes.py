"""The pages by which people sign in and out."""

import hmac
import secrets
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.forges import ForgeError
from bot.web.auth import Auth, Visitor
from bot.web.auth.oauth import Flow
from bot.web.auth.sessions import BEGUN, SESSION
from bot.web.ui import environment

LONGEST = 1000
STALE = "This sign-in was not begun in this browser, or too long ago: begin again."


def router(auth: Auth) -> APIRouter:
    """The routes."""
    routes, templates = APIRouter(include_in_schema=False), environment()

    @routes.get("/sign-in")
    def choose(request: Request, back: str = "/") -> HTMLResponse:
        ways = auth.ways()
        if not ways:
            raise HTTPException(status.HTTP_404_NOT_FOUND, "No sign-in is set up here.")
        visitor = auth.sessions.visitor(request)
        page = templates.get_template("sign_in.html")
        return HTMLResponse(page.render(ways=ways, back=own_path(back), visitor=visitor))

    @routes.get("/sign-in/{forge}")
    def begin(forge: str, back: str = "/") -> Response:
        state = secrets.token_urlsafe(32)
        response = _away(_flow(auth, forge, state).address(state))
        begun = {"forge": forge, "state": state, "back": own_path(back)}
        auth.sessions.write(response, BEGUN, begun)
        return response

    @routes.get("/sign-in/{forge}/done")
    async def done(
        request: Request, forge: str, code: str = "", state: str = "", error: str = ""
    ) -> Response:
        return await _done(auth, request, forge, (code, state, error))

    @routes.post("/sign-out")
    def leave(sec_fetch_site: Annotated[str, Header()] = "same-origin") -> Response:
        if sec_fetch_site != "same-origin":
            raise HTTPException(status.HTTP_403_FORBIDDEN, "another site sent this form")
        response = _away("/")
        auth.sessions.end(response, SESSION)
        return response

    return routes


async def _done(auth: Auth, request: Request, forge: str, told: tuple[str, str, str]) -> Response:
    """Finish a sign-in, for the browser that began it."""
    code, state, error = told
    begun = auth.sessions.read(request, BEGUN)
    if begun is None or begun["forge"] != forge or not _same(begun["state"], state):
        raise HTTPException(status.HTTP_403_FORBIDDEN, STALE)
    flow = _flow(auth, forge, state)
    if error or not code:
        why = f"{flow.way.title} did not sign you in: {error[:100] or 'no code came'}"
        raise HTTPException(status.HTTP_403_FORBIDDEN, why)
    try:
        visitor = Visitor(forge, await flow.login(code))
    except ForgeError as refused:
        raise HTTPException(status.HTTP_502_BAD_GATEWAY, str(refused)) from refused
    await auth.access.check(visitor, anew=True)
    response = _away(begun["back"])
    auth.sessions.begin(response, visitor)
    auth.sessions.end(response, BEGUN)
    return response


def _flow(auth: Auth, forge: str, state: str) -> Flow:
    way = auth.ways().get(forge)
    if way is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND, f"nobody can sign in at {forge[:LONGEST]}")
    back = f"{auth.context.public_url}/sign-in/{forge}/done"
    return Flow(way, back, auth.sessions.verifier(state))


def own_path(back: str) -> str:
    """A path of this service to go back to; the first page for everything else."""
    plain = back.startswith("/") and back.isprintable() and len(back) <= LONGEST
    return back if plain and not back.startswith(("//", "/\\", "/sign-")) else "/"


def _away(where: str) -> RedirectResponse:
    return RedirectResponse(where, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
