"""The routes by which people sign in and out."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request, status
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bot.forges import ForgeError
from bot.web.auth import Auth, Visitor
from bot.web.auth.oauth import AuthorizationCodeFlow
from bot.web.auth.sessions import PENDING_SIGN_IN, SESSION
from bot.web.auth.tokens import TooManyTokensError
from bot.web.ui import environment

MAX_LENGTH = 1000
FOREIGN_OR_EXPIRED = "This sign-in was started in another browser, or it has expired. Start again."


@dataclass(frozen=True, slots=True)
class Callback:
    """What a forge answers to a sign-in (RFC 6749, section 4.1.2)."""

    forge: str
    code: str
    state: str
    error: str


async def _auth(request: Request) -> Auth:
    auth: Auth = request.app.state.auth
    return auth


OWN_SITE = "same-origin"
FetchSite = Annotated[str, Header(alias="sec-fetch-site")]
Access = Annotated[Auth, Depends(_auth)]
routes = APIRouter(include_in_schema=False)


def serve(app: FastAPI, auth: Auth) -> None:
    """Serve the routes; they are made once, at import."""
    app.state.auth = auth
    app.router.routes += routes.routes


@routes.get("/sign-in")
def choose(auth: Access, request: Request, back: str = "/") -> HTMLResponse:
    """The forges at which people can sign in."""
    sign_ins = auth.sign_ins()
    if not sign_ins:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No sign-in is configured.")
    return _account(auth, auth.sessions.visitor(request), back)


@routes.get("/sign-in/{forge}")
def start(auth: Access, forge: str, back: str = "/") -> Response:
    """Send the browser to the forge."""
    state = secrets.token_urlsafe(32)
    response = _redirect(_flow(auth, forge, state).authorize_url(state))
    pending = {"forge": forge, "state": state, "back": own_path(back)}
    auth.sessions.write(response, PENDING_SIGN_IN, pending)
    return response


@routes.get("/sign-in/{forge}/done")
async def finish(
    auth: Access, request: Request, forge: str, *, code: str = "", state: str = "", error: str = ""
) -> Response:
    """Take the forge's answer."""
    return await _finish(auth, request, Callback(forge, code, state, error))


@routes.post("/tokens")
def create_token(auth: Access, request: Request, site: FetchSite = OWN_SITE) -> HTMLResponse:
    """Make a token for the command line, and show it once."""
    visitor = _person(auth, request, site)
    try:
        token = auth.tokens.create(visitor)
    except TooManyTokensError:
        reason = "You have ten tokens. Revoke one on the account page before you make another."
        raise HTTPException(status.HTTP_409_CONFLICT, reason) from None
    page = _account(auth, visitor, "/", token)
    page.headers["cache-control"] = "no-store"
    return page


@routes.post("/tokens/{name}/revoke")
def revoke_token(auth: Access, request: Request, name: str, site: FetchSite = OWN_SITE) -> Response:
    """End one of one's tokens."""
    auth.tokens.revoke(_person(auth, request, site), name)
    return _redirect("/sign-in")


@routes.post("/sign-out")
def sign_out(auth: Access, site: FetchSite = OWN_SITE) -> Response:
    """End a session, if the request comes from our own pages."""
    _refuse_foreign(site)
    response = _redirect("/")
    auth.sessions.delete(response, SESSION)
    return response


def _person(auth: Auth, request: Request, site: str) -> Visitor:
    """Who signed in, if the request comes from our own pages."""
    _refuse_foreign(site)
    visitor = auth.sessions.visitor(request)
    if visitor is None:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, "Tokens are for people who signed in at a forge."
        )
    return visitor


def _refuse_foreign(site: str) -> None:
    if site != OWN_SITE:
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, "Requests from other sites are not accepted."
        )


def _account(auth: Auth, visitor: Visitor | None, back: str, token: str = "") -> HTMLResponse:
    page = (
        environment()
        .get_template("sign_in.html")
        .render(
            sign_ins=auth.sign_ins(),
            back=own_path(back),
            visitor=visitor,
            token=token,
            tokens=auth.tokens.of(visitor) if visitor else {},
        )
    )
    return HTMLResponse(page)


async def _finish(auth: Auth, request: Request, answer: Callback) -> Response:
    """Finish a sign-in, for the browser that started it."""
    pending = auth.sessions.read(request, PENDING_SIGN_IN)
    if (
        pending is None
        or pending["forge"] != answer.forge
        or not _equal(pending["state"], answer.state)
    ):
        raise HTTPException(status.HTTP_403_FORBIDDEN, FOREIGN_OR_EXPIRED)
    flow = _flow(auth, answer.forge, answer.state)
    if answer.error or not answer.code:
        reason = answer.error[:100] or "no code"
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, f"{flow.sign_in.title} refused the sign-in: {reason}"
        )
    try:
        account = await flow.account(answer.code)
    except ForgeError as error:
        raise HTTPException(status.HTTP_502_BAD_GATEWAY, str(error)) from error
    visitor = Visitor(answer.forge, account.id, account.login)
    await auth.access.check(visitor, fresh=True)
    response = _redirect(pending["back"])
    auth.sessions.sign_in(response, visitor)
    auth.sessions.delete(response, PENDING_SIGN_IN)
    return response


def _flow(auth: Auth, forge: str, state: str) -> AuthorizationCodeFlow:
    sign_in = auth.sign_ins().get(forge)
    if sign_in is None:
        raise HTTPException(
            status.HTTP_404_NOT_FOUND, f"Sign-in at {forge[:MAX_LENGTH]} is not configured."
        )
    redirect_uri = f"{auth.context.public_url}/sign-in/{forge}/done"
    return AuthorizationCodeFlow(sign_in, redirect_uri, auth.sessions.verifier(state))


def own_path(back: str) -> str:
    """A path of this service to return to; `/` for everything else."""
    plain = back.startswith("/") and back.isprintable() and len(back) <= MAX_LENGTH
    return back if plain and not back.startswith(("//", "/\\", "/sign-")) else "/"


def _redirect(url: str) -> RedirectResponse:
    return RedirectResponse(url, status.HTTP_303_SEE_OTHER, {"Cache-Control": "no-store"})


def _equal(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))
